//! The way to the drawing thread: bounded, and never waited at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::Message;

/// Messages on their way to the drawing thread.
#[derive(Debug)]
pub(super) struct Queue {
    sender: SyncSender<Message>,
    lost: AtomicU64,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> (Self, Receiver<Message>) {
        let (sender, receiver) = sync_channel(capacity);
        (Self { sender, lost: AtomicU64::new(0) }, receiver)
    }

    /// Hands a message over; where there is no room it is counted instead.
    pub(super) fn offer(&self, message: Message) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(message) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wakes the thread. Where there is no room, it is not asleep.
    pub(super) fn wake(&self) {
        let _awake_or_gone = self.sender.try_send(Message::Wake);
    }

    /// How many messages found no room since this was asked last.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}
