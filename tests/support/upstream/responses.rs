//! The responses endpoint.

use serde_json::{Value, json};

use super::super::Ends;
use super::events::{stream, typed_event};
use super::json::Layout;
use super::{Play, json_answer};

/// The answer to a response that is asked for.
pub(super) fn answer(asked: &Value) -> Play {
    if asked["stream"] == true { stream(events(), Ends::Well) } else { json_answer(Layout::Plain, &whole()) }
}

fn response(status: &str, output: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status, "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {}, "model": "author/small", "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": {"input_tokens": 4, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 6}})
}

fn item(status: &str, text: Option<&str>) -> Value {
    let content: Vec<Value> = text.map(part).into_iter().collect();
    json!({"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content})
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn whole() -> Value {
    response("completed", &json!([item("completed", Some("It responds."))]))
}

fn events() -> Vec<String> {
    let delta = |text: &str| {
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "delta": text, "logprobs": []})
    };
    let events = [
        json!({"type": "response.created", "response": response("in_progress", &json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", None)}),
        json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "part": part("")}),
        delta("It "),
        delta("responds."),
        json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "text": "It responds.", "logprobs": []}),
        json!({"type": "response.content_part.done", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "part": part("It responds.")}),
        json!({"type": "response.output_item.done", "output_index": 0,
            "item": item("completed", Some("It responds."))}),
        json!({"type": "response.completed", "response": whole()}),
    ];
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = json!(number);
        typed_event(&event)
    });
    numbered.collect()
}
