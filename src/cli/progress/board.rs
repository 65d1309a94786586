//! What the run's task, the command and the drawing thread share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Message;
use super::queue::Queue;
use super::state::State;

/// A reader that takes something now and then is waited for so many times as long as a silent one.
const SLOW_READER: u32 = 10;
/// How often it is looked at while it is waited for.
const LOOKS: u32 = 20;

/// The state of the run, the way to the drawing thread, and whether that thread is at work.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    pub(super) queue: Queue,
    /// How many pieces of output have been written.
    pub(super) pieces: Arc<AtomicU64>,
    /// Set before the last wake-up; the thread ends when it has shown what came before.
    finished: AtomicBool,
    ended: Mutex<bool>,
    ended_changed: Condvar,
}

/// Says that the drawing thread has ended, however it ended.
#[derive(Debug)]
pub(super) struct Ending(pub(super) Arc<Board>);

impl Board {
    pub(super) fn new(capacity: usize) -> (Arc<Self>, Receiver<Message>) {
        let (queue, receiver) = Queue::new(capacity);
        let board = Self {
            state: Mutex::default(),
            queue,
            pieces: Arc::default(),
            finished: AtomicBool::new(false),
            ended: Mutex::new(false),
            ended_changed: Condvar::new(),
        };
        (Arc::new(board), receiver)
    }

    /// The state. The lock is held for sums alone, never while something is written.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Asks the drawing thread to show what is left and to end. Returns whether it has ended: where
    /// its reader takes nothing for as long as patience lasts, it is left behind.
    pub(super) fn finish(&self, patience: Duration) -> bool {
        self.finished.store(true, Ordering::Release);
        self.queue.wake();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, mut pieces, mut last_sign) = (Instant::now(), self.written(), Instant::now());
        while !*ended && last_sign.elapsed() < patience && began.elapsed() < patience * SLOW_READER {
            let waited = self.ended_changed.wait_timeout(ended, patience / LOOKS);
            ended = waited.unwrap_or_else(PoisonError::into_inner).0;
            if self.written() != pieces {
                (pieces, last_sign) = (self.written(), Instant::now());
            }
        }
        *ended
    }

    fn written(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.ended_changed.notify_all();
    }
}
