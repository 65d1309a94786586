//! A reply's body on its way: pieces, pauses, and how it ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::super::answer::Usage;
use super::super::injection::PADDING;
use super::super::ledger::Fate;
use super::super::reply::{Ending, Reply};
use super::super::simulation::{Arrival, Simulation};
use crate::listener::{Cut, Link};

/// How often a slow answer is preceded by white space, and how slow it must be for it.
pub(super) const PADDING_INTERVAL: Duration = Duration::from_secs(1);

/// What a body does next.
#[derive(Debug)]
enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Gives the connection the chance to send what it has.
    Yield,
    Cut {
        reset: bool,
    },
    Stall,
}

/// A request that is being answered; it is no longer when this is dropped. What became of an answer
/// that was not delivered is counted then.
pub(super) struct InFlight {
    simulation: Arc<Simulation>,
    arrival: Arrival,
    /// What is paid for the answer, and what becomes of it if this is dropped now.
    billed: Option<(Fate, Usage)>,
}

impl InFlight {
    pub(super) fn enter(simulation: Arc<Simulation>) -> Self {
        let arrival = simulation.counters.enter();
        Self { simulation, arrival, billed: None }
    }

    pub(super) const fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// An answer is paid for: until its last byte is on its way, the client may still leave.
    pub(super) fn owes(&mut self, billed: Option<(Fate, Usage)>) {
        self.billed = billed.map(|(fate, usage)| (if fate == Fate::Delivered { Fate::Left } else { fate }, usage));
    }

    /// The last byte is on its way. It counts now: whoever has it may ask again at once.
    fn deliver(&mut self) {
        if let Some((_, usage)) = self.billed.take_if(|(fate, _)| *fate == Fate::Left) {
            self.simulation.ended(Fate::Delivered, &usage);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some((fate, usage)) = &self.billed {
            self.simulation.ended(*fate, usage);
        }
        self.simulation.counters.leave();
    }
}

/// A body on its way.
pub(in crate::simulate) struct ReplyBody {
    steps: VecDeque<Step>,
    pause: Option<Pin<Box<Sleep>>>,
    /// How many bytes are still to come, where that is told in advance.
    left_bytes: Option<u64>,
    link: Link,
    in_flight: Option<InFlight>,
}

impl ReplyBody {
    /// A body all of which is there.
    pub(super) fn whole(body: Bytes) -> Self {
        let left_bytes = u64::try_from(body.len()).ok();
        Self::new(VecDeque::from([Step::Send(body)]), left_bytes, Link::default())
    }

    /// The body of a reply. The pieces of a stream spread evenly over `delay`.
    pub(super) fn of(reply: Reply, delay: Duration, link: Link) -> Self {
        let (ending, is_stream) = (reply.ending, reply.is_stream());
        let left_bytes = if is_stream { None } else { u64::try_from(reply.length()).ok() };
        let pieces = reply.sent_pieces();
        let pause = delay / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX);
        let mut steps = VecDeque::new();
        if pause.is_zero() {
            steps.extend(joined(pieces).map(Step::Send));
        } else {
            steps.extend(pieces.into_iter().flat_map(|piece| [Step::Wait(pause), Step::Send(piece)]));
        }
        match ending {
            Ending::Complete => {}
            Ending::Closed => steps.extend([Step::Yield, Step::Cut { reset: false }]),
            Ending::Reset => steps.extend([Step::Yield, Step::Cut { reset: true }]),
            Ending::Stalled => steps.push_back(Step::Stall),
        }
        Self::new(steps, left_bytes, link)
    }

    /// The body of a reply behind white space that is sent while `delay` lasts.
    pub(super) fn padded(reply: Reply, delay: Duration, link: Link) -> Self {
        let mut body = Self::of(reply, Duration::ZERO, link);
        body.left_bytes = None;
        let mut steps = VecDeque::new();
        let mut left = delay;
        while left > PADDING_INTERVAL {
            steps.extend([Step::Wait(PADDING_INTERVAL), Step::Send(Bytes::from_static(PADDING))]);
            left -= PADDING_INTERVAL;
        }
        steps.push_back(Step::Wait(left));
        steps.append(&mut body.steps);
        Self { steps, ..body }
    }

    /// The body that counts as in flight until it is dropped.
    pub(super) fn counted(self, in_flight: InFlight) -> Self {
        Self { in_flight: Some(in_flight), ..self }
    }

    fn new(steps: VecDeque<Step>, left_bytes: Option<u64>, link: Link) -> Self {
        Self { steps, pause: None, left_bytes, link, in_flight: None }
    }
}

/// The pieces in one, as they would be met on the way anyway.
fn joined(mut pieces: Vec<Bytes>) -> Option<Bytes> {
    if pieces.len() > 1 { Some(pieces.concat().into()) } else { pieces.pop() }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Wait(pause)) => self.pause = Some(Box::pin(sleep(pause))),
                Some(Step::Send(piece)) => {
                    let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                    self.left_bytes = self.left_bytes.map(|left_bytes| left_bytes.saturating_sub(length));
                    if self.steps.is_empty() {
                        self.in_flight.iter_mut().for_each(InFlight::deliver);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                Some(Step::Yield) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Cut { reset }) => {
                    if reset {
                        self.link.reset_on_drop();
                    }
                    return Poll::Ready(Some(Err(Cut)));
                }
                Some(Step::Stall) => {
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.left_bytes.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    /// What comes when: seconds since the start, and the piece.
    async fn arrivals(mut body: ReplyBody) -> Vec<(f64, Bytes)> {
        let (started, mut arrivals) = (Instant::now(), Vec::new());
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            // Timers are precise to the millisecond.
            arrivals.push(((started.elapsed().as_secs_f64() * 100.0).round() / 100.0, piece));
        }
        arrivals
    }

    #[tokio::test(start_paused = true)]
    async fn padding_comes_each_second_before_the_answer() {
        let reply = Reply::json(200, &1);
        let body = ReplyBody::padded(reply, Duration::from_millis(2500), Link::default());
        assert_eq!(body.size_hint().exact(), None);
        let padding = Bytes::from_static(PADDING);
        let expected = [(1.0, padding.clone()), (2.0, padding), (2.5, Bytes::from_static(b"1"))];
        assert_eq!(arrivals(body).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_spreads_over_its_latency() {
        let pieces = vec![Bytes::from_static(b"data: a\n\n"), Bytes::from_static(b"data: b\n\n")];
        let body = |delay| ReplyBody::of(Reply::events(pieces.clone()), delay, Link::default());
        let [a, b] = [pieces[0].clone(), pieces[1].clone()];
        assert_eq!(arrivals(body(Duration::from_secs(3))).await, [(1.5, a), (3.0, b)]);
        assert_eq!(arrivals(body(Duration::ZERO)).await, [(0.0, Bytes::from(pieces.concat()))]);
    }

    #[tokio::test]
    async fn a_cut_body_tells_its_whole_length_and_fails_within_it() {
        let reply = Reply::json(200, &"four").ending_with(Ending::Closed);
        let mut body = ReplyBody::of(reply, Duration::ZERO, Link::default());
        assert_eq!(body.size_hint().exact(), Some(6));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "\"fo");
        assert!(body.frame().await.unwrap().is_err());
    }
}
