//! What happens in a run, as whoever watches it is told.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Class, Mode, Outcome, Success};
use crate::store::RunId;

use super::{Bound, Changed, Served, StopReason};

/// Something that has happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// Some rows of the input have been checked.
    Checking {
        /// How many so far.
        rows: u64,
    },
    /// The run has begun, or goes on.
    Begun(&'a RunBegun),
    /// Items have settled, and are on the disk.
    Settled(&'a [ItemSettled]),
    /// An attempt failed, and another one follows.
    Retrying {
        /// The row's id.
        row_id: &'a str,
        /// What the attempt meant.
        class: Class,
        /// What is wrong, for people.
        message: &'a str,
        /// How long until the next attempt.
        after: Duration,
    },
    /// Something that the user should know.
    Warning(&'a str),
    /// The run stops: what is in flight is waited for.
    Stopping {
        /// Why.
        reason: &'a StopReason,
        /// How many requests are in flight.
        in_flight: usize,
        /// How long they are waited for.
        deadline: Duration,
    },
    /// How it stands, several times a second.
    Tick(Snapshot),
}

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct RunBegun {
    /// The run; `None` for a replay that is not kept.
    pub run: Option<RunId>,
    /// The job's name.
    pub job: String,
    /// The mode.
    pub mode: Mode,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// Rows of the input.
    pub rows: u64,
    /// Rows × models × samples.
    pub items: u64,
    /// The models, where the job names them.
    pub models: Vec<String>,
    /// Items that are settled already.
    pub settled_before: u64,
    /// Whether an earlier run goes on.
    pub resumed: bool,
    /// Which outcomes count as success.
    pub success: Success,
    /// What has changed since the run before it.
    pub changed: Option<Changed>,
}

/// An item that has settled.
#[derive(Debug, Clone)]
pub struct ItemSettled {
    /// Its place in input order, from 0.
    pub position: u32,
    /// Its row's id.
    pub row_id: String,
    /// The model that was asked.
    pub model: Arc<str>,
    /// Which sample it is, from 0.
    pub sample: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// Whether recordings answered all of it.
    pub replayed: bool,
    /// How many attempts it took, over all its steps.
    pub attempts: u32,
    /// Tokens of its prompts.
    pub prompt_tokens: u64,
    /// Tokens of its answers.
    pub completion_tokens: u64,
    /// What its answers cost, in USD, where it is known of any.
    pub cost_usd: Option<f64>,
    /// How long its settling attempts took, in microseconds.
    pub latency_us: u64,
    /// Who gave the answers of its steps; empty where nobody looked.
    pub served: Vec<Served>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Requests that are on the wire.
    pub in_flight: usize,
    /// How many may be.
    pub in_flight_limit: usize,
    /// Items that wait: for a permit, or for their next attempt.
    pub waiting: usize,
    /// What holds the run back now.
    pub bound: Option<Bound>,
}
