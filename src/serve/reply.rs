//! The server's replies, and the headers by which they say where they come from.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::error_shape::ErrorShape;
use super::refusal::Refusal;
use super::reply_body::ReplyBody;
use super::session::SESSION;

/// The header that says where a reply comes from.
const SOURCE: HeaderName = HeaderName::from_static("x-nightreel");
/// The header by which clients are told whether to try again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) type Reply = Response<ReplyBody>;

/// Where a reply comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// It was recorded.
    Replayed,
    /// It was sent for.
    Live,
    /// It says that nothing is recorded.
    Missed,
    /// It was made of the models that are recorded: nobody ever sent it.
    Derived,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Live => "live",
            Self::Missed => "missed",
            Self::Derived => "derived",
        }
    }

    /// Says in a reply that it comes from there, and in which session it was asked for.
    pub(super) fn tell(self, reply: &mut Reply, session: &str) {
        reply.headers_mut().insert(SOURCE, HeaderValue::from_static(self.as_str()));
        if let Ok(session) = HeaderValue::from_str(session)
            && !session.is_empty()
        {
            reply.headers_mut().insert(SESSION, session);
        }
    }
}

/// A reply that no client asks for again.
pub(super) fn last(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    reply
}

pub(super) fn refused(refusal: &Refusal, shape: ErrorShape) -> Reply {
    let mut reply = error(refusal.status(), refusal.body(), shape);
    if let Refusal::WrongMethod { allowed, .. } = refusal {
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    if refusal.may_pass() { reply } else { last(reply) }
}

/// An error of the server's own, in the shape that its client can read.
pub(super) fn error(status: StatusCode, body: Bytes, shape: ErrorShape) -> Reply {
    json(status, shape.shape(status, body))
}

/// A reply that is made of the models that are recorded.
pub(super) fn derived(body: Bytes) -> Reply {
    let mut reply = json(StatusCode::OK, body);
    Source::Derived.tell(&mut reply, "");
    reply
}

pub(super) fn json(status: StatusCode, body: Bytes) -> Reply {
    let headers = [(CONTENT_TYPE, JSON)].into_iter().collect();
    new(status, headers, ReplyBody::whole(body))
}

pub(super) fn new(status: StatusCode, headers: HeaderMap, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}
