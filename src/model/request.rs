//! What goes on the wire.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::{CanonicalError, Endpoint, Key, KeyRules};

/// What goes on the wire: an endpoint and a body, with the key that replay finds it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// The model that is asked: the request's lane.
    pub model: Arc<str>,
    /// The JSON body, exactly as it is sent.
    pub body: Bytes,
    /// The hash of the canonical request.
    pub key: Key,
}

impl Request {
    /// Makes a request of a body and computes its key.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn new(endpoint: Endpoint, model: Arc<str>, body: Bytes, rules: &KeyRules) -> Result<Self, CanonicalError> {
        let key = Key::of(endpoint, &body, rules)?;
        Ok(Self { endpoint, model, body, key })
    }

    /// Whether a body asks for its answer in pieces.
    #[must_use]
    pub fn asks_for_stream(body: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Body {
            stream: Option<bool>,
        }
        serde_json::from_slice::<Body>(body).is_ok_and(|body| body.stream == Some(true))
    }
}
