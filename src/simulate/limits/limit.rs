//! Which limit refuses a request, and with what.

use std::time::Duration;

use super::super::refusal::{GatewayError, Hint, Refusal, RouterError};
use super::hint_form::HintForm;

/// A limit that can refuse a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Limit {
    /// The gateway's requests in a minute.
    RequestsPerMinute,
    /// The requests in a minute of one model.
    ModelRequestsPerMinute,
    /// The tokens in a minute.
    TokensPerMinute,
    /// The requests in flight.
    InFlight,
    /// A model that answers nothing for a while.
    Outage,
}

/// A refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Limited {
    pub(in super::super) limit: Limit,
    /// How long it will refuse, where it knows.
    pub(super) wait: Option<Duration>,
}

impl Limit {
    /// The name that the journal and the stats use.
    pub(in super::super) const fn as_str(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::ModelRequestsPerMinute => "model_requests_per_minute",
            Self::TokensPerMinute => "tokens_per_minute",
            Self::InFlight => "in_flight",
            Self::Outage => "outage",
        }
    }

    pub(super) const fn refuses(self, wait: Option<Duration>) -> Limited {
        Limited { limit: self, wait }
    }
}

impl Limited {
    /// The 429 that tells it; `retry_after` is told by a limit that does not know how long it lasts.
    pub(in super::super) fn refusal(self, form: HintForm, retry_after: Duration) -> Refusal {
        let hint = form.hint(self.wait.unwrap_or(retry_after));
        match (self.limit, hint) {
            // The gateway's own envelope has no place for these two.
            (_, Some(hint @ (Hint::Availability(_) | Hint::Reset(_)))) => RouterError::rate_limited(hint).into(),
            (Limit::RequestsPerMinute, hint) => GatewayError::rate_limited(hint).into(),
            (_, Some(hint)) => RouterError::rate_limited(hint).into(),
            (_, None) => RouterError::rate_limited_upstream().into(),
        }
    }
}
