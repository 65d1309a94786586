//! The shape of Anthropic's Messages.

use bytes::Bytes;
use serde_json::{Value, json};

use super::answered::{Answer, Content, Finish};
use super::chat::PROVIDER;
use super::events::{DONE, PROCESSING, named, pieces};
use crate::model::Endpoint;

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Error => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
    }
}

/// The body of an answer. One that an error ended is the error alone.
pub(super) fn body(answer: &Answer<'_>) -> Value {
    if let Some(error) = &answer.error {
        return error.envelope(Some(Endpoint::Messages));
    }
    outline(answer, block(answer).as_slice(), Some(stop_reason(answer.finish)))
}

fn outline(answer: &Answer<'_>, content: &[Value], stop_reason: Option<&str>) -> Value {
    json!({
        "id": answer.identity.generation(), "type": "message", "role": "assistant", "model": answer.ask.model,
        "provider": PROVIDER, "content": content, "stop_reason": stop_reason, "stop_sequence": null,
        "usage": answer.usage.input_output(),
    })
}

/// The one block of an answer; none of an empty text.
fn block(answer: &Answer<'_>) -> Option<Value> {
    match &answer.content {
        Content::Text(text) if text.is_empty() => None,
        Content::Text(text) => Some(json!({"type": "text", "text": text})),
        Content::ToolCall { id, name, arguments } => {
            let input: Value = serde_json::from_str(arguments).expect("the arguments were written from a value");
            Some(json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": name, "input": input}))
        }
        Content::Vectors(_) | Content::Nothing => None,
    }
}

/// The stream of an answer. The router ends it as its other streams, behind Anthropic's own end.
pub(super) fn events(answer: &Answer<'_>) -> Vec<Bytes> {
    let mut events = vec![Bytes::from_static(PROCESSING)];
    let mut push = |kind: &str, mut event: Value| {
        event["type"] = kind.into();
        events.push(named(kind, &event));
    };
    push("message_start", json!({"message": outline(answer, &[], None)}));
    if let Some(mut block) = block(answer) {
        let (delta, key, text) = match &answer.content {
            Content::ToolCall { arguments, .. } => ("input_json_delta", "partial_json", arguments.as_str()),
            Content::Text(text) => ("text_delta", "text", text.as_str()),
            Content::Vectors(_) | Content::Nothing => ("text_delta", "text", ""),
        };
        if block["type"] == "text" {
            block["text"] = "".into();
        } else {
            block["input"] = json!({});
        }
        push("content_block_start", json!({"index": 0, "content_block": block}));
        for piece in pieces(text) {
            push("content_block_delta", json!({"index": 0, "delta": {"type": delta, key: piece}}));
        }
        if let Some(error) = &answer.error {
            push("error", error.envelope(Some(Endpoint::Messages)));
            return events;
        }
        push("content_block_stop", json!({"index": 0}));
    }
    let delta = json!({"stop_reason": stop_reason(answer.finish), "stop_sequence": null});
    push("message_delta", json!({"delta": delta, "usage": answer.usage.input_output()}));
    push("message_stop", json!({}));
    events.push(Bytes::from_static(DONE));
    events
}
