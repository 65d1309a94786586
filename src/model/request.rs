//! What goes on the wire.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::{CanonicalError, Endpoint, Key, KeyRules, Members};

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

    /// Makes a request of a body that names its model, if it does: its `model`, where that is a string.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn of_body(endpoint: Endpoint, body: Bytes, rules: &KeyRules) -> Result<Self, CanonicalError> {
        let canonical = rules.read(&body)?;
        let key = Key::of_canonical(endpoint, &canonical);
        let model = canonical.model.unwrap_or_default().into();
        Ok(Self { endpoint, model, body, key })
    }

    /// The model that a body names: its `model`, where that is a string.
    #[must_use]
    pub fn named_model(body: &[u8]) -> Option<Cow<'_, str>> {
        KeyRules::default().read(body).ok()?.model
    }

    /// A body that names its model. Where it names none, which one for a deployment need not, the
    /// deployment is its `model`: requests to different deployments are different ones. What is no
    /// object stays as it is.
    #[must_use]
    pub fn naming_model(body: Bytes, deployment: &str) -> Bytes {
        let Ok(members) = Members::parse(&body) else { return body };
        let name = serde_json::Value::from(deployment);
        let (place, text) = match members.get("model") {
            // A borrowed raw value is a part of the body, so its address says where.
            Some(raw) if raw.get() == "null" => {
                let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
                (start..start + raw.get().len(), name.to_string())
            }
            Some(_) => return body,
            None => {
                let behind = body.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
                (behind..behind, format!("\"model\":{name}{}", if members.0.is_empty() { "" } else { "," }))
            }
        };
        [&body[..place.start], text.as_bytes(), &body[place.end..]].concat().into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_the_model_of_a_body_that_names_none() {
        for (body, expected) in [
            (r#"{"messages":[]}"#, r#"{"model":"gpt \"a\"","messages":[]}"#),
            (" {\n} ", " {\"model\":\"gpt \\\"a\\\"\"\n} "),
            (
                r#"{"a": 1e3, "model": null, "b": {"model": "x"}}"#,
                r#"{"a": 1e3, "model": "gpt \"a\"", "b": {"model": "x"}}"#,
            ),
            (r#"{"model":"x"}"#, r#"{"model":"x"}"#),
            (r#"{"model":1}"#, r#"{"model":1}"#),
            ("[]", "[]"),
            ("{oops", "{oops"),
        ] {
            assert_eq!(Request::naming_model(Bytes::from(body), "gpt \"a\""), expected, "{body}");
        }
    }
}
