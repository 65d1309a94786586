//! Lines for a log: plain text, on a schedule.

use std::time::Duration;

use super::message::lost;
use super::paint::Paint;
use super::schedule::Schedule;
use super::sink::Sink;
use super::status::Phase;
use super::{Message, View, announce};

/// A run that is over sooner has no line of progress.
const FIRST_LINE: Duration = Duration::from_secs(1);
/// A check that is over sooner is not mentioned.
const FIRST_CHECKING: Duration = Duration::from_secs(2);

/// Shows what is said, and how the run stands now and then.
#[derive(Debug)]
pub(super) struct LineView {
    sink: Sink,
    paint: Paint,
    progress: Option<Lines>,
}

/// When lines of progress are due.
#[derive(Debug)]
struct Lines {
    checking: Schedule,
    running: Schedule,
    /// The time of day, as a line begins with it.
    clock: fn() -> String,
}

impl LineView {
    /// With lines of progress; each line but what the command says has the time of day before it.
    pub(super) const fn scheduled(sink: Sink, paint: Paint, clock: fn() -> String) -> Self {
        let lines = Lines { checking: Schedule::log(FIRST_CHECKING), running: Schedule::log(FIRST_LINE), clock };
        Self { sink, paint, progress: Some(lines) }
    }

    /// Without progress: only what is said.
    pub(super) const fn silent(sink: Sink, paint: Paint) -> Self {
        Self { sink, paint, progress: None }
    }

    fn line(&self, line: &str) {
        match &self.progress {
            Some(lines) => self.sink.line(&format!("{} {line}", (lines.clock)())),
            None => self.sink.line(line),
        }
    }
}

impl View for LineView {
    fn message(&mut self, message: Message) {
        if matches!(message, Message::Retries(_)) && self.progress.is_none() {
            return;
        }
        let has_time = !matches!(message, Message::Line(_));
        for line in message.lines(self.paint) {
            if has_time { self.line(&line) } else { self.sink.line(&line) }
        }
    }

    fn frame(&mut self, phase: &Phase) {
        let Some(lines) = &mut self.progress else { return };
        let line = match phase {
            Phase::Checking { rows, elapsed } => lines.checking.due(*elapsed).then(|| announce::checking(*rows)),
            Phase::Running(status) => lines.running.due(status.elapsed).then(|| status.line()),
            Phase::Idle => None,
        };
        if let Some(line) = line {
            self.line(&line);
        }
    }

    fn lost(&mut self, count: u64) {
        self.line(&lost(count));
    }

    fn flush(&mut self) {
        self.sink.flush();
    }

    fn close(&mut self, _phase: &Phase) {
        self.sink.flush();
    }
}
