//! What a simulated gateway is told to be like.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::cost::{CostTold, NanoUsd};
use super::faults::{Faults, FaultsError};
use super::latency::{Latency, LatencyError};
use super::limits::{Enforcement, HintForm, Outage, OutageError};
use super::reply_length::{ReplyTokens, ReplyTokensError};

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
    /// How many requests a minute may have; more are answered with 429 and code 2003. What is
    /// refused does not count.
    pub requests_per_minute: Option<u32>,
    /// How many requests a minute may have for one model, by its name; more are answered with the
    /// router's 429.
    pub model_requests_per_minute: BTreeMap<String, u32>,
    /// How many tokens a minute may have, those of the prompts and answers that were given. An
    /// answer counts when it is given, so that the last one may go over; what follows is answered
    /// with the router's 429.
    pub tokens_per_minute: Option<u32>,
    /// How these quotas are enforced.
    pub enforcement: Enforcement,
    /// In which form the 429s of quotas, outages and `refuse_past` say how long to wait.
    pub hint: HintForm,
    /// While which model answers 429 alone.
    pub outages: Vec<Outage>,
    /// Past so many requests in flight answers become slower, by the square of how far past: more
    /// requests at once are then fewer answers a second.
    pub degrade_past: Option<u32>,
    /// Past so many requests in flight they are answered with 429.
    pub refuse_past: Option<u32>,
    /// How long the 429s tell a client to wait that do not know it: injected ones, and those of
    /// outages and of `refuse_past`.
    pub retry_after: Duration,
    /// How long the text of an answer is, in bytes. By default one to three sentences.
    pub reply_bytes: Option<usize>,
    /// How long the text of an answer is, in tokens of four bytes.
    pub reply_tokens: Option<ReplyTokens>,
    /// What each answer costs. By default its tokens have prices.
    pub cost_usd: Option<NanoUsd>,
    /// What of its cost an answer tells.
    pub cost_told: CostTold,
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
    /// A limit that no request fits in.
    #[error("0 {0} would refuse every request; leave it out or write 1 or more")]
    NoRoom(&'static str),
    /// An outage.
    #[error(transparent)]
    Outage(#[from] OutageError),
    /// The length of the answers.
    #[error(transparent)]
    ReplyTokens(#[from] ReplyTokensError),
    /// Two lengths.
    #[error("answers are so many bytes long or so many tokens, not both; leave one out")]
    TwoLengths,
    /// A concurrency past which all answers are slow.
    #[error("answers cannot become slower past 0 requests in flight; leave it out or write 1 or more")]
    DegradePast,
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
        self.outages.iter().try_for_each(Outage::check)?;
        self.reply_tokens.map_or(Ok(()), ReplyTokens::check)?;
        match self {
            Self { requests_per_minute: Some(0), .. } => Err(OptionsError::NoRoom("requests per minute")),
            Self { tokens_per_minute: Some(0), .. } => Err(OptionsError::NoRoom("tokens per minute")),
            Self { refuse_past: Some(0), .. } => Err(OptionsError::NoRoom("requests in flight")),
            Self { degrade_past: Some(0), .. } => Err(OptionsError::DegradePast),
            Self { model_requests_per_minute: models, .. } if models.values().any(|quota| *quota == 0) => {
                Err(OptionsError::NoRoom("requests per minute of a model"))
            }
            Self { reply_bytes: Some(_), reply_tokens: Some(_), .. } => Err(OptionsError::TwoLengths),
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
            .field("model_requests_per_minute", &self.model_requests_per_minute)
            .field("tokens_per_minute", &self.tokens_per_minute)
            .field("enforcement", &self.enforcement)
            .field("hint", &self.hint)
            .field("outages", &self.outages)
            .field("degrade_past", &self.degrade_past)
            .field("refuse_past", &self.refuse_past)
            .field("retry_after", &self.retry_after)
            .field("reply_bytes", &self.reply_bytes)
            .field("reply_tokens", &self.reply_tokens)
            .field("cost_usd", &self.cost_usd)
            .field("cost_told", &self.cost_told)
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
            model_requests_per_minute: BTreeMap::new(),
            tokens_per_minute: None,
            enforcement: Enforcement::default(),
            hint: HintForm::default(),
            outages: Vec::new(),
            degrade_past: None,
            refuse_past: None,
            retry_after: Duration::from_secs(1),
            reply_bytes: None,
            reply_tokens: None,
            cost_usd: None,
            cost_told: CostTold::default(),
            padding: false,
            journal: None,
        }
    }
}
