//! What a reply's body says: text, usage, who answered.

mod chat;
mod completion;
mod embedding;
mod messages;
mod responses;
mod speed;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BodyShape, Endpoint, Reply};

pub use speed::Speed;
pub use stream::{Event, EventParser, Members, StreamEnd, StreamProblem, Streamed, TokenPlaces, events};
pub use usage::Usage;

/// What a whole, error-free reply says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the model produced; `None` where there is nothing.
    pub content: Option<Content>,
    /// What the model thought before, where the body shows it.
    pub reasoning: Option<String>,
    /// The tool calls as the body has them, where the model made any.
    pub tool_calls: Option<Box<RawValue>>,
    /// How the answer ended, in nightreel's terms.
    pub finish: Finish,
    /// `finish_reason` (or `stop_reason`) as the body has it.
    pub finish_reason: Option<String>,
    /// Tokens and cost.
    pub usage: Usage,
    /// The model that answered, as the body names it.
    pub model: Option<String>,
    /// The provider that answered, as the body names it.
    pub provider: Option<String>,
    /// Where its tokens stand in the stream that it came in; `None` where it came in one piece.
    pub streamed: Option<TokenPlaces>,
}

/// What the model produced.
#[derive(Debug, Clone)]
pub enum Content {
    /// A text.
    Text(String),
    /// Something else, as JSON: an embedding, or a list of content parts without text.
    Json(Box<RawValue>),
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// By itself, or with a tool call.
    Stop,
    /// At the token limit.
    Length,
    /// A content filter cut it.
    Filtered,
    /// The model refused.
    Refused,
    /// There is nothing in it.
    Empty,
}

/// Why a body is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nothing but white space.
    #[error("the body is blank")]
    Blank,
    /// Not JSON, or JSON of another shape.
    #[error("the body is not an answer: {0}")]
    Shape(String),
    /// No choice, no output, no embedding.
    #[error("the body has no {0}")]
    Missing(&'static str),
}

impl Answer {
    /// Reads the answer out of a reply, by what its body is and not by what was asked for.
    ///
    /// # Errors
    /// Fails as [`Self::parse`] does. It asks neither whether a stream is whole nor whether there
    /// is an error in the body: classification has done so before.
    pub fn of_reply(endpoint: Endpoint, reply: &Reply) -> Result<Self, AnswerError> {
        if let Some(plain) = reply.uncompressed() {
            return Self::of_reply(endpoint, &plain);
        }
        match reply.shape() {
            BodyShape::Json(body) => Self::parse(endpoint, body),
            BodyShape::Events => Streamed::read(&reply.body).answer(endpoint),
        }
    }

    /// Reads the answer out of a JSON body.
    ///
    /// # Errors
    /// Fails where the body is blank, not JSON, or has no place for an answer. It does not look
    /// for errors inside the body: classification has done so before.
    pub fn parse(endpoint: Endpoint, body: &[u8]) -> Result<Self, AnswerError> {
        if body.trim_ascii().is_empty() {
            return Err(AnswerError::Blank);
        }
        match endpoint {
            Endpoint::ChatCompletions => parse_body::<chat::ChatBody<'_>>(body)?.answer(),
            Endpoint::Completions => parse_body::<completion::CompletionBody<'_>>(body)?.answer(),
            Endpoint::Embeddings => parse_body::<embedding::EmbeddingBody<'_>>(body)?.answer(),
            Endpoint::Responses => parse_body::<responses::ResponsesBody<'_>>(body)?.answer(),
            Endpoint::Messages => parse_body::<messages::MessagesBody<'_>>(body)?.answer(),
            Endpoint::Models => Ok(Self::without_model(parse_body(body)?)),
        }
    }

    /// An answer that no model gave: JSON that costs nothing.
    fn without_model(json: Box<RawValue>) -> Self {
        Self {
            content: Some(Content::Json(json)),
            reasoning: None,
            tool_calls: None,
            finish: Finish::Stop,
            finish_reason: None,
            usage: Usage::default(),
            model: None,
            provider: None,
            streamed: None,
        }
    }

    /// The text of the answer, where it has one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Some(Content::Text(text)) => Some(text),
            _ => None,
        }
    }
}

fn parse_body<'a, B: Deserialize<'a>>(body: &'a [u8]) -> Result<B, AnswerError> {
    serde_json::from_slice(body).map_err(|error| AnswerError::Shape(error.to_string()))
}

fn owned(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(Cow::into_owned)
}

/// The text of a JSON value, where it is one and not empty.
fn text_in(raw: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(raw?.get()).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

/// Some JSON values as a list; `None` where there are none.
fn list_of(values: &[&RawValue]) -> Result<Option<Box<RawValue>>, AnswerError> {
    if values.is_empty() {
        return Ok(None);
    }
    serde_json::value::to_raw_value(values).map(Some).map_err(|error| AnswerError::Shape(error.to_string()))
}

/// How an answer ended, by the names of all endpoints.
fn finish(reason: Option<&str>, refused: bool, empty: bool) -> Finish {
    match reason {
        Some("length" | "max_tokens" | "max_output_tokens") => Finish::Length,
        Some("content_filter") => Finish::Filtered,
        Some("refusal") => Finish::Refused,
        _ if refused => Finish::Refused,
        _ if empty => Finish::Empty,
        _ => Finish::Stop,
    }
}
