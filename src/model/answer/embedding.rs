//! The body of `embeddings`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::UsageBody;
use super::{Answer, AnswerError, Content, Finish, owned};

#[derive(Deserialize)]
pub(super) struct EmbeddingBody<'a> {
    #[serde(borrow)]
    data: Option<Vec<Embedding<'a>>>,
    usage: Option<UsageBody>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Embedding<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
}

impl EmbeddingBody<'_> {
    /// One embedding is given as it stands, several as a list of them.
    pub(super) fn answer(self) -> Result<Answer, AnswerError> {
        let data = self.data.filter(|data| !data.is_empty()).ok_or(AnswerError::Missing("data"))?;
        let json = match data.as_slice() {
            [only] => only.embedding.to_owned(),
            several => {
                let list: Vec<&RawValue> = several.iter().map(|item| item.embedding).collect();
                serde_json::value::to_raw_value(&list).map_err(|error| AnswerError::Shape(error.to_string()))?
            }
        };
        Ok(Answer {
            content: Some(Content::Json(json)),
            reasoning: None,
            tool_calls: None,
            finish: Finish::Stop,
            finish_reason: None,
            usage: UsageBody::usage(self.usage),
            model: owned(self.model),
            provider: owned(self.provider),
            streamed: None,
        })
    }
}
