//! A reply whose body is still arriving.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;

use super::deadline::Deadlines;
use super::keeps_header;
use super::shard::Lease;
use crate::model::{Chunk, End, Header, Reply, Timing};

/// The longest body that is taken.
pub(super) const LONGEST_BODY: usize = Response::LONGEST_BODY;

/// A reply whose headers have come and whose body follows piece by piece.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Whether it came over HTTP/2.
    pub http2: bool,
    /// The headers that nightreel keeps, in the order they came, duplicates too.
    pub headers: Vec<Header>,
    /// When the request was sent; a replayed response: when it was made.
    pub sent_at: Instant,
    /// Microseconds from the send to the headers.
    pub first_byte_us: u64,
    body: Body,
    received: usize,
    is_too_long: bool,
    /// Whether a single piece is noted too: a stream's says when its first token came.
    notes_single_piece: bool,
}

enum Body {
    /// It comes from a connection.
    Live(Box<Live>),
    /// It is all there, as `Reply::chunks` cut it.
    Whole { pieces: VecDeque<(Chunk, Bytes)>, end: End, total_us: u64 },
    /// There is no more of it.
    Ended { total_us: u64 },
}

/// A body on the wire. Dropping it gives the connection, or the stream, back or up.
struct Live {
    response: reqwest::Response,
    deadlines: Deadlines,
    _lease: Lease,
}

/// A piece of a body and when it came, or how the body ended without being complete.
type Piece = Result<(Chunk, Bytes), End>;

impl Response {
    /// The longest body that is taken: 128 MiB. A body that goes on is cut there, as if the
    /// connection had broken, so that no server can fill the memory.
    pub const LONGEST_BODY: usize = 128 << 20;

    /// A response to what was just sent.
    pub(super) fn live(response: reqwest::Response, sent_at: Instant, deadlines: Deadlines, lease: Lease) -> Self {
        let mut headers = super::kept_header::kept_headers(response.headers());
        if response.content_length().is_none() {
            // The body comes in chunks, and this line says nothing.
            headers.retain(|header| header.name != "content-length");
        }
        let kind = headers.iter().find(|header| header.name == "content-type");
        let is_stream = kind.is_some_and(|kind| kind.value.to_ascii_lowercase().starts_with("text/event-stream"));
        Self {
            status: response.status().as_u16(),
            http2: response.version() == reqwest::Version::HTTP_2,
            headers,
            sent_at,
            first_byte_us: elapsed_us(sent_at),
            body: Body::Live(Box::new(Live { response, deadlines, _lease: lease })),
            received: 0,
            is_too_long: false,
            notes_single_piece: is_stream,
        }
    }

    /// A response made of a reply that is whole already: a recording, or a test's. Its pieces
    /// are given without delay, and [`Response::collect`] gives the same reply back.
    #[must_use]
    pub fn replayed(reply: Reply, timing: Timing) -> Self {
        let (pieces, notes_single_piece) = (reply.pieces().into(), !reply.chunks.is_empty());
        let Reply { status, headers, end, .. } = reply;
        Self {
            status,
            http2: false,
            headers,
            sent_at: Instant::now(),
            first_byte_us: timing.first_byte_us,
            body: Body::Whole { pieces, end, total_us: timing.total_us },
            received: 0,
            is_too_long: false,
            notes_single_piece,
        }
    }

    /// The lines of the headers that nightreel keeps, as the server wrote them: whoever it is passed
    /// on to gets every byte, and the query of a location, neither of which is kept. `None` where no
    /// connection has it.
    #[must_use]
    pub fn lines(&self) -> Option<HeaderMap> {
        let Body::Live(live) = &self.body else { return None };
        let kept = live.response.headers().iter().filter(|(name, _)| keeps_header(name.as_str()));
        Some(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Whether the body was cut here, because it is longer than [`Response::LONGEST_BODY`].
    #[must_use]
    pub const fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// The next piece of the body; `None` after its last.
    ///
    /// # Errors
    /// How the body ended where it did not end complete: nothing comes after it.
    pub async fn next_chunk(&mut self) -> Option<Result<Bytes, End>> {
        let piece = self.next_piece().await?;
        Some(piece.map(|(_, bytes)| bytes))
    }

    /// Waits for the rest of the body and makes the reply whole. The number is how many
    /// microseconds went by from the send to the end.
    ///
    /// A body that breaks off keeps what came of it. Pieces are noted where there was more
    /// than one, and of an event stream always.
    pub async fn collect(mut self) -> (Reply, u64) {
        let (mut pieces, mut end) = (Vec::new(), End::Complete);
        while let Some(piece) = self.next_piece().await {
            match piece {
                Ok(piece) => pieces.push(piece),
                Err(how) => end = how,
            }
        }
        self.gathered(pieces, end)
    }

    /// The reply, made of the pieces that [`Response::next_piece`] gave and of how they ended: what
    /// [`Response::collect`] does, for one who passes the pieces on. Where the body goes on, it is
    /// given up.
    #[must_use]
    pub fn gathered(self, pieces: Vec<(Chunk, Bytes)>, end: End) -> (Reply, u64) {
        let (mut chunks, pieces): (Vec<Chunk>, Vec<Bytes>) = pieces.into_iter().unzip();
        if chunks.len() < 2 && !self.notes_single_piece {
            chunks.clear();
        }
        let total_us = match self.body {
            Body::Ended { total_us } => total_us,
            Body::Live(_) | Body::Whole { .. } => elapsed_us(self.sent_at),
        };
        (Reply { status: self.status, headers: self.headers, body: joined(pieces), chunks, end }, total_us)
    }

    /// The next piece of the body, and when it came; `None` after its last.
    ///
    /// # Errors
    /// How the body ended where it did not end complete: nothing comes after it.
    pub async fn next_piece(&mut self) -> Option<Piece> {
        let piece = match &mut self.body {
            Body::Live(live) => live.next(self.sent_at).await,
            Body::Whole { pieces, end, .. } => pieces.pop_front().map(Ok).or_else(|| match std::mem::take(end) {
                End::Complete => None,
                how => Some(Err(how)),
            }),
            Body::Ended { .. } => return None,
        };
        let piece = match piece {
            Some(Ok((_, ref bytes))) if self.received + bytes.len() > LONGEST_BODY => {
                self.is_too_long = true;
                Some(Err(End::Reset))
            }
            piece => piece,
        };
        if let Some(Ok((_, bytes))) = &piece {
            self.received += bytes.len();
            return piece;
        }
        let total_us = match self.body {
            Body::Whole { total_us, .. } | Body::Ended { total_us } => total_us,
            Body::Live(_) => elapsed_us(self.sent_at),
        };
        self.body = Body::Ended { total_us };
        piece
    }
}

impl Live {
    async fn next(&mut self, sent_at: Instant) -> Option<Piece> {
        loop {
            return match self.deadlines.within(self.response.chunk()).await {
                // HTTP/2 ends a body by an empty frame, which is no piece of it.
                Ok(Ok(Some(bytes))) if bytes.is_empty() => continue,
                Ok(Ok(Some(bytes))) => Some(Ok((Chunk { offset_us: elapsed_us(sent_at), length: bytes.len() }, bytes))),
                Ok(Ok(None)) => None,
                Ok(Err(_)) => Some(Err(End::Reset)),
                Err(_) => Some(Err(End::TimedOut)),
            };
        }
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() < 2 {
        return pieces.pop().unwrap_or_default();
    }
    let mut body = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        body.extend_from_slice(piece);
    }
    body.freeze()
}

fn elapsed_us(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("http2", &self.http2)
            .field("headers", &self.headers)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &'static [u8], chunks: Vec<Chunk>, end: End) -> Reply {
        let headers = vec![Header { name: "content-type".to_owned(), value: "application/json".to_owned() }];
        Reply { status: 200, headers, body: Bytes::from_static(body), chunks, end }
    }

    fn chunk(offset_us: u64, length: usize) -> Chunk {
        Chunk { offset_us, length }
    }

    #[tokio::test]
    async fn a_replayed_reply_is_given_back_as_it_was() {
        for whole in [
            reply(b"", vec![], End::Complete),
            reply(b"{}", vec![], End::Complete),
            reply(b"abcdef", vec![chunk(1, 2), chunk(9, 4)], End::Complete),
            reply(b"abcdef", vec![chunk(1, 2), chunk(9, 4)], End::Reset),
            reply(b"abc", vec![], End::TimedOut),
            reply(b"abc", vec![chunk(7, 3)], End::Complete),
        ] {
            let timing = Timing { queued_us: 1, first_byte_us: 2, total_us: 3 };
            let response = Response::replayed(whole.clone(), timing);
            assert_eq!(response.first_byte_us, 2);
            assert_eq!(response.collect().await, (whole, 3));
        }
    }

    #[tokio::test]
    async fn pieces_come_one_by_one_and_nothing_comes_after_the_end() {
        let broken = reply(b"abcdef", vec![chunk(1, 2), chunk(9, 4)], End::Reset);
        let mut response = Response::replayed(broken, Timing::default());
        assert_eq!(response.next_chunk().await, Some(Ok(Bytes::from_static(b"ab"))));
        assert_eq!(response.next_chunk().await, Some(Ok(Bytes::from_static(b"cdef"))));
        assert_eq!(response.next_chunk().await, Some(Err(End::Reset)));
        assert_eq!(response.next_chunk().await, None);
        assert_eq!(response.next_chunk().await, None);
    }

    #[tokio::test]
    async fn chunks_that_do_not_add_up_lose_nothing() {
        for chunks in [vec![chunk(1, 100)], vec![chunk(1, 1), chunk(2, 1)], vec![chunk(1, 0)]] {
            let (whole, _) =
                Response::replayed(reply(b"abcdef", chunks, End::Complete), Timing::default()).collect().await;
            assert_eq!(whole.body, "abcdef");
        }
    }
}
