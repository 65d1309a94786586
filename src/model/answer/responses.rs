//! The body of `responses`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::UsageBody;
use super::{Answer, AnswerError, Content, finish, list_of, owned};

#[derive(Deserialize)]
pub(super) struct ResponsesBody<'a> {
    #[serde(borrow)]
    output: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    incomplete_details: Option<Incomplete<'a>>,
    usage: Option<UsageBody>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OutputItem<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<Vec<OutputPart<'a>>>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OutputPart<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refusal: Option<Cow<'a, str>>,
}

impl OutputItem<'_> {
    /// The text of a reasoning item; a summary where the reasoning itself is not shown.
    fn reasoning(self) -> String {
        let summary = self.summary.and_then(|summary| serde_json::from_str::<Vec<OutputPart<'_>>>(summary.get()).ok());
        let text = |parts: Option<Vec<OutputPart<'_>>>| -> String {
            parts.into_iter().flatten().filter_map(|part| owned(part.text)).collect()
        };
        Some(text(self.content)).filter(|text| !text.is_empty()).unwrap_or_else(|| text(summary))
    }
}

impl ResponsesBody<'_> {
    pub(super) fn answer(self) -> Result<Answer, AnswerError> {
        let output = self.output.ok_or(AnswerError::Missing("output"))?;
        let (mut text, mut refusal, mut reasoning) = (String::new(), String::new(), String::new());
        let mut calls = Vec::new();
        for raw in output {
            let Ok(item) = serde_json::from_str::<OutputItem<'_>>(raw.get()) else { continue };
            match item.kind.as_deref() {
                Some("message") => {
                    for part in item.content.into_iter().flatten() {
                        text.push_str(part.text.as_deref().unwrap_or_default());
                        refusal.push_str(part.refusal.as_deref().unwrap_or_default());
                    }
                }
                Some("reasoning") => reasoning.push_str(&item.reasoning()),
                Some(kind) if kind.ends_with("_call") => calls.push(raw),
                _ => {}
            }
        }
        let refused = text.is_empty() && !refusal.is_empty();
        let text = if refused { refusal } else { text };
        let tool_calls = list_of(&calls)?;
        let reason = self.incomplete_details.and_then(|details| details.reason).or(self.status);
        Ok(Answer {
            finish: finish(reason.as_deref(), refused, text.is_empty() && tool_calls.is_none()),
            content: (!text.is_empty()).then_some(Content::Text(text)),
            reasoning: Some(reasoning).filter(|reasoning| !reasoning.is_empty()),
            tool_calls,
            finish_reason: owned(reason),
            usage: UsageBody::usage(self.usage),
            model: owned(self.model),
            provider: None,
            streamed: None,
        })
    }
}
