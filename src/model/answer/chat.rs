//! The body of `chat/completions`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::UsageBody;
use super::{Answer, AnswerError, Content, finish, owned, text_in};

#[derive(Deserialize)]
pub(super) struct ChatBody<'a> {
    #[serde(borrow)]
    choices: Option<Vec<ChatChoice<'a>>>,
    usage: Option<UsageBody>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ChatChoice<'a> {
    #[serde(borrow)]
    message: Option<ChatMessage<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ChatMessage<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    images: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// The text of a content that is a string, or a list of parts with texts; else the JSON itself.
fn content(raw: Option<&RawValue>) -> Option<Content> {
    let raw = raw?;
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return (!text.is_empty()).then_some(Content::Text(text));
    }
    let texts = serde_json::from_str::<Vec<Part<'_>>>(raw.get()).ok().and_then(|parts| join_texts(&parts));
    match texts {
        Some(text) => Some(Content::Text(text)),
        None if matches!(raw.get(), "null" | "[]") => None,
        None => Some(Content::Json(raw.to_owned())),
    }
}

fn join_texts(parts: &[Part<'_>]) -> Option<String> {
    let text: String = parts.iter().filter_map(|part| part.text.as_deref()).collect();
    (!text.is_empty()).then_some(text)
}

/// A JSON list that has something in it.
fn filled(list: Option<&RawValue>) -> Option<&RawValue> {
    list.filter(|list| !matches!(list.get(), "null" | "[]"))
}

impl ChatBody<'_> {
    pub(super) fn answer(self) -> Result<Answer, AnswerError> {
        let choice = self.choices.into_iter().flatten().next().ok_or(AnswerError::Missing("choices"))?;
        let message = choice.message.ok_or(AnswerError::Missing("message"))?;
        let tool_calls = filled(message.tool_calls);
        let refused = message.refusal.as_deref().is_some_and(|refusal| !refusal.is_empty());
        let content =
            content(message.content).or_else(|| owned(message.refusal).filter(|_| refused).map(Content::Text));
        let other = tool_calls.or(filled(message.images)).or(filled(message.audio));
        let empty = content.is_none() && other.is_none();
        Ok(Answer {
            finish: finish(choice.finish_reason.as_deref(), refused, empty),
            content,
            reasoning: text_in(message.reasoning).or_else(|| text_in(message.reasoning_content)),
            tool_calls: tool_calls.map(ToOwned::to_owned),
            finish_reason: owned(choice.finish_reason),
            usage: UsageBody::usage(self.usage),
            model: owned(self.model),
            provider: owned(self.provider),
            streamed: None,
        })
    }
}
