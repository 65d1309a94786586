//! The shape of OpenAI's Responses.

use bytes::Bytes;
use serde_json::{Value, json};

use super::answered::{Answer, Content, Finish};
use super::events::{DONE, PROCESSING, named, pieces};

/// The body of an answer. One that an error ended has the error and no output.
pub(super) fn body(answer: &Answer<'_>) -> Value {
    let (status, incomplete) = match answer.finish {
        Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        Finish::Error => ("failed", Value::Null),
        Finish::Stop | Finish::ToolCalls => ("completed", Value::Null),
    };
    let output = if answer.error.is_some() { None } else { item(answer, status) };
    let mut body = json!({
        "id": format!("resp_{}", answer.identity.suffix()), "object": "response",
        "created_at": answer.identity.created, "model": answer.ask.model, "status": status,
        "incomplete_details": incomplete, "error": null,
        "output": output.into_iter().collect::<Vec<_>>(),
        "usage": answer.usage.input_output(),
    });
    if let Some(error) = answer.error_object() {
        body["error"] = json!({"code": "server_error", "message": error["message"]});
        body["error_type"] = error["metadata"]["error_type"].clone();
    }
    body
}

/// What is in `output`: a message, or the call of a function.
fn item(answer: &Answer<'_>, status: &str) -> Option<Value> {
    let suffix = answer.identity.suffix();
    match &answer.content {
        Content::Text(text) => {
            let part = json!({"type": "output_text", "text": text, "annotations": []});
            Some(json!({
                "type": "message", "id": format!("msg_{suffix}"), "status": status, "role": "assistant",
                "content": if text.is_empty() { json!([]) } else { json!([part]) },
            }))
        }
        Content::ToolCall { id, name, arguments } => Some(json!({
            "type": "function_call", "id": format!("fc_{suffix}"), "call_id": format!("call_{id}"),
            "name": name, "arguments": arguments, "status": status,
        })),
        Content::Vectors(_) | Content::Nothing => None,
    }
}

/// The stream of an answer; its last event holds the whole body.
pub(super) fn events(answer: &Answer<'_>) -> Vec<Bytes> {
    let mut whole = body(answer);
    let mut events = vec![Bytes::from_static(PROCESSING)];
    let mut sequence = 0;
    let mut push = |kind: &str, mut event: Value| {
        event["type"] = kind.into();
        event["sequence_number"] = sequence.into();
        sequence += 1;
        events.push(named(kind, &event));
    };
    let mut started = whole.clone();
    started["status"] = "in_progress".into();
    started["output"] = json!([]);
    started["usage"] = Value::Null;
    started["error"] = Value::Null;
    push("response.created", json!({"response": started}));
    if let Some(item) = item(answer, "in_progress") {
        push("response.output_item.added", json!({"output_index": 0, "item": item_without_text(&item)}));
        let (delta, key, text) = match &answer.content {
            Content::ToolCall { arguments, .. } => {
                ("response.function_call_arguments", "arguments", arguments.as_str())
            }
            Content::Text(text) => ("response.output_text", "text", text.as_str()),
            Content::Vectors(_) | Content::Nothing => ("response.output_text", "text", ""),
        };
        for piece in pieces(text) {
            let event = json!({"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": piece});
            push(&format!("{delta}.delta"), event);
        }
        if answer.error.is_none() {
            push(&format!("{delta}.done"), json!({"item_id": item["id"], "output_index": 0, key: text}));
            push("response.output_item.done", json!({"output_index": 0, "item": whole["output"][0]}));
        }
    }
    let status = whole["status"].as_str().expect("every body has a status").to_owned();
    push(&format!("response.{status}"), json!({"response": whole.take()}));
    events.push(Bytes::from_static(DONE));
    events
}

fn item_without_text(item: &Value) -> Value {
    let mut item = item.clone();
    if item["type"] == "message" {
        item["content"] = json!([]);
    } else {
        item["arguments"] = "".into();
    }
    item
}
