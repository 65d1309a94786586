//! A reply's body on its way to a client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec::IntoIter;

use bytes::Bytes;
use http::Version;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::piece::{Piece, Unsent};
use super::score::{Finale, Score};
use crate::listener::{Cut, Link};

/// How long a stream of HTTP/2 is held open after its last piece has been handed over. A client that
/// reads a piece and a reset at once may take the piece for nothing: curl does.
pub(super) const BEFORE_RESET: Duration = Duration::from_millis(20);

/// What comes of a body that is passed on. Where it stops without its end, the connection is cut.
#[derive(Debug)]
pub(super) enum Flow {
    /// A piece has come.
    Piece(Bytes),
    /// All of it has come, and is on record.
    Complete,
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct ReplyBody(Part);

#[derive(Debug)]
enum Part {
    /// All of it goes at once.
    Whole(Whole),
    /// A recording is played.
    Played(Box<Played>),
    /// What comes is passed on.
    Passed(Passed),
}

/// A body all of which is there.
#[derive(Debug)]
struct Whole {
    /// Until it has gone.
    body: Option<Bytes>,
    tells_length: bool,
}

/// A body that is passed on.
#[derive(Debug)]
struct Passed {
    flow: mpsc::Receiver<Flow>,
    /// How much is to come, where that was told in advance.
    rest: Option<u64>,
    cutter: Cutter,
}

/// A recording that is played.
#[derive(Debug)]
struct Played {
    pieces: IntoIter<(Duration, Bytes)>,
    /// The piece whose time has not come.
    next: Option<(Duration, Bytes)>,
    finale: Finale,
    arrived: Instant,
    /// When the silence after the last piece ends, once it has begun.
    stalls_until: Option<Instant>,
    /// Runs until the time of the next piece, or of the end.
    timer: Option<Pin<Box<Sleep>>>,
    /// How much is to come by what is told in advance.
    claimed: Option<u64>,
    cutter: Cutter,
}

/// Cuts a connection, or a stream of HTTP/2, without losing what was said before.
#[derive(Debug)]
pub(super) struct Cutter {
    link: Link,
    /// Counts the pieces of a stream of HTTP/2: a reset overtakes what the connection has not taken.
    unsent: Option<Unsent>,
    /// Runs until the reset, once every piece is taken.
    before_reset: Option<Pin<Box<Sleep>>>,
    /// Whether the end of the connection would pass for that of a body whose length was not told.
    needs_reset: bool,
    flushes: Option<u64>,
}

impl Cutter {
    /// What cuts a connection that speaks this version.
    pub(super) fn new(link: Link, version: Version) -> Self {
        let unsent = (version >= Version::HTTP_2).then(Unsent::default);
        Self { link, unsent, before_reset: None, needs_reset: version < Version::HTTP_11, flushes: None }
    }

    /// The same for a body of a length, where that is told in advance.
    const fn of_body(mut self, length: Option<u64>) -> Self {
        self.needs_reset &= length.is_none();
        self
    }

    fn cut(&self) -> Cut {
        if self.needs_reset {
            self.link.reset_on_drop();
        }
        Cut
    }

    fn piece(&self, bytes: Bytes) -> Piece {
        match &self.unsent {
            Some(unsent) => unsent.piece(bytes),
            None => bytes.into(),
        }
    }

    fn poll_gone_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(unsent) = &self.unsent {
            ready!(unsent.poll_none(cx));
            return self.before_reset.get_or_insert_with(|| Box::pin(sleep(BEFORE_RESET))).as_mut().poll(cx);
        }
        let flushes = *self.flushes.get_or_insert_with(|| self.link.flushes());
        self.link.poll_flushed(flushes, cx)
    }
}

impl ReplyBody {
    /// A body all of which is there.
    pub(super) const fn whole(body: Bytes) -> Self {
        Self(Part::Whole(Whole { body: Some(body), tells_length: true }))
    }

    /// The body of a recording, to a request of a version that arrived at some time.
    pub(super) fn played(score: Score, version: Version, arrived: Instant, link: Link) -> Self {
        let Score { mut pieces, finale, length, .. } = score;
        if pieces.len() < 2 && matches!(finale, Finale::Complete(at) if at.is_zero()) {
            let body = Some(pieces.pop().map(|(_, bytes)| bytes).unwrap_or_default());
            return Self(Part::Whole(Whole { body, tells_length: length.is_some() }));
        }
        let cutter = Cutter::new(link, version).of_body(length);
        let pieces = pieces.into_iter();
        let (next, stalls_until, timer) = (None, None, None);
        let played = Played { pieces, next, finale, arrived, stalls_until, timer, claimed: length, cutter };
        Self(Part::Played(Box::new(played)))
    }

    /// A body that is passed on as it comes, and how long it is, where that is told in advance.
    pub(super) const fn passed_on(flow: mpsc::Receiver<Flow>, length: Option<u64>, cutter: Cutter) -> Self {
        Self(Part::Passed(Passed { flow, rest: length, cutter: cutter.of_body(length) }))
    }
}

/// A piece, the end, or that the connection is to be cut.
type Next = Option<Result<Piece, Cut>>;

impl Played {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.next.is_none() {
            self.next = self.pieces.next();
        }
        if let Some((at, _)) = self.next {
            ready!(self.poll_time(at, cx));
            if let Some((_, bytes)) = self.next.take() {
                return Poll::Ready(Some(Ok(self.said(bytes))));
            }
        }
        match self.finale {
            Finale::Complete(at) => {
                ready!(self.poll_time(at, cx));
                Poll::Ready(None)
            }
            Finale::Cut(at) => {
                ready!(self.poll_time(at, cx));
                ready!(self.cutter.poll_gone_out(cx));
                Poll::Ready(Some(Err(self.cutter.cut())))
            }
            Finale::Stall(silence) => {
                // It counts from the last piece, whenever that was.
                let ends_at = *self.stalls_until.get_or_insert_with(|| Instant::now() + silence);
                ready!(self.poll_timer(ends_at, cx));
                self.finale = Finale::Cut(Duration::ZERO);
                self.poll_next(cx)
            }
        }
    }

    /// Waits for a time, counted from the request's arrival, so that no delay adds to another.
    fn poll_time(&mut self, at: Duration, cx: &mut Context<'_>) -> Poll<()> {
        if at.is_zero() { Poll::Ready(()) } else { self.poll_timer(self.arrived + at, cx) }
    }

    fn poll_timer(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }

    fn said(&mut self, bytes: Bytes) -> Piece {
        count_down(&mut self.claimed, &bytes);
        if matches!(self.finale, Finale::Complete(_)) { bytes.into() } else { self.cutter.piece(bytes) }
    }

    fn has_ended(&self) -> bool {
        let all_said = self.next.is_none() && self.pieces.as_slice().is_empty();
        all_said && matches!(self.finale, Finale::Complete(at) if at.is_zero())
    }
}

impl Whole {
    fn has_ended(&self) -> bool {
        // One that is empty has not where its length is not told: its end is told by what follows the
        // head.
        self.body.as_ref().is_none_or(|body| self.tells_length && body.is_empty())
    }

    fn length(&self) -> Option<u64> {
        let left = self.body.as_ref().map_or(0, Bytes::len);
        if self.tells_length { u64::try_from(left).ok() } else { None }
    }
}

impl Passed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(match ready!(self.flow.poll_recv(cx)) {
            Some(Flow::Piece(bytes)) => {
                count_down(&mut self.rest, &bytes);
                Some(Ok(self.cutter.piece(bytes)))
            }
            Some(Flow::Complete) => None,
            None => {
                ready!(self.cutter.poll_gone_out(cx));
                Some(Err(self.cutter.cut()))
            }
        })
    }
}

fn count_down(rest: &mut Option<u64>, bytes: &Bytes) {
    if let Some(rest) = rest {
        *rest = rest.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
}

impl Body for ReplyBody {
    type Data = Piece;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Cut>>> {
        let next = match &mut self.0 {
            Part::Whole(whole) => whole.body.take().filter(|body| !body.is_empty()).map(|body| Ok(body.into())),
            Part::Played(played) => ready!(played.poll_next(cx)),
            Part::Passed(passed) => ready!(passed.poll_next(cx)),
        };
        Poll::Ready(next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Part::Whole(whole) => whole.has_ended(),
            Part::Played(played) => played.has_ended(),
            Part::Passed(passed) => passed.rest == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let exact = match &self.0 {
            Part::Whole(whole) => whole.length(),
            Part::Played(played) => played.claimed,
            Part::Passed(passed) => passed.rest,
        };
        exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
