//! What a person, a log or a program sees of a run while it goes on.
//!
//! ```text
//! engine ── Watcher ──┬─ State (sums, under a short lock) ─┬─ Drawer ── View ── Sink ── stderr
//! command ─ Progress ─┴─ Queue (lines, bounded) ───────────┘  a thread of its own
//! ```
//!
//! One thread writes all of standard error, so that lines come in order and never tear the bar.
//! Nobody ever waits for that thread: where standard error takes nothing, a run goes on all the
//! same, and what could not be shown is counted.

mod announce;
mod bar_view;
mod board;
mod drawer;
mod handle;
mod json_event;
mod json_view;
mod kind;
mod line_view;
mod message;
mod number;
mod paint;
mod queue;
mod rate;
mod retry_log;
mod schedule;
mod screen;
mod sink;
mod span;
mod state;
mod status;
mod terminal;
mod watcher;

#[cfg(test)]
mod tests;

pub(crate) use handle::Progress;
pub(crate) use kind::ProgressKind;
pub(crate) use terminal::Terminal;

use message::Message;
use status::Phase;

/// How a run is shown. It is called from the drawing thread alone, and may block there.
trait View: Send {
    /// Takes something that was said.
    fn message(&mut self, message: Message);

    /// Shows how the run stands, ten times a second.
    fn frame(&mut self, phase: &Phase);

    /// Says how many messages found no room.
    fn lost(&mut self, count: u64);

    /// Shows what was taken since.
    fn flush(&mut self);

    /// Shows what is left, and takes away what is not to stay.
    fn close(&mut self, phase: &Phase);
}
