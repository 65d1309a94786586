//! Whether the HTTP client has begun to send a request, and a way to take it back as long as it has not.
//!
//! A request waits in the client until a connection has a place for it. It may wait for ever: one
//! that is given to a connection at the moment at which that ends can be left in its queue, neither
//! sent nor given back (<https://github.com/tokio-rs/tokio/issues/7714>,
//! <https://github.com/seanmonstar/reqwest/issues/1323>). No server has seen a request of whose body
//! nothing was taken, so that it costs nothing, and may be sent again.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::timeout;

/// Nothing of the body was taken.
const WAITING: u8 = 0;
/// The client has begun to send it, or there is no body that would tell.
const TAKEN: u8 = 1;
/// It is not to be sent any more.
const WITHDRAWN: u8 = 2;

/// How far the handing over of one request's body is.
#[derive(Debug, Clone)]
pub(super) struct Handover(Arc<AtomicU8>);

impl Handover {
    /// A body that is to be handed over; an empty one tells nothing, and counts as taken.
    pub(super) fn of(body: &Bytes) -> Self {
        Self(Arc::new(AtomicU8::new(if body.is_empty() { TAKEN } else { WAITING })))
    }

    /// A request without a body, which counts as taken.
    pub(super) fn without_body() -> Self {
        Self::of(&Bytes::new())
    }

    /// The body, for the client to take.
    pub(super) fn body(&self, bytes: Bytes) -> reqwest::Body {
        let rest = (!bytes.is_empty()).then_some(bytes);
        reqwest::Body::wrap(Offered { rest, handover: self.clone() })
    }

    /// Takes the request back, if nothing of it was sent: whether it is certain that no server has
    /// seen it, and none will.
    pub(super) fn withdraw(&self) -> bool {
        self.leave(WITHDRAWN)
    }

    /// What the sending comes to; `None` where it was taken back because nothing of it was taken for so
    /// long.
    pub(super) async fn within<F: Future>(&self, longest: Duration, sending: F) -> Option<F::Output> {
        let mut sending = pin!(sending);
        match timeout(longest, &mut sending).await {
            Ok(sent) => Some(sent),
            Err(_) if self.withdraw() => None,
            Err(_) => Some(sending.await),
        }
    }

    fn take(&self) -> bool {
        self.leave(TAKEN)
    }

    /// Goes from waiting to one of the other states, where it is now, unless it is in the other one.
    fn leave(&self, state: u8) -> bool {
        match self.0.compare_exchange(WAITING, state, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => true,
            Err(found) => found == state,
        }
    }
}

/// A body that says when it is taken, and cannot be taken once it is withdrawn.
struct Offered {
    rest: Option<Bytes>,
    handover: Handover,
}

/// Why a body that was withdrawn is not sent.
#[derive(Debug, thiserror::Error)]
#[error("the request was taken back before it was sent")]
struct Withdrawn;

impl Body for Offered {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        if !self.handover.take() {
            return Poll::Ready(Some(Err(Withdrawn)));
        }
        Poll::Ready(self.rest.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.as_ref().map_or(0, Bytes::len) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_is_withdrawn_and_what_is_taken_may_last() {
        let (bytes, longest) = (Bytes::from_static(b"{}"), Duration::from_secs(15));
        let waiting = Handover::of(&bytes);
        let started = Instant::now();
        assert_eq!(waiting.within(longest, pending::<()>()).await, None);
        assert_eq!(started.elapsed(), longest);
        assert!(waiting.body(bytes.clone()).collect().await.is_err(), "it is not sent late");
        let sent = Handover::of(&bytes);
        let sending = async {
            let _ = sent.body(bytes).collect().await;
            tokio::time::sleep(2 * longest).await;
        };
        assert_eq!(sent.within(longest, sending).await, Some(()));
    }

    #[tokio::test]
    async fn what_was_taken_is_not_withdrawn_and_what_was_withdrawn_is_not_taken() {
        let bytes = Bytes::from_static(b"{}");
        let sent = Handover::of(&bytes);
        assert_eq!(sent.body(bytes.clone()).collect().await.unwrap().to_bytes(), bytes);
        assert!(!sent.withdraw());
        let kept = Handover::of(&bytes);
        let body = kept.body(bytes);
        assert!(kept.withdraw() && kept.withdraw());
        assert!(body.collect().await.is_err());
        assert!(!Handover::without_body().withdraw(), "nothing tells whether it was sent");
    }
}
