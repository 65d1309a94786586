//! What answers the requests of a listener.

use std::error::Error;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::{Body, Incoming};

use super::{Cut, Link};

/// What answers the requests of a listener.
pub trait Answering: Send + Sync + 'static {
    /// The bodies of its replies. One that fails cuts its connection, or its stream of HTTP/2.
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    /// Whether replies that have no date of their own are given one.
    const TELLS_DATE: bool = true;

    /// Whether a client that has closed its writing half is answered all the same. Else it counts as
    /// gone: one that closes both halves looks the same until something is written to it.
    fn answers_half_closed(&self) -> bool {
        false
    }

    /// A connection was accepted.
    fn accepted(&self) {}

    /// A connection could not be accepted.
    fn not_accepted(&self) {}

    /// The listener was told to stop, and every request in flight has come to its end: none is cut.
    fn drained(&self) {}

    /// Answers a request that came over a connection. The future is dropped where the client goes
    /// away before the reply's head, and the reply's body where it does so later.
    ///
    /// # Errors
    /// Fails where the connection, or the stream of HTTP/2, is to be cut without a reply.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        link: Link,
    ) -> impl Future<Output = Result<Response<Self::Body>, Cut>> + Send + 'static;
}
