//! How often an item is tried, and how long it may take.

use std::time::Duration;

use super::setting::Section;
use super::{JobError, duration};

const RETRY_KEYS: [&str; 7] =
    ["attempts", "rate_limited", "server_error", "bad_body", "outcome_unknown", "max_pause", "max_hint"];

const TIMEOUT_KEYS: [&str; 5] = ["connect", "idle", "total", "item", "run"];

/// The most that any budget of retries may be, except that of rate limits.
const MOST: u32 = 1_000;
/// The most often that a rate limit may be waited out: each time costs nothing but time.
const MOST_RATE_LIMITED: u32 = 100_000;
/// How many rate limits are waited out by default for each retry that may cost something.
const RATE_LIMITS_A_RETRY: u32 = 4;
/// The longest that a whole run may be given.
const LONGEST_RUN: Duration = Duration::from_hours(30 * 24);

/// How often an item is tried: `[retry]`. A budget of a class says how often it is followed by
/// another send; `attempts` bounds them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Sends of one exchange at most, the first one counted. Rate limits, refused streams and
    /// failed connections do not count: they cost nothing.
    pub attempts: u32,
    /// After a rate limit.
    pub rate_limited: u32,
    /// After a failure of the server.
    pub server_error: u32,
    /// After a success without an answer in it.
    pub bad_body: u32,
    /// After a send whose outcome is unknown: each may be billed twice.
    pub outcome_unknown: u32,
    /// The longest pause that nightreel chooses between two sends.
    pub max_pause: Duration,
    /// The longest pause that a server may ask for.
    pub max_hint: Duration,
}

/// How long one send, one item and a whole run may take: `[timeouts]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To make a connection.
    pub connect: Duration,
    /// Without a byte from the server.
    pub idle: Duration,
    /// From the send to the last byte.
    pub total: Duration,
    /// From an item's first send to its last retry.
    pub item: Option<Duration>,
    /// From the start of a run, or of its going on, until it stops.
    pub run: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self::of_attempts(6)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let (connect, idle) = (Duration::from_secs(10), Duration::from_mins(2));
        Self { connect, idle, total: Duration::from_mins(10), item: None, run: None }
    }
}

impl Retry {
    /// The defaults that go with so many attempts, of which there is one at least.
    fn of_attempts(attempts: u32) -> Self {
        let retries = attempts - 1;
        Self {
            attempts,
            rate_limited: retries * RATE_LIMITS_A_RETRY,
            server_error: retries,
            bad_body: retries,
            outcome_unknown: retries.min(1),
            max_pause: Duration::from_mins(1),
            max_hint: Duration::from_mins(10),
        }
    }

    pub(super) fn read(root: &mut Section) -> Result<Self, JobError> {
        let mut section = root.subsection("retry", &RETRY_KEYS)?;
        let attempts = section.read("attempts", |setting| setting.whole(1..=MOST))?;
        let default = attempts.map_or_else(Self::default, Self::of_attempts);
        let mut budget = |name: &str, most: u32| section.read(name, |setting| setting.whole(0..=most));
        Ok(Self {
            attempts: default.attempts,
            rate_limited: budget("rate_limited", MOST_RATE_LIMITED)?.unwrap_or(default.rate_limited),
            server_error: budget("server_error", MOST)?.unwrap_or(default.server_error),
            bad_body: budget("bad_body", MOST)?.unwrap_or(default.bad_body),
            outcome_unknown: budget("outcome_unknown", MOST)?.unwrap_or(default.outcome_unknown),
            max_pause: section.read("max_pause", duration::read)?.unwrap_or(default.max_pause),
            max_hint: section.read("max_hint", duration::read)?.unwrap_or(default.max_hint),
        })
    }
}

impl Timeouts {
    pub(super) fn read(root: &mut Section) -> Result<Self, JobError> {
        let mut section = root.subsection("timeouts", &TIMEOUT_KEYS)?;
        let default = Self::default();
        Ok(Self {
            connect: section.read("connect", duration::read)?.unwrap_or(default.connect),
            idle: section.read("idle", duration::read)?.unwrap_or(default.idle),
            total: section.read("total", duration::read)?.unwrap_or(default.total),
            item: section.read("item", duration::read)?,
            run: section.read("run", |setting| duration::read_up_to(setting, LONGEST_RUN))?,
        })
    }
}
