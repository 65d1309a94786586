//! The monitor: what the engine tells.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nightreel::engine::{Event, ItemSettled, Monitor};

use super::Message;
use super::board::Board;
use super::message::{Retry, Stopping};

/// How far two sums of checked rows are apart, where each is a message.
const CHECKING_APART: Duration = Duration::from_secs(1);

/// Which events are messages of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Warnings and the end.
    Warnings,
    /// The beginning as well; the rest is summed up.
    Sums,
    /// Each of them.
    Each,
}

/// Sums up what happens, and hands over what is to be said. It never waits.
#[derive(Debug)]
pub(super) struct Watcher {
    board: Arc<Board>,
    telling: Telling,
    told_checking: Option<Instant>,
}

impl Watcher {
    pub(super) const fn new(board: Arc<Board>, telling: Telling) -> Self {
        Self { board, telling, told_checking: None }
    }

    fn checking(&mut self, rows: u64) {
        let now = Instant::now();
        self.board.state().checking(now, rows);
        let is_due = self.told_checking.is_none_or(|told| now.saturating_duration_since(told) >= CHECKING_APART);
        if self.telling == Telling::Each && is_due {
            self.told_checking = Some(now);
            self.board.queue.offer(Message::Checking(rows));
        }
    }

    fn settled(&self, items: &[ItemSettled]) {
        self.board.state().settle(items);
        if self.telling == Telling::Each {
            for item in items {
                self.board.queue.offer(Message::Item(Box::new(item.clone())));
            }
        }
    }

    fn retrying(&self, retry: Retry) {
        let mut state = self.board.state();
        state.retry();
        match self.telling {
            Telling::Warnings => {}
            Telling::Sums => {
                state.retry_log.note(Instant::now(), &retry.row_id, retry.class, &retry.message, retry.after);
            }
            Telling::Each => {
                drop(state);
                self.board.queue.offer(Message::Retry(Box::new(retry)));
            }
        }
    }
}

impl Monitor for Watcher {
    fn on(&mut self, event: &Event<'_>) {
        match *event {
            Event::Checking { rows } => self.checking(rows),
            Event::Begun(begun) => {
                self.board.state().begin(Instant::now(), begun);
                if self.telling != Telling::Warnings {
                    self.board.queue.offer(Message::Begun(Box::new(begun.clone())));
                }
            }
            Event::Settled(items) => self.settled(items),
            Event::Retrying { row_id, class, message, after } => {
                self.retrying(Retry { row_id: row_id.to_owned(), class, message: message.to_owned(), after });
            }
            Event::Warning(warning) => self.board.queue.offer(Message::Warning(warning.to_owned())),
            Event::Stopping { reason, in_flight, deadline } => {
                self.board.state().stop();
                let (reason, message) = (reason.as_str(), reason.to_string());
                self.board.queue.offer(Message::Stopping(Box::new(Stopping { reason, message, in_flight, deadline })));
            }
            Event::Tick(snapshot) => self.board.state().tick(snapshot),
        }
    }
}
