//! The shape of text completions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::answered::{Answer, Content};
use super::chat::PROVIDER;
use super::events::{DONE, PROCESSING, data, pieces};

/// The text of an answer. A tool's call has no place in this shape but as the text of its arguments.
fn text<'a>(answer: &'a Answer<'_>) -> Option<&'a str> {
    match &answer.content {
        Content::Text(text) | Content::ToolCall { arguments: text, .. } => Some(text),
        Content::Vectors(_) | Content::Nothing => None,
    }
}

fn outline(answer: &Answer<'_>, choices: &[Value]) -> Value {
    json!({
        "id": answer.identity.generation(), "provider": PROVIDER, "model": answer.ask.model,
        "object": "text_completion", "created": answer.identity.created, "choices": choices,
    })
}

fn choice(text: &str, finish_reason: Option<&str>) -> Value {
    json!({
        "index": 0, "text": text, "logprobs": null,
        "finish_reason": finish_reason, "native_finish_reason": finish_reason,
    })
}

/// The body of an answer.
pub(super) fn body(answer: &Answer<'_>) -> Value {
    let mut choices: Vec<_> = text(answer).into_iter().map(|text| choice(text, Some(answer.finish.as_str()))).collect();
    if let (Some(choice), Some(error)) = (choices.first_mut(), answer.error_object()) {
        choice["error"] = error;
    }
    let mut body = outline(answer, &choices);
    body["usage"] = json!(answer.usage.chat());
    body
}

/// The stream of an answer: the text, how it ended, the usage, the end. A stream that an error ended
/// has neither usage nor end.
pub(super) fn events(answer: &Answer<'_>) -> Vec<Bytes> {
    let mut events = vec![Bytes::from_static(PROCESSING)];
    if let Some(text) = text(answer) {
        events.extend(pieces(text).map(|piece| data(&outline(answer, &[choice(piece, None)]))));
        let mut end = outline(answer, &[choice("", Some(answer.finish.as_str()))]);
        if let Some(error) = answer.error_object() {
            end["error"] = error;
            events.push(data(&end));
            return events;
        }
        events.push(data(&end));
    }
    let mut last = outline(answer, &[]);
    last["usage"] = json!(answer.usage.chat());
    events.push(data(&last));
    events.push(Bytes::from_static(DONE));
    events
}
