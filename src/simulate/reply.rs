//! What a request gets: status, headers, and the pieces of a body.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde::Serialize;

/// The type of a body that is JSON.
const JSON: &str = "application/json";
/// The type of a body that is a stream of events.
const EVENTS: &str = "text/event-stream";

/// Which layer a reply comes from, and so which headers it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// The router, through the gateway.
    Router,
    /// The gateway itself.
    Gateway,
    /// Cloudflare's edge, before the gateway.
    Edge,
}

/// A reply, before it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    /// Who speaks.
    pub(super) layer: Layer,
    /// The HTTP status.
    pub(super) status: u16,
    /// The type of the body.
    pub(super) content_type: &'static str,
    /// Header lines beside those that every reply has.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The body in its pieces: one, unless it is a stream.
    pub(super) pieces: Vec<Bytes>,
    /// How the body ends.
    pub(super) ending: Ending,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of it is sent.
    Complete,
    /// The connection is closed within it.
    Closed,
    /// The connection is reset within it.
    Reset,
    /// Nothing more comes; the connection stays open.
    Stalled,
}

impl Reply {
    /// A body in one piece.
    pub(super) fn whole(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let pieces = vec![body.into()];
        Self { layer: Layer::Router, status, content_type, headers: Vec::new(), pieces, ending: Ending::Complete }
    }

    /// A value as a body of JSON.
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::whole(status, JSON, serde_json::to_vec(body).expect("replies have string keys alone"))
    }

    /// A stream of events, each with the blank line that ends it.
    pub(super) fn events(events: Vec<Bytes>) -> Self {
        Self { pieces: events, ..Self::whole(200, EVENTS, Bytes::new()) }
    }

    pub(super) fn with_content_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }

    pub(super) fn by(self, layer: Layer) -> Self {
        Self { layer, ..self }
    }

    pub(super) fn with_headers(self, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { headers, ..self }
    }

    /// The reply with an ending that is not its own.
    pub(super) fn ending_with(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.content_type == EVENTS
    }

    /// Bytes of the whole body, whatever its ending.
    pub(super) fn length(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// The pieces that are sent: all of them, or the first half where the body does not end well.
    pub(super) fn sent_pieces(self) -> Vec<Bytes> {
        if self.ending == Ending::Complete { self.pieces } else { first_bytes(self.pieces) }
    }
}

/// The first half of the pieces, cut within a piece.
fn first_bytes(pieces: Vec<Bytes>) -> Vec<Bytes> {
    let mut rest = pieces.iter().map(Bytes::len).sum::<usize>() / 2;
    let cut = |piece: Bytes| {
        let length = rest.min(piece.len());
        rest -= length;
        piece.slice(..length)
    };
    pieces.into_iter().map(cut).filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_does_not_end_well_is_cut_in_the_middle_of_a_piece() {
        let pieces = vec![Bytes::from_static(b"data: a\n\n"), Bytes::from_static(b"data: bb\n\n")];
        let sent = |ending| Reply::events(pieces.clone()).ending_with(ending).sent_pieces();
        assert_eq!(sent(Ending::Complete), pieces);
        assert_eq!(sent(Ending::Closed), [Bytes::from_static(b"data: a\n\n")]);
        let whole = Reply::whole(200, JSON, "{\"a\":1}").ending_with(Ending::Stalled);
        assert_eq!(whole.length(), 7);
        assert_eq!(whole.sent_pieces(), [Bytes::from_static(b"{\"a")]);
    }
}
