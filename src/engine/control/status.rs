//! How a run stands, for those who control it.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::engine::{BudgetStatus, LaneStatus};

/// How a run stands. A program reads it as JSON: times in seconds, money in USD, `null` where
/// there is no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The job.
    pub job: String,
    /// The run's number in its store.
    pub run: Option<u32>,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// What it does.
    pub activity: Activity,
    /// All items of the run.
    pub items: u64,
    /// Those that are settled.
    pub settled: u64,
    /// How many settle a second, over the last ten seconds.
    pub items_per_second: f64,
    /// How long this session goes on.
    pub elapsed_seconds: f64,
    /// Requests in flight.
    pub in_flight: usize,
    /// How many may be, over all models.
    pub in_flight_limit: Option<usize>,
    /// The quota over all models.
    pub requests_per_minute: Option<NonZeroU32>,
    /// The quota of tokens over all models.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// What may be spent, and what was.
    pub budget: Option<BudgetState>,
    /// The models.
    pub lanes: Vec<LaneState>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// It sends.
    Running,
    /// It sends nothing until it is told to.
    Paused,
    /// It waits for what is in flight, and ends.
    Stopping,
}

/// What a run may spend, and what it has spent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BudgetState {
    /// The most that it may cost.
    pub cap_usd: f64,
    /// What it has cost.
    pub spent_usd: f64,
    /// What the requests in flight may cost at worst.
    pub reserved_usd: f64,
}

/// How one model stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    /// The model.
    pub model: String,
    /// Requests in flight.
    pub in_flight: usize,
    /// How many may be.
    pub in_flight_limit: usize,
    /// Whether that number adapts by itself.
    pub adaptive: bool,
    /// Its own quota.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Its own quota of tokens.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// What its rate limits have taught.
    pub learned_requests_per_minute: Option<f64>,
    /// How long its server is left alone still.
    pub cooling_seconds: Option<f64>,
    /// Why it is asked no more.
    pub closed: Option<String>,
}

impl From<BudgetStatus> for BudgetState {
    fn from(budget: BudgetStatus) -> Self {
        let BudgetStatus { cap_usd, spent_usd, reserved_usd } = budget;
        Self { cap_usd, spent_usd, reserved_usd }
    }
}

impl From<LaneStatus> for LaneState {
    fn from(lane: LaneStatus) -> Self {
        Self {
            model: lane.model.to_string(),
            in_flight: lane.in_flight,
            in_flight_limit: lane.limit,
            adaptive: lane.adaptive,
            requests_per_minute: lane.requests_per_minute,
            tokens_per_minute: lane.tokens_per_minute,
            learned_requests_per_minute: lane.learned_requests_per_minute,
            cooling_seconds: lane.cooling.map(|pause| pause.as_secs_f64()),
            closed: lane.closed,
        }
    }
}
