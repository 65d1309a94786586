//! A piece of a body on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;

/// A piece of a body on its way. It may be counted until its connection has taken all of it.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    counted: Option<Counted>,
}

/// The pieces that the connection has not taken yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsent(Arc<State>);

#[derive(Debug, Default)]
struct State {
    pieces: AtomicUsize,
    waiting: AtomicWaker,
}

#[derive(Debug)]
struct Counted(Unsent);

impl Unsent {
    /// A piece that counts.
    pub(super) fn piece(&self, bytes: Bytes) -> Piece {
        self.0.pieces.fetch_add(1, Ordering::Relaxed);
        Piece { bytes, counted: Some(Counted(self.clone())) }
    }

    /// Waits until every piece is taken.
    pub(super) fn poll_none(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Registered before the count is read, so that the last one is not missed in between.
        self.0.waiting.register(cx.waker());
        if self.0.pieces.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let State { pieces, waiting } = &*self.0.0;
        if pieces.fetch_sub(1, Ordering::Release) == 1 {
            waiting.wake();
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, counted: None }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if self.bytes.is_empty() {
            self.counted = None;
        }
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let copied = self.bytes.copy_to_bytes(length);
        self.advance(0);
        copied
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::poll_fn;

    use super::*;

    #[test]
    fn a_piece_counts_until_all_of_it_is_taken_or_it_is_dropped() {
        let unsent = Unsent::default();
        let none = || poll_fn(|cx| unsent.poll_none(cx)).now_or_never().is_some();
        assert!(none());
        let (mut first, second) = (unsent.piece(Bytes::from_static(b"abc")), unsent.piece(Bytes::from_static(b"d")));
        first.advance(2);
        assert!(!none());
        assert_eq!(first.copy_to_bytes(1), "c");
        assert!(!none());
        drop(second);
        assert!(none());
        drop(first);
        assert!(none());
    }
}
