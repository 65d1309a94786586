//! The shape of chat completions.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::answered::{Answer, Content};
use super::events::{DONE, PROCESSING, data, pieces};
use super::usage::ChatUsage;

/// The name of the provider that all answers come from.
pub(super) const PROVIDER: &str = "Simulated";

#[derive(Serialize)]
pub(super) struct Body<'a> {
    id: &'a str,
    provider: &'a str,
    model: &'a str,
    object: &'a str,
    created: u64,
    choices: Vec<Choice<'a>>,
    system_fingerprint: Option<&'a str>,
    usage: ChatUsage,
}

#[derive(Serialize)]
struct Choice<'a> {
    logprobs: Option<Value>,
    finish_reason: &'a str,
    native_finish_reason: &'a str,
    index: u32,
    message: Message<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    index: u32,
    id: String,
    r#type: &'a str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    provider: &'a str,
    model: &'a str,
    object: &'a str,
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    choices: Vec<ChunkChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ChatUsage>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'a str>,
    native_finish_reason: Option<&'a str>,
    logprobs: Option<Value>,
}

#[derive(Serialize)]
struct Delta<'a> {
    role: &'a str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

/// The text and the tool call of an answer; `None` where there is no choice at all.
fn spoken<'a>(answer: &'a Answer<'_>) -> Option<(Option<&'a str>, Option<[ToolCall<'a>; 1]>)> {
    match &answer.content {
        Content::Text(text) => Some((Some(text), None)),
        Content::ToolCall { id, name, arguments } => {
            let function = Function { name, arguments };
            Some((None, Some([ToolCall { index: 0, id: format!("call_{id}"), r#type: "function", function }])))
        }
        Content::Vectors(_) | Content::Nothing => None,
    }
}

/// The body of an answer.
pub(super) fn body<'a>(answer: &'a Answer<'_>) -> Body<'a> {
    let choices = spoken(answer).map(|(content, tool_calls)| Choice {
        logprobs: None,
        finish_reason: answer.finish.as_str(),
        native_finish_reason: answer.finish.as_str(),
        index: 0,
        message: Message { role: "assistant", content, refusal: None, reasoning: None, tool_calls },
        error: answer.error_object(),
    });
    Body {
        id: answer.identity.generation(),
        provider: PROVIDER,
        model: &answer.ask.model,
        object: "chat.completion",
        created: answer.identity.created,
        choices: choices.into_iter().collect(),
        system_fingerprint: None,
        usage: answer.usage.chat(),
    }
}

/// The stream of an answer: the role, the text or the call, how it ended, the usage, the end. A
/// stream that an error ended has neither usage nor end.
pub(super) fn events(answer: &Answer<'_>) -> Vec<Bytes> {
    let chunk =
        |choice: Option<ChunkChoice<'_>>| data(&Chunk { choices: choice.into_iter().collect(), ..chunk(answer) });
    let delta = |content, tool_calls| Delta { role: "assistant", content, tool_calls };
    let said = |delta| ChunkChoice { index: 0, delta, finish_reason: None, native_finish_reason: None, logprobs: None };
    let mut events = vec![Bytes::from_static(PROCESSING), Bytes::from_static(PROCESSING)];
    if let Some((content, tool_calls)) = spoken(answer) {
        events.push(chunk(Some(said(delta(Some(""), None)))));
        events.extend(pieces(content.unwrap_or_default()).map(|piece| chunk(Some(said(delta(Some(piece), None))))));
        if tool_calls.is_some() {
            events.push(chunk(Some(said(delta(None, tool_calls)))));
        }
        let reason = Some(answer.finish.as_str());
        let end = ChunkChoice { finish_reason: reason, native_finish_reason: reason, ..said(delta(Some(""), None)) };
        if let Some(error) = answer.error_object() {
            let last = Chunk { error: Some(error), choices: vec![end], ..self::chunk(answer) };
            events.push(data(&last));
            return events;
        }
        events.push(chunk(Some(end)));
    }
    events.push(data(&Chunk { usage: Some(answer.usage.chat()), ..self::chunk(answer) }));
    events.push(Bytes::from_static(DONE));
    events
}

/// A chunk with nothing in it.
fn chunk<'a>(answer: &'a Answer<'_>) -> Chunk<'a> {
    Chunk {
        id: answer.identity.generation(),
        provider: PROVIDER,
        model: &answer.ask.model,
        object: "chat.completion.chunk",
        created: answer.identity.created,
        error: None,
        choices: Vec::new(),
        usage: None,
    }
}
