//! How a recording is played to a client.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Pace;
use super::refusal::Refusal;
use crate::model::{Attempt, End, Fault, FaultKind, Header, Reply, Timing};

/// How much longer than it was recorded the silence is that a client gave up in, so that it is
/// again the client who ends it.
const LONGER_THAN_GIVEN_UP: Duration = Duration::from_secs(1);

/// How a recording is played: what its client saw when it was recorded, it sees again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Play {
    /// A reply.
    Reply(Score),
    /// No reply: nothing for so long, then the connection is cut.
    Silence(Duration),
    /// What the server says itself, as it did when it was recorded.
    Refusal(Refusal),
}

/// A reply that is played. All times are from the request's arrival.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// When the head goes out.
    pub(super) head_at: Duration,
    /// When each piece goes out.
    pub(super) pieces: Vec<(Duration, Bytes)>,
    pub(super) finale: Finale,
    /// How long the body is, where that is told in advance.
    pub(super) length: Option<u64>,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finale {
    /// All of it has come.
    Complete(Duration),
    /// The connection is cut, not before the last piece has gone out.
    Cut(Duration),
    /// Nothing comes for so long after the last piece, then the connection is cut.
    Stall(Duration),
}

impl Play {
    /// How an attempt is played. A silence that ended by a deadline lasts as long as it did,
    /// whatever the pace: whoever waits for the end of it has a deadline too.
    pub(super) fn of(attempt: Attempt, pace: Pace) -> Self {
        let timing = attempt.timing;
        match attempt.reply {
            Ok(reply) => Score::of(reply, timing, pace).map_or_else(Self::Refusal, Self::Reply),
            Err(fault) => Self::of_fault(fault, timing, pace),
        }
    }

    fn of_fault(fault: Fault, timing: Timing, pace: Pace) -> Self {
        match fault.kind {
            FaultKind::Reset => Self::Silence(pace.of_us(timing.total_us)),
            FaultKind::TimedOut => Self::Silence(Duration::from_micros(timing.total_us)),
            FaultKind::GivenUp => Self::Silence(Duration::from_micros(timing.total_us) + LONGER_THAN_GIVEN_UP),
            FaultKind::Connect | FaultKind::Refused => Self::Refusal(Refusal::NotReached(fault.message)),
        }
    }
}

impl Score {
    fn of(reply: Reply, timing: Timing, pace: Pace) -> Result<Self, Refusal> {
        let status = StatusCode::from_u16(reply.status).ok().filter(|status| !status.is_informational());
        let status = status.ok_or(Refusal::Status(reply.status))?;
        let is_whole = reply.chunks.is_empty() && reply.end == End::Complete;
        let length = length(&reply);
        let last_us = reply.chunks.last().map_or(timing.first_byte_us, |chunk| chunk.offset_us);
        let finale = match reply.end {
            End::Complete => Finale::Complete(pace.of_us(timing.total_us)),
            End::Reset | End::GivenUp => Finale::Cut(pace.of_us(timing.total_us)),
            End::TimedOut => Finale::Stall(Duration::from_micros(timing.total_us.saturating_sub(last_us))),
        };
        // When a body came that came in one piece was not noted: it was there at the end.
        let noted = |offset_us| if is_whole { timing.total_us } else { offset_us };
        let pieces = reply.pieces().into_iter().map(|(chunk, bytes)| (pace.of_us(noted(chunk.offset_us)), bytes));
        let pieces = pieces.collect();
        let headers = header_map(reply.headers);
        Ok(Self { status, headers, head_at: pace.of_us(timing.first_byte_us), pieces, finale, length })
    }
}

/// The length that is told of a recorded body, where its server told one. What came is what is sent;
/// what did not come to its end is told longer than it is.
fn length(reply: &Reply) -> Option<u64> {
    let came = u64::try_from(reply.body.len()).unwrap_or(u64::MAX);
    told_length(&reply.headers).map(|told| match reply.end {
        End::Complete => came,
        End::Reset | End::TimedOut | End::GivenUp => told.max(came.saturating_add(1)),
    })
}

/// The length of a body, where header lines tell it.
pub(super) fn told_length(headers: &[Header]) -> Option<u64> {
    headers.iter().find(|header| header.name == "content-length")?.value.parse().ok()
}

/// Header lines as they are sent. How a body is framed is a matter of the connection that it goes
/// over, and what cannot be sent is left out.
pub(super) fn header_map(lines: Vec<Header>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(lines.len() + 4);
    for Header { name, value } in lines.into_iter().filter(|header| !is_framing(&header.name)) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn is_framing(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    ];
    NAMES.iter().any(|framing| name.eq_ignore_ascii_case(framing))
}

#[cfg(test)]
mod tests {
    use crate::model::{Chunk, Class};

    use super::*;

    const TIMING: Timing = Timing { queued_us: 7, first_byte_us: 1000, total_us: 9000 };

    fn attempt(reply: Result<Reply, Fault>) -> Attempt {
        let (class, cost_usd) = (Class::Answered, None);
        Attempt { number: 1, sent_at_ms: 0, timing: TIMING, reply, class, cost_usd, assumed_cost_usd: None }
    }

    fn reply(chunks: &[(u64, usize)], end: End) -> Reply {
        let chunks = chunks.iter().map(|&(offset_us, length)| Chunk { offset_us, length }).collect();
        Reply { status: 200, headers: Vec::new(), body: Bytes::from_static(b"abcdef"), chunks, end }
    }

    fn score(reply: Reply, pace: Pace) -> Score {
        let Play::Reply(score) = Play::of(attempt(Ok(reply)), pace) else { panic!("it is a reply") };
        score
    }

    const fn micros(microseconds: u64) -> Duration {
        Duration::from_micros(microseconds)
    }

    #[test]
    fn pieces_come_when_they_did_or_at_once() {
        let streamed = || reply(&[(2000, 2), (5000, 4)], End::Complete);
        let (ab, cdef) = (Bytes::from_static(b"ab"), Bytes::from_static(b"cdef"));
        for (factor, head_at, first, second, end) in
            [(0.0, 0, 0, 0, 0), (1.0, 1000, 2000, 5000, 9000), (2.0, 2000, 4000, 10_000, 18_000)]
        {
            let score = score(streamed(), Pace::new(factor).unwrap());
            assert_eq!(score.head_at, micros(head_at));
            assert_eq!(score.pieces, [(micros(first), ab.clone()), (micros(second), cdef.clone())]);
            assert_eq!(score.finale, Finale::Complete(micros(end)));
        }
        let whole = score(reply(&[], End::Complete), Pace::RECORDED);
        assert_eq!(whole.pieces, [(micros(9000), Bytes::from_static(b"abcdef"))]);
    }

    #[test]
    fn a_body_ends_as_it_did() {
        let at_once = Finale::Cut(Duration::ZERO);
        for (chunks, end, expected, recorded) in [
            (&[(2000, 6)][..], End::Reset, at_once, Finale::Cut(micros(9000))),
            (&[(2000, 6)], End::GivenUp, at_once, Finale::Cut(micros(9000))),
            (&[(2000, 6)], End::TimedOut, Finale::Stall(micros(7000)), Finale::Stall(micros(7000))),
            (&[], End::TimedOut, Finale::Stall(micros(8000)), Finale::Stall(micros(8000))),
            (&[], End::Reset, at_once, Finale::Cut(micros(9000))),
        ] {
            for (pace, expected) in [(Pace::AT_ONCE, expected), (Pace::RECORDED, recorded)] {
                let score = score(reply(chunks, end), pace);
                assert_eq!(score.finale, expected, "{chunks:?} {end:?}");
            }
        }
    }

    #[test]
    fn a_length_is_told_where_it_was() {
        for (told, end, expected) in [
            (None, End::Complete, None),
            (None, End::Reset, None),
            (Some("6"), End::Complete, Some(6)),
            // What was struck out of the body has changed its length.
            (Some("99"), End::Complete, Some(6)),
            (Some("99"), End::Reset, Some(99)),
            (Some("99"), End::TimedOut, Some(99)),
            (Some("3"), End::GivenUp, Some(7)),
            (Some("many"), End::Complete, None),
        ] {
            for chunks in [&[][..], &[(2000, 2), (5000, 4)]] {
                let line = told.map(|value| Header { name: "content-length".to_owned(), value: value.to_owned() });
                let reply = Reply { headers: line.into_iter().collect(), ..reply(chunks, end) };
                let score = score(reply, Pace::AT_ONCE);
                assert_eq!((score.length, score.headers.len()), (expected, 0), "{told:?} {end:?} {chunks:?}");
            }
        }
    }

    #[test]
    fn what_brought_no_reply_brings_none_again() {
        let refusal = || Play::Refusal(Refusal::NotReached("it".to_owned()));
        for (kind, at_once, recorded) in [
            (FaultKind::Reset, Play::Silence(Duration::ZERO), Play::Silence(micros(9000))),
            (FaultKind::TimedOut, Play::Silence(micros(9000)), Play::Silence(micros(9000))),
            (FaultKind::GivenUp, Play::Silence(micros(1_009_000)), Play::Silence(micros(1_009_000))),
            (FaultKind::Connect, refusal(), refusal()),
            (FaultKind::Refused, refusal(), refusal()),
        ] {
            let played = |pace| Play::of(attempt(Err(Fault { kind, message: "it".to_owned() })), pace);
            assert_eq!((played(Pace::AT_ONCE), played(Pace::RECORDED)), (at_once, recorded), "{kind:?}");
        }
    }

    #[test]
    fn headers_are_as_they_were_but_for_the_framing() {
        let line = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        let headers = header_map(vec![
            line("x-ratelimit-limit", "1"),
            line("Content-Length", "5"),
            line("content-type", "text/plain"),
            line("transfer-encoding", "chunked"),
            line("x-ratelimit-limit", "2"),
            line("bad name", "x"),
            line("x-bad-value", "a\nb"),
            line("x-text", "é"),
        ]);
        let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(
            lines,
            [
                ("x-ratelimit-limit", &b"1"[..]),
                ("x-ratelimit-limit", b"2"),
                ("content-type", b"text/plain"),
                ("x-text", "é".as_bytes())
            ]
        );
    }

    #[test]
    fn a_status_that_no_reply_can_have_is_refused() {
        for status in [0, 99, 101, 1000] {
            let reply = Reply { status, ..reply(&[], End::Complete) };
            let played = Play::of(attempt(Ok(reply)), Pace::AT_ONCE);
            assert_eq!(played, Play::Refusal(Refusal::Status(status)));
        }
    }
}
