//! The thread that shows everything.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::board::{Board, Ending};
use super::rate::RateWindow;
use super::status::Phase;
use super::{Message, View};

/// How often the view is shown how the run stands.
const FRAME: Duration = Duration::from_millis(100);
/// How many messages are taken before they are shown.
const BATCH: usize = 512;

/// Takes messages and looks at the state, until it is told that there is nothing more.
pub(super) struct Drawer {
    board: Arc<Board>,
    messages: Receiver<Message>,
    view: Box<dyn View>,
    /// Whether warnings alone are wanted.
    quiet: bool,
    window: RateWindow,
}

impl Drawer {
    pub(super) fn new(board: Arc<Board>, messages: Receiver<Message>, view: Box<dyn View>, quiet: bool) -> Self {
        Self { board, messages, view, quiet, window: RateWindow::default() }
    }

    /// Works until the end.
    pub(super) fn run(mut self) {
        let _ending = Ending(Arc::clone(&self.board));
        let mut next_frame = Instant::now() + FRAME;
        loop {
            // Asked before the messages are taken: what was said before the end is shown.
            let finished = self.board.is_finished();
            let patience = if finished { Duration::ZERO } else { next_frame.saturating_duration_since(Instant::now()) };
            let is_empty = self.take(patience);
            match self.board.queue.take_lost() {
                0 => {}
                lost => self.view.lost(lost),
            }
            if Instant::now() >= next_frame {
                self.frame();
                next_frame = Instant::now() + FRAME;
            }
            self.view.flush();
            if finished && is_empty {
                break;
            }
        }
        let phase = self.phase();
        self.view.close(&phase);
    }

    /// Takes a batch of messages, waiting for the first one. Returns whether there are no more.
    fn take(&mut self, patience: Duration) -> bool {
        let Ok(first) = self.messages.recv_timeout(patience) else { return true };
        self.view.message(first);
        for _ in 1..BATCH {
            let Ok(next) = self.messages.try_recv() else { return true };
            self.view.message(next);
        }
        false
    }

    fn frame(&mut self) {
        if self.quiet {
            return;
        }
        let retries = self.board.state().retry_log.lines(Instant::now());
        for line in retries {
            self.view.message(Message::Retries(line));
        }
        let phase = self.phase();
        self.view.frame(&phase);
    }

    fn phase(&mut self) -> Phase {
        if self.quiet { Phase::Idle } else { self.board.state().phase(Instant::now(), &mut self.window) }
    }
}
