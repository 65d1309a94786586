//! What the server itself says instead of an answer.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::route::Astray;

/// What the server itself says instead of an answer: an error in `OpenAI`'s shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "nothing is answered at {method} {path}; there is POST /v1/chat/completions, /v1/completions, /v1/embeddings, \
         /v1/responses and /v1/messages, GET /v1/models, /nightreel/health and /nightreel/report"
    )]
    NoSuchPath { method: String, path: String },
    #[error("{path} is not answered to {method}; send one of {allowed}")]
    WrongMethod { method: String, path: String, allowed: &'static str },
    #[error("a session's name has {0} bytes at most")]
    LongSession(usize),
    #[error("the session has no name: write one in /session/NAME/v1 or x-nightreel-session, or leave that out")]
    NamelessSession,
    #[error("the request has several x-nightreel-session headers, which name different sessions: send one")]
    SeveralSessions,
    #[error(
        "a page of {origin} may not ask: this server sends requests that cost money, and answers to pages of this \
         machine alone"
    )]
    ForeignPage { origin: String },
    #[error(
        "a request to {host} is refused: this server sends requests that cost money, and listens to this machine \
         alone, where it is asked as localhost or 127.0.0.1; another name may be that of a foreign page"
    )]
    ForeignHost { host: String },
    #[error("the body of the request is longer than {0} bytes, the most that is taken")]
    TooLong(usize),
    #[error(
        "the body of the request comes in an encoding that is not read (content-encoding: {0}); send it as it is, or \
         with gzip, deflate or zstd"
    )]
    UnknownEncoding(String),
    #[error("the body of the request is not what its header says (content-encoding: {encoding}): {problem}")]
    BadEncoding { encoding: &'static str, problem: String },
    #[error("the body of the request is not JSON: {problem} at line {line}, column {column}")]
    NotJson { problem: &'static str, line: usize, column: usize },
    #[error("the model \"{model}\" is not in the list; there is {known}")]
    NoSuchModel { model: String, known: String },
    #[error("nothing came from the server that was to answer: {0}")]
    NotReached(String),
    #[error(
        "the server that was to answer wants to go on in another protocol (status {0}), which cannot be passed on or \
         recorded"
    )]
    NoReply(u16),
    #[error("nothing was sent, because what came back could not be kept: {0}")]
    NotKept(String),
    #[error("the recordings cannot be read: {0}")]
    NotRead(String),
    #[error("the recording has the status {0}, which no reply can have")]
    Status(u16),
}

impl Refusal {
    /// Why a path led nowhere.
    pub(super) fn of_astray(astray: Astray, method: &http::Method, path: &str) -> Self {
        let (method, path) = (method.to_string(), path.to_owned());
        match astray {
            Astray::NoSuchPath => Self::NoSuchPath { method, path },
            Astray::WrongMethod { allowed } => Self::WrongMethod { method, path, allowed },
        }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath { .. } | Self::NoSuchModel { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ForeignPage { .. } | Self::ForeignHost { .. } => StatusCode::FORBIDDEN,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LongSession(_)
            | Self::NamelessSession
            | Self::SeveralSessions
            | Self::BadEncoding { .. }
            | Self::NotJson { .. } => StatusCode::BAD_REQUEST,
            Self::NotReached(_) | Self::NoReply(_) => StatusCode::BAD_GATEWAY,
            Self::NotKept(_) | Self::NotRead(_) | Self::Status(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may fare better a moment later. A client asks again after a 5xx
    /// unless it is told not to.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::NotReached(_))
    }

    /// Why, in one word.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchPath { .. } => "unknown_url",
            Self::WrongMethod { .. } => "method_not_allowed",
            Self::LongSession(_) => "session_too_long",
            Self::NamelessSession => "session_without_name",
            Self::SeveralSessions => "several_sessions",
            Self::ForeignPage { .. } => "foreign_origin",
            Self::ForeignHost { .. } => "foreign_host",
            Self::TooLong(_) => "body_too_long",
            Self::UnknownEncoding(_) | Self::BadEncoding { .. } => "bad_encoding",
            Self::NotJson { .. } => "bad_json",
            Self::NoSuchModel { .. } => "model_not_found",
            Self::NotReached(_) => "upstream_unreachable",
            Self::NoReply(_) => "upstream_no_reply",
            Self::NotKept(_) => "store_not_writable",
            Self::NotRead(_) => "store_not_readable",
            Self::Status(_) => "bad_recording",
        }
    }

    /// The body, in the shape of `OpenAI`'s errors.
    pub(super) fn body(&self) -> Bytes {
        let kind = if self.status().is_client_error() { "invalid_request_error" } else { "server_error" };
        let error = json!({"message": self.to_string(), "type": kind, "param": null, "code": self.code()});
        json!({ "error": error }).to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn a_refusal_has_the_shape_of_openais_errors() {
        let refusal = Refusal::of_astray(Astray::NoSuchPath, &Method::GET, "/v2/x");
        let body: serde_json::Value = serde_json::from_slice(&refusal.body()).unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("nothing is answered at GET /v2/x; there is POST /v1/chat/completions"),
            "{message}"
        );
        assert_eq!(
            (&body["error"]["type"], &body["error"]["code"], &body["error"]["param"]),
            (&"invalid_request_error".into(), &"unknown_url".into(), &serde_json::Value::Null)
        );
    }

    #[test]
    fn every_refusal_has_its_status_and_only_an_upstream_that_is_gone_may_come_back() {
        let text = String::new;
        for (refusal, status, may_pass) in [
            (Refusal::NoSuchPath { method: text(), path: text() }, 404, false),
            (Refusal::WrongMethod { method: text(), path: text(), allowed: "GET" }, 405, false),
            (Refusal::LongSession(1), 400, false),
            (Refusal::NamelessSession, 400, false),
            (Refusal::SeveralSessions, 400, false),
            (Refusal::ForeignPage { origin: text() }, 403, false),
            (Refusal::ForeignHost { host: text() }, 403, false),
            (Refusal::TooLong(1), 413, false),
            (Refusal::UnknownEncoding(text()), 415, false),
            (Refusal::BadEncoding { encoding: "gzip", problem: text() }, 400, false),
            (Refusal::NotJson { problem: "", line: 1, column: 1 }, 400, false),
            (Refusal::NoSuchModel { model: text(), known: text() }, 404, false),
            (Refusal::NotReached(text()), 502, true),
            (Refusal::NoReply(101), 502, false),
            (Refusal::NotKept(text()), 500, false),
            (Refusal::NotRead(text()), 500, false),
            (Refusal::Status(0), 500, false),
        ] {
            assert_eq!((refusal.status().as_u16(), refusal.may_pass()), (status, may_pass), "{refusal:?}");
        }
    }
}
