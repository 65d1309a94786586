//! What came back for one send.

use bytes::Bytes;

/// What a server answered to one send, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that nightreel keeps, in the order they came, duplicates too.
    pub headers: Vec<Header>,
    /// The raw body; cut short where `end` says so.
    pub body: Bytes,
    /// How the body arrived. Empty for a body that came in one piece and is no event stream.
    pub chunks: Vec<Chunk>,
    /// How the body ended.
    pub end: End,
}

impl Reply {
    /// The first value of a header. `name` is lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
    }

    /// Whether a cache answered, of the gateway or of the router, and not a model.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        let caches = ["cf-aig-cache-status", "x-openrouter-cache-status"];
        caches.into_iter().any(|name| self.header(name).is_some_and(|status| status.eq_ignore_ascii_case("hit")))
    }

    /// The body in the pieces that it came in. What the chunks do not cover is one piece more; a body
    /// that came in one piece is one, from the start.
    #[must_use]
    pub fn pieces(&self) -> Vec<(Chunk, Bytes)> {
        let mut body = self.body.clone();
        let mut pieces = Vec::with_capacity(self.chunks.len().max(1));
        for &chunk in &self.chunks {
            let piece = body.split_to(chunk.length.min(body.len()));
            if !piece.is_empty() {
                pieces.push((chunk, piece));
            }
        }
        if !body.is_empty() {
            let offset_us = self.chunks.last().map_or(0, |chunk| chunk.offset_us);
            pieces.push((Chunk { offset_us, length: body.len() }, body));
        }
        pieces
    }

    /// What the body is, by its beginning and its type: a server may stream what was not to be
    /// streamed, and a guardrail gives in one piece what was.
    #[must_use]
    pub fn shape(&self) -> BodyShape<'_> {
        let (rest, comments) = without_comments(&self.body);
        let starts = ["data:", "event:", "id:", "retry:"].iter().any(|field| rest.starts_with(field.as_bytes()));
        let kind = self.header("content-type").unwrap_or_default();
        let declared = kind.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"));
        match rest.first() {
            Some(b'{' | b'[') => BodyShape::Json(rest),
            _ if starts || comments || declared => BodyShape::Events,
            _ => BodyShape::Json(&self.body),
        }
    }
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyShape<'a> {
    /// JSON, or something that is no event stream; without the comments that a proxy left before it.
    Json(&'a [u8]),
    /// Server-sent events.
    Events,
}

/// A body without a byte order mark, white space and comments of an event stream at its beginning,
/// and whether there were comments.
fn without_comments(body: &[u8]) -> (&[u8], bool) {
    let mut rest = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let mut comments = false;
    while rest.first() == Some(&b':') {
        comments = true;
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        rest = rest[end..].trim_ascii_start();
    }
    (rest, comments)
}

/// One header line; the name in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name in lower case.
    pub name: String,
    /// The value; bytes outside of UTF-8 are replaced.
    pub value: String,
}

/// A piece of a body, as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Microseconds from the send to this piece.
    pub offset_us: u64,
    /// Bytes in this piece.
    pub length: usize,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// The server sent all of it.
    #[default]
    Complete,
    /// The connection broke first.
    Reset,
    /// A deadline passed first.
    TimedOut,
    /// Whoever asked went away first.
    GivenUp,
}

impl End {
    /// The name that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Reset => "reset",
            Self::TimedOut => "timed_out",
            Self::GivenUp => "given_up",
        }
    }

    /// The end that a store's name stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Complete, Self::Reset, Self::TimedOut, Self::GivenUp].into_iter().find(|end| end.as_str() == name)
    }
}

/// Why a send brought no reply at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of fault it was.
    pub kind: FaultKind,
    /// What the network said of it.
    pub message: String,
}

/// The kinds of fault that a caller treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No connection was made (name, address, refused, TLS), or none took the request: it was never sent.
    Connect,
    /// The server refused the HTTP/2 stream, or went away before it: the request was not processed.
    Refused,
    /// The connection broke after the request was sent, before any reply: it may have been billed.
    Reset,
    /// A deadline passed after the request was sent, before any reply: it may have been billed.
    TimedOut,
    /// The run was stopped before the reply came: it may have been billed.
    GivenUp,
}

impl FaultKind {
    /// The name that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::TimedOut => "timed_out",
            Self::GivenUp => "given_up",
        }
    }

    /// The kind that a store's name stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Connect, Self::Refused, Self::Reset, Self::TimedOut, Self::GivenUp]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_it_begins_with_and_not_what_it_is_called() {
        let (json, events) = ("application/json", "text/event-stream; charset=utf-8");
        for (kind, body, expected) in [
            (json, "{}", BodyShape::Json(b"{}")),
            (events, "{}", BodyShape::Json(b"{}")),
            (events, "\u{feff} \n[1]", BodyShape::Json(b"[1]")),
            (json, ": OPENROUTER PROCESSING\n\n: again\r\n\r\n{}", BodyShape::Json(b"{}")),
            (json, "data: {}\n\n", BodyShape::Events),
            (json, "\r\n: c\n\nevent: x\ndata: {}\n\n", BodyShape::Events),
            (json, ": comments alone", BodyShape::Events),
            (events, "", BodyShape::Events),
            ("Text/Event-Stream", "nothing known", BodyShape::Events),
            (json, " \n", BodyShape::Json(b" \n")),
            (json, "<html>", BodyShape::Json(b"<html>")),
            ("", "", BodyShape::Json(b"")),
        ] {
            let headers = vec![Header { name: "content-type".to_owned(), value: kind.to_owned() }];
            let body = Bytes::from(body);
            let reply = Reply { status: 200, headers, body: body.clone(), chunks: vec![], end: End::Complete };
            assert_eq!(reply.shape(), expected, "{kind} {body:?}");
        }
    }
}
