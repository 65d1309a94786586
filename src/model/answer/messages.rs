//! The body of `messages`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::UsageBody;
use super::{Answer, AnswerError, Content, finish, list_of, owned};

#[derive(Deserialize)]
pub(super) struct MessagesBody<'a> {
    #[serde(borrow)]
    content: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
    usage: Option<UsageBody>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
}

impl MessagesBody<'_> {
    pub(super) fn answer(self) -> Result<Answer, AnswerError> {
        let blocks = self.content.ok_or(AnswerError::Missing("content"))?;
        let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
        for raw in blocks {
            let Ok(block) = serde_json::from_str::<Block<'_>>(raw.get()) else { continue };
            match block.kind.as_deref() {
                Some("text") => text.push_str(block.text.as_deref().unwrap_or_default()),
                Some("thinking") => thinking.push_str(block.thinking.as_deref().unwrap_or_default()),
                Some("tool_use") => calls.push(raw),
                _ => {}
            }
        }
        let tool_calls = list_of(&calls)?;
        Ok(Answer {
            finish: finish(self.stop_reason.as_deref(), false, text.is_empty() && tool_calls.is_none()),
            content: (!text.is_empty()).then_some(Content::Text(text)),
            reasoning: Some(thinking).filter(|thinking| !thinking.is_empty()),
            tool_calls,
            finish_reason: owned(self.stop_reason),
            usage: UsageBody::usage(self.usage),
            model: owned(self.model),
            provider: owned(self.provider),
            streamed: None,
        })
    }
}
