//! `OpenRouter`'s errors: an envelope whose `error` is an object, in the dialect of the endpoint.

use http::header::ALLOW;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::super::reply::Reply;
use super::hint::Hint;
use crate::model::Endpoint;

/// An error that the router answers.
#[derive(Debug, PartialEq)]
pub(in super::super) struct RouterError {
    status: u16,
    error_type: &'static str,
    message: String,
    metadata: Map<String, Value>,
    hint: Option<Hint>,
    allow: Option<&'static str>,
}

impl RouterError {
    fn new(status: u16, error_type: &'static str, message: impl Into<String>) -> Self {
        let metadata = Map::from_iter([("error_type".to_owned(), error_type.into())]);
        Self { status, error_type, message: message.into(), metadata, hint: None, allow: None }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// The path leads nowhere.
    pub(in super::super) fn not_found() -> Self {
        Self::new(404, "not_found", "Not Found")
    }

    /// The path takes another method.
    pub(in super::super) fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(405, "invalid_request", "Method Not Allowed") }
    }

    /// The request is wrong, and why.
    pub(in super::super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", message)
    }

    /// The request is too long.
    pub(in super::super) fn too_large(limit: usize) -> Self {
        Self::new(413, "payload_too_large", format!("The request body is longer than {limit} bytes"))
    }

    /// There is no key.
    pub(in super::super) fn no_key() -> Self {
        Self::new(401, "authentication", "No auth credentials found")
    }

    /// The key is wrong.
    pub(in super::super) fn wrong_key() -> Self {
        Self::new(401, "authentication", "User not found.")
    }

    /// The key was good once.
    pub(in super::super) fn key_disabled() -> Self {
        Self::new(401, "authentication", "API key disabled")
    }

    /// The account cannot pay for this request.
    pub(in super::super) fn out_of_credit() -> Self {
        let message = "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, \
                       but can only afford 12";
        Self::new(402, "payment_required", message)
    }

    /// Too many requests for the router, with how long to wait.
    pub(in super::super) fn rate_limited(hint: Hint) -> Self {
        let mut error = Self::new(429, "rate_limit_exceeded", "Rate limit exceeded: simulated requests per minute");
        error.metadata.extend(hint.metadata());
        Self { hint: Some(hint), ..error }
    }

    /// Too many requests for a provider, without how long to wait.
    pub(in super::super) fn rate_limited_upstream() -> Self {
        let raw = "simulated is temporarily rate-limited upstream. Please retry shortly, or add your own key";
        Self::new(429, "rate_limit_exceeded", "Provider returned error")
            .with("raw", raw)
            .with("provider_name", "Simulated")
            .with("provider_code", 429)
            .with("is_byok", false)
    }

    /// The router failed.
    pub(in super::super) fn server_error() -> Self {
        Self::new(500, "server", "Internal Server Error")
    }

    /// The provider failed; its reply is in the metadata, as JSON inside a string.
    pub(in super::super) fn bad_gateway() -> Self {
        let raw = json!({"error": {"message": "Simulated upstream failure", "type": "server_error"}}).to_string();
        Self::new(502, "provider_unavailable", "Provider returned error")
            .with("raw", raw)
            .with("provider_name", "Simulated")
            .with("provider_code", 500)
    }

    /// The provider has too much to do.
    pub(in super::super) fn overloaded() -> Self {
        Self::new(529, "provider_overloaded", "Provider is overloaded").with("provider_name", "Simulated")
    }

    /// The provider went away while it answered.
    pub(in super::super) fn provider_lost() -> Self {
        Self::new(502, "provider_unavailable", "Simulated: the provider disconnected")
            .with("provider_name", "Simulated")
    }

    /// The error alone, as it stands inside a choice or a chunk.
    pub(in super::super) fn object(&self) -> Value {
        match self.hint.and_then(Hint::availability) {
            // This form, without `code`, is what comes with an availability.
            Some(availability) => json!({
                "message": self.message, "error_type": self.error_type, "http_status": self.status,
                "availability": availability, "metadata": {"previous_errors": []},
            }),
            None => json!({"message": self.message, "code": self.status, "metadata": self.metadata}),
        }
    }

    /// The whole body of an error, in the dialect of an endpoint.
    pub(in super::super) fn envelope(&self, endpoint: Option<Endpoint>) -> Value {
        if endpoint != Some(Endpoint::Messages) {
            return json!({"error": self.object(), "user_id": null});
        }
        let mut error = self.object();
        error["type"] = anthropic_type(self.status).into();
        error["error_type"] = self.error_type.into();
        json!({"type": "error", "error": error, "request_id": null})
    }

    pub(super) fn into_reply(self, endpoint: Option<Endpoint>) -> Reply {
        let mut headers: Vec<(HeaderName, HeaderValue)> = self.hint.map(Hint::headers).unwrap_or_default();
        headers.extend(self.allow.map(|method| (ALLOW, HeaderValue::from_static(method))));
        Reply::json(self.status, &self.envelope(endpoint)).with_headers(headers)
    }
}

/// Anthropic's name for an error of this status.
const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
