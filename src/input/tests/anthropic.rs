//! Anthropic Message Batches.

use serde_json::{Value, json};

use super::{message, of_format, read};
use crate::model::{Endpoint, Format};

/// A line of the given params, with the members that each must have.
fn line(params: &Value) -> Vec<u8> {
    let mut all = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    json!({"custom_id": "a", "params": all}).to_string().into_bytes()
}

fn body(params: &Value) -> Value {
    let rows = read(&line(params), of_format(Format::AnthropicBatch));
    serde_json::from_slice(&rows[0].as_ref().unwrap().request.as_ref().unwrap().body).unwrap()
}

#[test]
fn a_whole_request_is_mapped_to_a_chat_body() {
    let written = br#"{"custom_id":"r-1","params":{"max_tokens":64,"model":"claude","system":"Be short.","temperature":0.70,"top_p":1,"top_k":5,"stop_sequences":["END"],"metadata":{"user_id":"u"},"thinking":{"type":"enabled","budget_tokens":1024},"stream":false,"service_tier":null,"messages":[{"role":"user","content":"hi"}]},"note":"n"}"#;
    let rows = read(written, of_format(Format::AnthropicBatch));
    let row = rows[0].as_ref().unwrap();
    let request = row.request.as_ref().unwrap();
    assert_eq!((row.id.as_str(), request.endpoint), ("r-1", Some(Endpoint::ChatCompletions)));
    assert_eq!(json!(row.fields), json!({"custom_id": "r-1", "note": "n"}));
    assert_eq!(
        std::str::from_utf8(&request.body).unwrap(),
        r#"{"model":"claude","messages":[{"role":"system","content":"Be short."},{"role":"user","content":"hi"}],"max_tokens":64,"temperature":0.7,"top_p":1,"top_k":5,"stop":["END"],"reasoning":{"max_tokens":1024},"user":"u"}"#
    );
}

#[test]
fn blocks_become_parts_calls_and_tool_messages() {
    let cache = json!({"type": "ephemeral"});
    let params = json!({
        "system": [{"type": "text", "text": "s", "cache_control": cache}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look", "cache_control": null},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAA="}},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "calling"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": [2.5]}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "r"}], "is_error": false},
                {"type": "tool_result", "tool_use_id": "t2"},
                {"type": "text", "text": "go on"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t3", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t3", "content": "s"}]}]
    });
    let expected = json!([
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": cache}]},
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAA="}},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "calling"}], "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"b\":1,\"a\":[2.5]}"}}]},
        {"role": "tool", "tool_call_id": "t1", "content": [{"type": "text", "text": "r"}]},
        {"role": "tool", "tool_call_id": "t2", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "go on"}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "t3", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "t3", "content": "s"}]);
    assert_eq!(body(&params)["messages"], expected);
}

#[test]
fn tools_and_their_choice_are_mapped() {
    let schema = json!({"type": "object", "properties": {}});
    let tools = json!([
        {"name": "f", "description": "d", "input_schema": schema},
        {"type": "custom", "name": "g", "input_schema": schema, "strict": true}]);
    let expected = json!([
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}},
        {"type": "function", "function": {"name": "g", "parameters": schema, "strict": true}}]);
    let choices = [
        (json!({"type": "auto"}), json!("auto"), Value::Null),
        (json!({"type": "any", "disable_parallel_tool_use": true}), json!("required"), json!(false)),
        (json!({"type": "none"}), json!("none"), Value::Null),
        (json!({"type": "tool", "name": "f"}), json!({"type": "function", "function": {"name": "f"}}), Value::Null),
    ];
    for (choice, mapped, parallel) in choices {
        let body = body(&json!({"tools": tools, "tool_choice": choice}));
        assert_eq!(body["tools"], expected);
        assert_eq!((&body["tool_choice"], &body["parallel_tool_calls"]), (&mapped, &parallel));
    }
}

#[test]
fn empty_lists_ask_for_nothing() {
    let body = body(&json!({"system": [], "tools": [], "stop_sequences": [], "thinking": {"type": "disabled"}}));
    let hi = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(body, json!({"messages": hi, "max_tokens": 9, "reasoning": {"enabled": false}}));
}

#[test]
fn what_has_no_counterpart_is_refused_by_its_path() {
    let user = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let assistant = |blocks: Value| json!({"messages": [{"role": "assistant", "content": blocks}]});
    let text = json!({"type": "text", "text": "x"});
    let none = "has no counterpart in chat/completions";
    let cases = [
        (json!({"container": "c"}), format!("params.container {none}")),
        (json!({"stream": true}), "params.stream is true, which a batch cannot have".to_owned()),
        (json!({"max_tokens": 0}), "params.max_tokens is 0, which a batch cannot have".to_owned()),
        (json!({"max_tokens": -1}), "params.max_tokens is a number, not a whole number from 1".to_owned()),
        (json!({"max_tokens": null}), "params.max_tokens is missing".to_owned()),
        (json!({"messages": null}), "params.messages is missing".to_owned()),
        (json!({"messages": "hi"}), "params.messages is a string, not a list".to_owned()),
        (json!({"messages": [7]}), "params.messages[0] is a number, not an object".to_owned()),
        (json!({"temperature": "1"}), "params.temperature is a string, not a number".to_owned()),
        (json!({"stop_sequences": ["a", 1]}), "params.stop_sequences[1] is a number, not a string".to_owned()),
        (json!({"metadata": {"user_id": "u", "team": "t"}}), format!("params.metadata.team {none}")),
        (json!({"thinking": {"type": "adaptive"}}), format!("params.thinking.type {none}: \"adaptive\"")),
        (json!({"thinking": {"type": "enabled"}}), "params.thinking.budget_tokens is missing".to_owned()),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            "params.tools[0].type is a tool of the server's, which chat/completions has not: \"web_search_20250305\""
                .to_owned(),
        ),
        (
            json!({"tools": [{"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}}]}),
            format!("params.tools[0].cache_control {none}"),
        ),
        (json!({"tools": [{"name": "f"}]}), "params.tools[0].input_schema is missing".to_owned()),
        (json!({"tool_choice": {"type": "maybe"}}), format!("params.tool_choice.type {none}: \"maybe\"")),
        (user(json!({"type": "document", "source": {}})), format!("params.messages[0].content[0].type {none}: \"document\"")),
        (
            user(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            format!("params.messages[0].content[0].source.type {none}: \"file\""),
        ),
        (user(json!({"type": "text", "text": "x", "citations": []})), format!("params.messages[0].content[0].citations {none}")),
        (
            user(json!({"type": "tool_result", "tool_use_id": "t", "is_error": true})),
            "params.messages[0].content[0].is_error is true, which chat/completions has no word for".to_owned(),
        ),
        (
            json!({"messages": [{"role": "user", "content": [text, {"type": "tool_result", "tool_use_id": "t"}]}]}),
            "params.messages[0].content[1].type is tool_result behind another block, an order that chat/completions has not"
                .to_owned(),
        ),
        (
            assistant(json!([{"type": "tool_use", "id": "t", "name": "f", "input": {}}, text])),
            "params.messages[0].content[1].type is text behind a tool_use, an order that chat/completions has not".to_owned(),
        ),
        (
            assistant(json!([{"type": "thinking", "thinking": "…", "signature": "s"}])),
            format!("params.messages[0].content[0].type {none}: \"thinking\""),
        ),
        (assistant(json!([])), "params.messages[0].content is empty".to_owned()),
        (
            json!({"messages": [{"role": "system", "content": "x"}]}),
            "params.messages[0].role is neither user nor assistant: \"system\"".to_owned(),
        ),
        (
            json!({"messages": [{"role": "user", "content": "x", "name": "n"}]}),
            format!("params.messages[0].name {none}"),
        ),
        (json!({"system": [{"type": "image"}]}), format!("params.system[0].type {none}: \"image\"")),
    ];
    for (params, expected) in cases {
        assert_eq!(message(&line(&params), of_format(Format::AnthropicBatch)), format!("q:1: {expected}"));
    }
}

#[test]
fn a_line_of_another_shape_says_what_it_looks_like() {
    let cases = [
        (
            r#"{"requests":[{"custom_id":"a","params":{}}]}"#,
            "q:1: custom_id is missing; this looks like a whole batch: put one request a line, as jq -c '.requests[]' does",
        ),
        (
            r#"{"custom_id":"a","method":"POST","url":"/v1/responses","body":{}}"#,
            "q:1: params is missing; this line looks like OpenAI Batch; set format = \"openai-batch\"",
        ),
        (r#"{"custom_id":"a","params":[]}"#, "q:1: params is a list, not an object"),
        (
            r#"{"custom_id":"a","params":{"n":123456789012345678901}}"#,
            "q:1:32: an integer beyond 64 bits cannot be kept exact: …\"arams\\\":{\\\"n\\\":123456789012345678901}}\"",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(message(line.as_bytes(), of_format(Format::AnthropicBatch)), expected);
    }
}
