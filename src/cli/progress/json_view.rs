//! Events for a program that watches.

use serde::Serialize;

use nightreel::clock::now_ms;

use super::json_event::{BegunEvent, ItemEvent, JsonEvent, ProgressEvent, RetryEvent, StoppingEvent};
use super::schedule::Schedule;
use super::sink::Sink;
use super::status::Phase;
use super::{Message, View};

/// Shows each event as a line of JSON, and how the run stands every second.
#[derive(Debug)]
pub(super) struct JsonView {
    sink: Sink,
    progress: Schedule,
}

/// An event with the time it was written at.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: JsonEvent<'a>,
    at_ms: i64,
}

impl JsonView {
    pub(super) const fn new(sink: Sink) -> Self {
        Self { sink, progress: Schedule::seconds() }
    }

    fn event(&self, event: JsonEvent<'_>) {
        let line = serde_json::to_string(&Line { event, at_ms: now_ms() });
        self.sink.line(&line.expect("an event has string keys alone"));
    }
}

impl View for JsonView {
    fn message(&mut self, message: Message) {
        match &message {
            Message::Checking(rows) => self.event(JsonEvent::Checking { rows: *rows }),
            Message::Begun(begun) => self.event(JsonEvent::Begun(BegunEvent::from(&**begun))),
            Message::Item(item) => self.event(JsonEvent::Item(ItemEvent::from(&**item))),
            Message::Retry(retry) => self.event(JsonEvent::Retry(RetryEvent::from(&**retry))),
            Message::Retries(message) | Message::Line(message) => self.event(JsonEvent::Log { message }),
            Message::Warning(message) => self.event(JsonEvent::Warning { message }),
            Message::Stopping(stopping) => self.event(JsonEvent::Stopping(StoppingEvent::from(&**stopping))),
            Message::Wake => {}
        }
    }

    fn frame(&mut self, phase: &Phase) {
        if let Phase::Running(status) = phase
            && self.progress.due(status.elapsed)
        {
            self.event(JsonEvent::Progress(ProgressEvent::from(&**status)));
        }
    }

    fn lost(&mut self, count: u64) {
        self.event(JsonEvent::Lost { count });
    }

    fn flush(&mut self) {
        self.sink.flush();
    }

    /// The last event of a run says how it stood at the end.
    fn close(&mut self, phase: &Phase) {
        if let Phase::Running(status) = phase {
            self.event(JsonEvent::Progress(ProgressEvent::from(&**status)));
        }
        self.sink.flush();
    }
}
