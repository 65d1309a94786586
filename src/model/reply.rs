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
    /// How the body arrived. Empty for a body that came in one piece.
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
}

impl End {
    /// The name that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Reset => "reset",
            Self::TimedOut => "timed_out",
        }
    }

    /// The end that a store's name stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Complete, Self::Reset, Self::TimedOut].into_iter().find(|end| end.as_str() == name)
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
    /// No connection was made (name, address, refused, TLS): the request was never sent.
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
