//! Chat completions, by the question.

use serde_json::{Value, json};

use super::super::Ends;
use super::events::{COMMENT, DONE, event, stream};
use super::json::Layout;
use super::{Play, compressed, json_answer, refused};

/// The answer to a chat; `times` counts the requests that were the same.
pub(super) fn answer(asked: &Value, times: usize) -> Play {
    let streamed = asked["stream"] == true;
    let last = asked["messages"].as_array().and_then(|messages| messages.last()).unwrap();
    match last["content"].as_str().unwrap() {
        "Say hello." => json_answer(Layout::Padded, &said("Hello. Grüße! 😀")),
        "Draw a number." => json_answer(Layout::Plain, &said(&format!("number {times}"))),
        "Count to three." => stream(counted(), Ends::Well),
        "What is the weather in Oslo?" if streamed => stream(called_in_pieces(), Ends::Well),
        "What is the weather in Oslo?" => json_answer(Layout::Indented, &called()),
        "7 degrees" => json_answer(Layout::Plain, &said("It is 7 degrees in Oslo.")),
        "Who wrote Solaris?" => json_answer(Layout::Plain, &said(r#"{"author":"Stanisław Lem","year":1961}"#)),
        "Be busy once." if times == 1 => refused(429, "retry-after: 1\r\n", "the provider is busy"),
        "Be busy once." => json_answer(Layout::Plain, &said("Not any more.")),
        "Be wrong." => refused(400, "", "that is not a request"),
        "Compress it." => compressed(&said("Small. ".repeat(200).trim_end())),
        "Break in the middle." => stream(broken(), Ends::Well),
        "Hang up in the middle." => stream(vec![COMMENT.to_owned(), text("one"), text(", two")], Ends::Cut),
        other => refused(400, "", &format!("nobody has an answer to {other}")),
    }
}

fn message(message: &Value, finish_reason: &str) -> Value {
    json!({"id": "gen-1", "object": "chat.completion", "created": 1_700_000_000, "model": "author/small",
        "provider": "Nobody", "system_fingerprint": null,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": null}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0.000_012}})
}

fn said(text: &str) -> Value {
    message(&json!({"role": "assistant", "content": text, "refusal": null}), "stop")
}

fn called() -> Value {
    let function = json!({"name": "get_weather", "arguments": r#"{"city":"Oslo"}"#});
    let call = json!({"id": "call_1", "index": 0, "type": "function", "function": function});
    message(&json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
}

fn chunk(delta: &Value, finish_reason: &Value) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": null});
    event(&json!({"id": "gen-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "author/small", "provider": "Nobody", "choices": [choice]}))
}

fn text(text: &str) -> String {
    chunk(&json!({"role": "assistant", "content": text}), &Value::Null)
}

fn counted() -> Vec<String> {
    let usage = json!({"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7, "cost": 0.000_01});
    let usage = json!({"id": "gen-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "author/small", "choices": [], "usage": usage});
    let stop = chunk(&json!({"content": ""}), &json!("stop"));
    // Two events come in one piece, and one event in two.
    let two = text(", two");
    let (head, tail) = two.split_at(two.len() / 2);
    let texts = [COMMENT.to_owned(), COMMENT.to_owned() + &text("one"), head.to_owned(), tail.to_owned()];
    texts.into_iter().chain([text(", three"), stop + &event(&usage), DONE.to_owned()]).collect()
}

fn called_in_pieces() -> Vec<String> {
    let call = |call: &Value| chunk(&json!({"role": "assistant", "content": null, "tool_calls": [call]}), &Value::Null);
    let named = json!({"name": "get_weather", "arguments": ""});
    let named = call(&json!({"index": 0, "id": "call_1", "type": "function", "function": named}));
    let argument = |text: &str| call(&json!({"index": 0, "function": {"arguments": text}}));
    let stop = chunk(&json!({}), &json!("tool_calls"));
    vec![named, argument("{\"city\":"), argument("\"Oslo\"}"), stop, DONE.to_owned()]
}

fn broken() -> Vec<String> {
    let end = json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]);
    let error = json!({"code": 502, "message": "the provider went away"});
    let error = json!({"id": "gen-1", "object": "chat.completion.chunk", "error": error, "choices": end});
    vec![COMMENT.to_owned(), text("one"), text(", two"), event(&error)]
}
