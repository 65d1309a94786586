//! Streamed bodies: events, and the body that they would have been in one piece.
//!
//! What a stream is, its events say: nothing here asks which endpoint it came from. The body that
//! is put together has the shape of that endpoint, so that one reader reads both.

mod carried;
mod choices;
mod event;
mod growing;
mod messages;
mod responses;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Deserialize;

use super::{Answer, AnswerError};
use crate::model::{BodyShape, End, Endpoint, Reply};

use carried::Carried;
use choices::Choices;
use growing::Growing;
use messages::{Messages, is_of_message};
use responses::{PREFIX, Responses};

pub use event::{Event, EventParser, events};
pub use growing::Members;

/// What ends a stream.
const DONE: &[u8] = b"[DONE]";
/// What an event is called that tells of an error, and the member in which others do.
const ERROR: &str = "error";

/// A streamed body, put together.
#[derive(Debug, Clone)]
pub struct Streamed {
    /// The JSON that the same answer would have been in one piece; of a stream that was cut, what
    /// came of it.
    pub body: Vec<u8>,
    /// The endpoint whose shape it has.
    pub shape: Endpoint,
    /// How far it came.
    pub end: StreamEnd,
    /// Whether a whole event tells of an error.
    pub failed: bool,
    /// The first event that cannot be read.
    pub problem: Option<StreamProblem>,
    /// How many events with data it has, the one that ends it not among them.
    pub events: usize,
    /// How many comments it has.
    pub comments: usize,
    /// Where its tokens stand.
    pub tokens: TokenPlaces,
}

/// How far a stream came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// To the event that ends it: `[DONE]`, `message_stop`, `response.completed`. Nothing that
    /// follows says anything.
    Closed,
    /// To the reason why the answer ended. It is whole if the connection says so too.
    Finished,
    /// To no end.
    Open,
}

/// An event that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamProblem {
    /// Which one, from 1.
    pub event: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Where the tokens of a streamed answer stand: bytes of the body up to the end of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenPlaces {
    /// The first event that carries content, a refusal, reasoning or a tool call.
    pub first: Option<usize>,
    /// The last one.
    pub last: Option<usize>,
    /// Tokens that the usage counts and that no event carried: reasoning that is not shown.
    pub hidden: u64,
}

impl Streamed {
    /// Reads a streamed body.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let (events, comments) = events(body);
        let mut reading = Reading::default();
        for event in &events {
            if !reading.done {
                reading.add(event);
            }
        }
        reading.finish(comments)
    }

    /// Reads a reply; `None` where its body is no stream.
    #[must_use]
    pub fn of_reply(reply: &Reply) -> Option<Self> {
        if let Some(plain) = reply.uncompressed() {
            return Self::of_reply(&plain);
        }
        matches!(reply.shape(), BodyShape::Events).then(|| Self::read(&reply.body))
    }

    /// Whether a reply is a stream that had begun to answer, whatever became of it: its tokens were
    /// generated, and may have been billed.
    #[must_use]
    pub fn has_begun(reply: &Reply) -> bool {
        reply.status < 400 && Self::of_reply(reply).is_some_and(|streamed| streamed.tokens.first.is_some())
    }

    /// Whether all of it came. One that came to the event that ends it is whole, whatever became
    /// of the connection; one that came to a `finish_reason` alone is, if the server ended it, and
    /// not if it broke.
    #[must_use]
    pub fn is_whole(&self, end: End) -> bool {
        let came = self.end == StreamEnd::Closed || (self.end == StreamEnd::Finished && end == End::Complete);
        came && self.problem.is_none()
    }

    /// Whether nothing more of the answer is to come: its last event has come, the reason why it
    /// ended, or an error. Clients leave at each of them.
    #[must_use]
    pub fn has_said_all(&self) -> bool {
        self.failed || (self.end != StreamEnd::Open && self.problem.is_none())
    }

    /// The answer in it, as an endpoint gives it.
    ///
    /// # Errors
    /// Fails where the body has no place for an answer.
    pub fn answer(&self, endpoint: Endpoint) -> Result<Answer, AnswerError> {
        let answer = Answer::parse(endpoint, &self.body)?;
        Ok(Answer { streamed: Some(self.tokens), ..answer })
    }
}

impl fmt::Display for StreamProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} of the stream cannot be read: {}", self.event, self.problem)
    }
}

/// A stream that is being read.
#[derive(Debug, Default)]
struct Reading {
    choices: Choices,
    messages: Option<Messages>,
    responses: Option<Responses>,
    done: bool,
    events: usize,
    failed: bool,
    problem: Option<StreamProblem>,
    tokens: TokenPlaces,
    shows_reasoning: bool,
}

impl Reading {
    fn add(&mut self, event: &Event) {
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return;
        }
        if data == DONE {
            self.done = true;
            return;
        }
        self.events += 1;
        self.failed |= event.ended && event.name == ERROR;
        match Members::parse(data) {
            Ok(members) => {
                self.failed |= event.ended && tells_error(&members);
                let carried = self.add_members(&event.name, members);
                self.shows_reasoning |= carried == Carried::Reasoning;
                if carried != Carried::Nothing {
                    self.tokens.first.get_or_insert(event.end);
                    self.tokens.last = Some(event.end);
                }
            }
            // It broke off within this one: that it has no end says so already.
            Err(_) if !event.ended => {}
            Err(error) => {
                let problem = StreamProblem { event: self.events, problem: error.to_string() };
                self.problem.get_or_insert(problem);
            }
        }
    }

    fn add_members(&mut self, name: &str, members: Members<'_>) -> Carried {
        let kind = members.text("type").unwrap_or_else(|| name.to_owned());
        if kind.starts_with(PREFIX) {
            self.responses.get_or_insert_default().add(&kind, &members)
        } else if is_of_message(&kind) {
            self.messages.get_or_insert_default().add(&kind, &members)
        } else {
            self.choices.add(members)
        }
    }

    fn end(&self) -> StreamEnd {
        let closed = self.messages.as_ref().is_some_and(|messages| messages.stopped)
            || self.responses.as_ref().is_some_and(|responses| responses.ended);
        let finished = self.choices.is_finished() || self.messages.as_ref().is_some_and(Messages::is_finished);
        match (self.done || closed, finished) {
            (true, _) => StreamEnd::Closed,
            (false, true) => StreamEnd::Finished,
            (false, false) => StreamEnd::Open,
        }
    }

    fn finish(self, comments: usize) -> Streamed {
        let end = self.end();
        let (failed, events) = (self.failed, self.events);
        let (body, shape) = match (self.responses, self.messages) {
            (Some(responses), _) => (responses.into_body(), Endpoint::Responses),
            (None, Some(messages)) => (messages.into_body(), Endpoint::Messages),
            (None, None) if self.choices.are_texts() => (self.choices.into_body(), Endpoint::Completions),
            (None, None) => (self.choices.into_body(), Endpoint::ChatCompletions),
        };
        let body = serde_json::to_vec(&body).expect("what grew out of JSON is JSON");
        let hidden = if self.shows_reasoning { 0 } else { reasoning_tokens(&body) };
        let tokens = TokenPlaces { hidden, ..self.tokens };
        Streamed { body, shape, end, failed, problem: self.problem, events, comments, tokens }
    }
}

/// Whether an event tells of an error: by its type, or by a member that says something.
fn tells_error(members: &Members<'_>) -> bool {
    let is_filled = |raw| Growing::read(raw).is_filled();
    members.text("type").is_some_and(|kind| kind == ERROR) || members.get(ERROR).is_some_and(is_filled)
}

/// How many of the answer's tokens are reasoning, where the usage says.
fn reasoning_tokens(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Body {
        usage: Option<Usage>,
    }
    #[derive(Deserialize)]
    struct Usage {
        #[serde(alias = "output_tokens_details")]
        completion_tokens_details: Option<Details>,
    }
    #[derive(Deserialize)]
    struct Details {
        reasoning_tokens: Option<u64>,
    }
    let body = serde_json::from_slice::<Body>(body).ok();
    let details = body.and_then(|body| body.usage).and_then(|usage| usage.completion_tokens_details);
    details.and_then(|details| details.reasoning_tokens).unwrap_or(0)
}
