//! The body of `completions`.

use std::borrow::Cow;

use serde::Deserialize;

use super::usage::UsageBody;
use super::{Answer, AnswerError, Content, finish, owned};

#[derive(Deserialize)]
pub(super) struct CompletionBody<'a> {
    #[serde(borrow)]
    choices: Option<Vec<CompletionChoice<'a>>>,
    usage: Option<UsageBody>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct CompletionChoice<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

impl CompletionBody<'_> {
    pub(super) fn answer(self) -> Result<Answer, AnswerError> {
        let choice = self.choices.into_iter().flatten().next().ok_or(AnswerError::Missing("choices"))?;
        let text = owned(choice.text).filter(|text| !text.is_empty());
        Ok(Answer {
            finish: finish(choice.finish_reason.as_deref(), false, text.is_none()),
            content: text.map(Content::Text),
            reasoning: None,
            tool_calls: None,
            finish_reason: owned(choice.finish_reason),
            usage: UsageBody::usage(self.usage),
            model: owned(self.model),
            provider: owned(self.provider),
            streamed: None,
        })
    }
}
