//! What the events of a streamed reply add up to.

use nightreel::model::{Answer, Reply, Speed, Streamed};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::count::counted;
use super::super::page::Page;
use super::super::terminal_text::lines;
use super::{attempt_text, item_json};

/// A streamed reply, put together; of one that was cut, what came of it.
pub(super) struct Stream {
    streamed: Streamed,
    answer: Option<Answer>,
    speed: Speed,
    whole: bool,
}

/// A streamed reply for programs.
#[derive(Serialize)]
pub(super) struct StreamJson {
    events: usize,
    comments: usize,
    /// Whether it came to its end.
    whole: bool,
    /// From the send to the first token.
    ttft_ms: Option<f64>,
    tokens_per_second: Option<f64>,
    text: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Box<RawValue>>,
}

impl Stream {
    /// The stream in a reply, where it is one.
    pub(super) fn of(reply: &Reply) -> Option<Self> {
        let streamed = Streamed::of_reply(reply)?;
        let answer = streamed.answer(streamed.shape).ok();
        let speed = answer.as_ref().and_then(|answer| answer.speed(reply)).unwrap_or_default();
        let whole = streamed.is_whole(reply.end);
        Some(Self { streamed, answer, speed, whole })
    }

    /// The line on it, above its body.
    pub(super) fn write_head(&self, page: &mut Page) {
        let events = counted(self.streamed.events as u64, "event");
        let comments = match self.streamed.comments as u64 {
            0 => String::new(),
            comments => format!(" and {}", counted(comments, "comment")),
        };
        let first =
            self.speed.first_token_us.map(|us| format!("; first token after {}", attempt_text::milliseconds(us)));
        let rate = self.speed.tokens_per_second.map(|rate| format!(", then {rate:.1} tokens/s"));
        let cut = if self.whole { "" } else { "; it was cut" };
        let (first, rate) = (first.unwrap_or_default(), rate.unwrap_or_default());
        page.line(format_args!("  a stream of {events}{comments}{first}{rate}{cut}"));
    }

    /// What it adds up to, below its body.
    pub(super) fn write_texts(&self, page: &mut Page) {
        let Some(answer) = &self.answer else { return };
        let what = if self.whole { "put together" } else { "as far as it came" };
        let calls = answer.tool_calls.as_ref().map(|calls| calls.get());
        for (name, text) in [("reasoning", answer.reasoning.as_deref()), ("text", answer.text()), ("tool calls", calls)]
        {
            if let Some(text) = text {
                page.line(format_args!("\nthe {name} of the stream, {what}"));
                page.text(&lines(text.as_bytes()));
                page.line("");
            }
        }
    }

    /// All of it, for programs.
    pub(super) fn json(self) -> StreamJson {
        let text = self.answer.as_ref().and_then(|answer| answer.text()).map(str::to_owned);
        let (reasoning, tool_calls) =
            self.answer.map(|answer| (answer.reasoning, answer.tool_calls)).unwrap_or_default();
        StreamJson {
            events: self.streamed.events,
            comments: self.streamed.comments,
            whole: self.whole,
            ttft_ms: self.speed.first_token_us.map(item_json::milliseconds),
            tokens_per_second: self.speed.tokens_per_second,
            text,
            reasoning,
            tool_calls,
        }
    }
}
