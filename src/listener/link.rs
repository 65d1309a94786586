//! A connection as those see it who answer its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// The connection is to be cut: hyper drops it, or resets the stream of HTTP/2, when it meets this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is to be cut")]
pub struct Cut;

/// A connection as those see it who answer its requests. The connection has the other end of it.
#[derive(Debug, Clone, Default)]
pub struct Link(Arc<State>);

#[derive(Debug, Default)]
struct State {
    reset: AtomicBool,
    asked: AtomicBool,
    /// How often everything that there was to send was handed to the system.
    flushes: AtomicU64,
    /// Whoever waits for the next time. Over HTTP/1 one reply is sent after the other, so there is
    /// one at most.
    waiting: AtomicWaker,
}

impl Link {
    /// Lets the peer see a reset, and not an end, where the connection is dropped from now on.
    pub fn reset_on_drop(&self) {
        self.0.reset.store(true, Ordering::Relaxed);
    }

    /// How often all that there was to send was handed to the system so far.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.0.flushes.load(Ordering::Acquire)
    }

    /// Waits until all that there was to send has been handed to the system once more. It is for
    /// one reply at a time, as HTTP/1 has it.
    pub fn poll_flushed(&self, flushes: u64, cx: &mut Context<'_>) -> Poll<()> {
        // Registered before the count is read, so that no flush is missed in between.
        self.0.waiting.register(cx.waker());
        if self.flushes() == flushes { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Remembers that a request came over it.
    pub(super) fn asked(&self) {
        self.0.asked.store(true, Ordering::Relaxed);
    }

    /// Whether a request ever came over it.
    pub(super) fn was_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }

    pub(super) fn is_reset_on_drop(&self) -> bool {
        self.0.reset.load(Ordering::Relaxed)
    }

    pub(super) fn flushed(&self) {
        self.0.flushes.fetch_add(1, Ordering::Release);
        self.0.waiting.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::poll_fn;

    use super::*;

    #[test]
    fn a_flush_is_waited_for_from_a_count_on() {
        let link = Link::default();
        let flushed = |flushes| poll_fn(|cx| link.poll_flushed(flushes, cx)).now_or_never();
        assert_eq!(flushed(0), None);
        link.flushed();
        assert_eq!(flushed(0), Some(()));
        assert_eq!(flushed(link.flushes()), None);
    }
}
