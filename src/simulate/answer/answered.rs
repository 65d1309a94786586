//! What the simulated model answers, before it takes the shape of an endpoint.

use serde_json::Value;

use super::super::identity::Identity;
use super::super::refusal::RouterError;
use super::super::reply::Reply;
use super::ask::{Ask, Invalid};
use super::source::Source;
use super::usage::{self, TOKEN_BYTES, Usage};
use super::{chat, completions, embeddings, messages, models, responses};
use crate::model::Endpoint;

/// An answer: what it says, how it ends, what it costs.
#[derive(Debug)]
pub(in super::super) struct Answer<'a> {
    pub(super) ask: &'a Ask<'a>,
    pub(super) identity: &'a Identity,
    pub(super) content: Content,
    pub(super) finish: Finish,
    pub(in super::super) usage: Usage,
    /// The error that ended it, where one did.
    pub(super) error: Option<RouterError>,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Content {
    /// A text; it may be empty.
    Text(String),
    /// A call of a tool.
    ToolCall {
        /// The call's id, without the endpoint's prefix.
        id: String,
        /// The tool's name.
        name: String,
        /// A JSON object, as text.
        arguments: String,
    },
    /// One vector for each input.
    Vectors(Vec<Vec<f32>>),
    /// No choice at all.
    Nothing,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Finish {
    /// By itself.
    Stop,
    /// At a token limit.
    Length,
    /// With the call of a tool.
    ToolCalls,
    /// With an error.
    Error,
}

impl Finish {
    /// As chat and text completions write it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Error => "error",
        }
    }
}

impl<'a> Answer<'a> {
    /// Answers a request.
    ///
    /// # Errors
    /// Fails where the request wants a tool or a format that it does not describe.
    pub(in super::super) fn compose(
        ask: &'a Ask<'a>,
        identity: &'a Identity,
        source: Source<'_>,
    ) -> Result<Self, Invalid> {
        let (mut content, mut finish) = (source.content(ask)?, Finish::Stop);
        match &mut content {
            Content::Text(text) => {
                let limit = ask.max_tokens.and_then(|tokens| usize::try_from(tokens).ok());
                if let Some(limit) = limit.and_then(|tokens| tokens.checked_mul(TOKEN_BYTES))
                    && text.len() > limit
                {
                    truncate(text, limit);
                    finish = Finish::Length;
                }
            }
            Content::ToolCall { .. } => finish = Finish::ToolCalls,
            Content::Vectors(_) | Content::Nothing => {}
        }
        let usage = source.billing.usage(&ask.model, ask.prompt_tokens(), content.tokens());
        Ok(Self { ask, identity, content, finish, usage, error: None })
    }

    /// The first half of the text, as if a token limit had ended it. What is no text stays whole.
    pub(in super::super) fn cut_by_limit(mut self) -> Self {
        self.halve();
        if matches!(self.content, Content::Text(_)) {
            self.finish = Finish::Length;
        }
        self
    }

    /// The first half of the text, ended by an error that is told or not. It costs nothing.
    pub(in super::super) fn failed(mut self, error: Option<RouterError>) -> Self {
        self.halve();
        Self { finish: Finish::Error, error, usage: self.usage.nothing(), ..self }
    }

    /// An answer that says nothing, with no tokens.
    pub(in super::super) fn emptied(self) -> Self {
        let content =
            if matches!(self.content, Content::Vectors(_)) { Content::Nothing } else { Content::Text(String::new()) };
        Self { content, finish: Finish::Stop, usage: self.usage.nothing(), ..self }
    }

    /// An answer without a choice, with no tokens of its own.
    pub(in super::super) fn without_choices(self) -> Self {
        Self { content: Content::Nothing, finish: Finish::Stop, usage: self.usage.prompt_alone(), ..self }
    }

    fn halve(&mut self) {
        if let Content::Text(text) = &mut self.content {
            truncate(text, (text.len() / 2).max(1));
            self.usage = self.usage.with_completion(usage::tokens(text.len()));
        }
    }

    /// The reply, in the shape of the endpoint, whole or as a stream.
    pub(in super::super) fn reply(&self) -> Reply {
        let stream = self.is_stream();
        match self.ask.endpoint {
            Endpoint::ChatCompletions if stream => Reply::events(chat::events(self)),
            Endpoint::ChatCompletions => Reply::json(200, &chat::body(self)),
            Endpoint::Completions if stream => Reply::events(completions::events(self)),
            Endpoint::Completions => Reply::json(200, &completions::body(self)),
            Endpoint::Responses if stream => Reply::events(responses::events(self)),
            Endpoint::Responses => Reply::json(200, &responses::body(self)),
            Endpoint::Messages if stream => Reply::events(messages::events(self)),
            Endpoint::Messages => Reply::json(200, &messages::body(self)),
            Endpoint::Embeddings => Reply::json(200, &embeddings::body(self)),
            Endpoint::Models => Reply::json(200, &models()),
        }
    }

    pub(in super::super) fn is_stream(&self) -> bool {
        self.ask.stream && self.ask.endpoint != Endpoint::Embeddings
    }

    /// A reply with status 200 that is an error and no answer.
    pub(in super::super) fn error_alone(self, error: RouterError) -> Reply {
        if self.ask.endpoint == Endpoint::Responses {
            return self.failed(Some(error)).reply();
        }
        Reply::json(200, &error.envelope(Some(self.ask.endpoint)))
    }

    /// A reply whose answer ends with an error and says nothing else of it; where an endpoint has no
    /// such end, the error is told.
    pub(in super::super) fn ended_by_error(self, error: RouterError) -> Reply {
        match self.ask.endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Responses => self.failed(None).reply(),
            Endpoint::Messages => self.failed(Some(error)).reply(),
            Endpoint::Embeddings | Endpoint::Models => self.error_alone(error),
        }
    }

    pub(super) fn error_object(&self) -> Option<Value> {
        self.error.as_ref().map(RouterError::object)
    }
}

impl Content {
    /// Tokens of the answer; vectors have none.
    fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => usage::tokens(text.len()),
            Self::ToolCall { name, arguments, .. } => usage::tokens(name.len() + arguments.len()),
            Self::Vectors(_) | Self::Nothing => 0,
        }
    }
}

/// Cuts a text to so many bytes, or some fewer where that would split a character.
fn truncate(text: &mut String, bytes: usize) {
    text.truncate(text.floor_char_boundary(bytes));
}
