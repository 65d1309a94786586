//! The AI Gateway's own errors: an envelope whose `error` is a list.

use serde_json::json;

use super::super::reply::{Layer, Reply};
use super::hint::Hint;

/// An error that the gateway itself answers, before or instead of the router.
#[derive(Debug, PartialEq)]
pub(in super::super) struct GatewayError {
    code: u32,
    status: u16,
    message: &'static str,
    hint: Option<Hint>,
}

impl GatewayError {
    const fn new(code: u32, status: u16, message: &'static str) -> Self {
        Self { code, status, message, hint: None }
    }

    /// The gateway's id is not known.
    pub(in super::super) const fn unknown_gateway() -> Self {
        Self::new(2001, 400, "Please configure AI Gateway in the Cloudflare dashboard")
    }

    /// Too many requests, with how long to wait or without.
    pub(in super::super) const fn rate_limited(hint: Option<Hint>) -> Self {
        Self { hint, ..Self::new(2003, 429, "Rate limited") }
    }

    /// The upstream failed; its own status is lost.
    pub(in super::super) const fn provider_failed() -> Self {
        Self::new(2005, 400, "Failed to get response from provider")
    }

    /// The path names a provider that there is not.
    pub(in super::super) const fn invalid_provider() -> Self {
        Self::new(2008, 400, "Invalid provider")
    }

    /// The gateway's token is missing or wrong.
    pub(in super::super) const fn unauthorized() -> Self {
        Self::new(2009, 401, "Unauthorized")
    }

    /// A guardrail blocked the prompt.
    pub(in super::super) const fn blocked() -> Self {
        Self::new(2016, 424, "Prompt blocked due to security configurations")
    }

    /// A spend limit is reached, which waiting seconds does not lift.
    pub(in super::super) const fn spend_limit() -> Self {
        let message = "Spend limit exceeded: rule 'simulated' (cost limit 1 per 86400s, sliding) for openrouter";
        Self::new(2041, 429, message)
    }

    pub(super) fn into_reply(self) -> Reply {
        let body = json!({
            "success": false,
            "result": [],
            "messages": [],
            "error": [{"code": self.code, "message": self.message}],
            "name": "AiGatewayError",
            "httpCode": self.status,
            "internalCode": self.code,
        });
        let headers = self.hint.map(Hint::headers).unwrap_or_default();
        Reply::json(self.status, &body).by(Layer::Gateway).with_headers(headers)
    }
}
