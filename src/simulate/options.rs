//! What a simulated gateway is told to be like.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::faults::{Faults, FaultsError};
use super::latency::{Latency, LatencyError};

/// The longest text of an answer, in bytes.
const LONGEST_REPLY: usize = 256 << 20;
/// The latest time that a 429 tells a client to come back.
const LATEST_RETRY: Duration = Duration::from_hours(24 * 366);

/// What a simulated gateway is like. By default it answers at once, without faults, and takes any
/// credentials.
#[derive(Clone)]
pub struct Options {
    /// What answers, latencies and faults derive from, beside the request's body.
    pub seed: u64,
    /// How long an answer takes. Refusals (credentials, quota, wrong requests) and 429s come at once.
    pub latency: Latency,
    /// What share of the requests meets which fault.
    pub faults: Faults,
    /// The gateway's token. Where it is set, `cf-aig-authorization` must be `Bearer <token>`;
    /// anything else is answered with the gateway's 401.
    pub token: Option<String>,
    /// The router's key. Where it is set, `Authorization` must be `Bearer <key>`; anything else is
    /// answered with `OpenRouter`'s 401.
    pub api_key: Option<String>,
    /// The id of the one gateway that exists. Where it is set, another one in a request's path is
    /// answered with code 2001.
    pub gateway_id: Option<String>,
    /// How many requests any 60 seconds may have; more are answered with 429, code 2003 and a
    /// `Retry-After`.
    pub requests_per_minute: Option<u32>,
    /// How long the injected 429s tell a client to wait.
    pub retry_after: Duration,
    /// How long the text of an answer is, in bytes. By default one to three sentences.
    pub reply_bytes: Option<usize>,
    /// Whether an answer that takes more than a second is preceded by white space, as the router
    /// keeps slow connections alive.
    pub padding: bool,
    /// A file to which each request is appended as a line of JSON ([`super::JournalLine`]).
    pub journal: Option<PathBuf>,
}

/// An option that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The shares of the faults.
    #[error(transparent)]
    Faults(#[from] FaultsError),
    /// The latency.
    #[error(transparent)]
    Latency(#[from] LatencyError),
    /// A quota that no request fits in.
    #[error("0 requests per minute would refuse every request; leave the quota out or write 1 or more")]
    NoRequests,
    /// A text that does not fit in memory.
    #[error("answers of {0} bytes are too long; write {LONGEST_REPLY} at most")]
    ReplyBytes(usize),
    /// A wait that no client would keep.
    #[error("a retry after {0:?} is too late; write {LATEST_RETRY:?} at most")]
    RetryAfter(Duration),
}

impl Options {
    pub(super) fn check(&self) -> Result<(), OptionsError> {
        self.faults.check()?;
        self.latency.check()?;
        match self {
            Self { requests_per_minute: Some(0), .. } => Err(OptionsError::NoRequests),
            Self { reply_bytes: Some(bytes), .. } if *bytes > LONGEST_REPLY => Err(OptionsError::ReplyBytes(*bytes)),
            Self { retry_after, .. } if *retry_after > LATEST_RETRY => Err(OptionsError::RetryAfter(*retry_after)),
            _ => Ok(()),
        }
    }
}

/// Without the credentials: only whether they are set.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("seed", &self.seed)
            .field("latency", &self.latency)
            .field("faults", &self.faults)
            .field("has_token", &self.token.is_some())
            .field("has_api_key", &self.api_key.is_some())
            .field("gateway_id", &self.gateway_id)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("retry_after", &self.retry_after)
            .field("reply_bytes", &self.reply_bytes)
            .field("padding", &self.padding)
            .field("journal", &self.journal)
            .finish()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            latency: Latency::default(),
            faults: Faults::default(),
            token: None,
            api_key: None,
            gateway_id: None,
            requests_per_minute: None,
            retry_after: Duration::from_secs(1),
            reply_bytes: None,
            padding: false,
            journal: None,
        }
    }
}
