//! A reply on its way from the server that was asked to the client.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::refusal::Refusal;
use super::reply_body::Flow;
use super::score::{header_map, told_length};
use crate::gateway::Response;
use crate::listener::Cut;

/// How many pieces may wait for a client that reads slowly.
const PIECES: usize = 256;

/// What goes to the client.
pub(super) enum Head {
    /// A reply, whose body follows.
    Reply {
        status: StatusCode,
        headers: HeaderMap,
        /// How long the body is, where that is told in advance.
        length: Option<u64>,
        flow: mpsc::Receiver<Flow>,
    },
    /// Nothing was sent.
    Refused(Refusal),
}

/// Where the head of a reply goes to; its other end is dropped where the client leaves.
pub(super) type HeadSender = oneshot::Sender<Result<Head, Cut>>;

/// A reply that is passed on while it comes, but for what makes it whole: that waits until all of it
/// is on record. Where it never is, this is dropped, and the connection is cut.
pub(super) struct Passing {
    pieces: mpsc::Sender<Flow>,
    /// How much is to come of a body whose length was told.
    rest: Option<u64>,
    held: Held,
}

/// What makes a reply whole for its client.
enum Held {
    /// The end of a body whose length was not told.
    End,
    /// The head of a reply without a body.
    Head(HeadSender, Head),
    /// The last piece of a body whose length was told.
    Piece(Bytes),
}

impl Passing {
    /// Passes the head on, where a body follows.
    pub(super) fn begin(response: &Response, client: HeadSender) -> Self {
        let (pieces, flow) = mpsc::channel(PIECES);
        let status = StatusCode::from_u16(response.status).expect("the client takes no status but three digits");
        let lines = response.lines().unwrap_or_else(|| header_map(response.headers.clone()));
        // The body tells its length. To remove that line would change the order of the others.
        let others = lines.iter().filter(|(name, _)| **name != CONTENT_LENGTH);
        let headers = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        let length = match status {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Some(0),
            _ => told_length(&response.headers),
        };
        let head = Head::Reply { status, headers, length, flow };
        let waiting = if length == Some(0) {
            Held::Head(client, head)
        } else {
            // A client that left is seen by its body.
            _ = client.send(Ok(head));
            Held::End
        };
        Self { pieces, rest: length, held: waiting }
    }

    /// Waits until the client leaves.
    pub(super) async fn closed(&mut self) {
        match &mut self.held {
            Held::Head(client, _) => client.closed().await,
            Held::End | Held::Piece(_) => self.pieces.closed().await,
        }
    }

    /// Passes a piece on.
    ///
    /// # Errors
    /// Fails where the client has left.
    pub(super) async fn pass(&mut self, bytes: Bytes) -> Result<(), Cut> {
        if let Some(rest) = &mut self.rest {
            if *rest == 0 {
                // It is beyond the end that the client knows.
                return Ok(());
            }
            *rest = rest.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if *rest == 0 {
                self.held = Held::Piece(bytes);
                return Ok(());
            }
        }
        self.pieces.send(Flow::Piece(bytes)).await.map_err(|_| Cut)
    }

    /// Lets the reply end: it is on record. A client that left has all it wanted.
    pub(super) async fn complete(self) {
        match self.held {
            Held::Head(client, head) => _ = client.send(Ok(head)),
            Held::Piece(bytes) => {
                _ = self.pieces.send(Flow::Piece(bytes)).await;
                _ = self.pieces.send(Flow::Complete).await;
            }
            Held::End => _ = self.pieces.send(Flow::Complete).await,
        }
    }
}
