//! The events of `--progress json`, one JSON object a line.

use nightreel::engine::{Bound, ItemSettled, RunBegun};
use serde::Serialize;

use super::super::money::known;
use super::message::{Retry, Stopping};
use super::status::{Lane, Status};

/// An event, tagged with its name.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum JsonEvent<'a> {
    Checking { rows: u64 },
    Begun(BegunEvent<'a>),
    Item(ItemEvent<'a>),
    Progress(ProgressEvent<'a>),
    Retry(RetryEvent<'a>),
    Log { message: &'a str },
    Warning { message: &'a str },
    Stopping(StoppingEvent<'a>),
    Lost { count: u64 },
}

/// The run has begun, or goes on.
#[derive(Debug, Serialize)]
pub(super) struct BegunEvent<'a> {
    run: Option<u32>,
    job: &'a str,
    mode: &'static str,
    simulated: bool,
    rows: u64,
    items: u64,
    models: &'a [String],
    settled_before: u64,
    resumed: bool,
    changed: Option<ChangedEvent<'a>>,
}

/// What has changed since the run before.
#[derive(Debug, Serialize)]
struct ChangedEvent<'a> {
    since: u32,
    input: bool,
    job: &'a [String],
}

/// An item has settled.
#[derive(Debug, Serialize)]
pub(super) struct ItemEvent<'a> {
    position: u32,
    row_id: &'a str,
    model: &'a str,
    sample: u32,
    outcome: &'static str,
    error: Option<&'a str>,
    replayed: bool,
    attempts: u32,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: Option<f64>,
    latency_us: u64,
}

/// How the run stands. Tokens and cost are those of items that were sent in this session.
#[derive(Debug, Serialize)]
pub(super) struct ProgressEvent<'a> {
    elapsed_ms: u64,
    items: u64,
    done: u64,
    settled: u64,
    failed: u64,
    replayed: u64,
    retries: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: Option<f64>,
    unknown_costs: u64,
    items_per_second: Option<f64>,
    eta_ms: Option<u64>,
    in_flight: usize,
    in_flight_limit: usize,
    waiting: usize,
    bound: Option<&'static str>,
    stopping: bool,
    models: Vec<LaneEvent<'a>>,
}

/// What came of one model's items in this session.
#[derive(Debug, Serialize)]
struct LaneEvent<'a> {
    model: &'a str,
    settled: u64,
    failed: u64,
}

/// An attempt failed, and another one follows.
#[derive(Debug, Serialize)]
pub(super) struct RetryEvent<'a> {
    row_id: &'a str,
    class: &'static str,
    message: &'a str,
    after_ms: u64,
}

/// The run stops.
#[derive(Debug, Serialize)]
pub(super) struct StoppingEvent<'a> {
    reason: &'static str,
    message: &'a str,
    in_flight: usize,
    deadline_ms: u64,
}

impl<'a> From<&'a RunBegun> for BegunEvent<'a> {
    fn from(begun: &'a RunBegun) -> Self {
        let changed = begun.changed.as_ref();
        Self {
            run: begun.run.map(|run| run.0),
            job: &begun.job,
            mode: begun.mode.as_str(),
            simulated: begun.simulated,
            rows: begun.rows,
            items: begun.items,
            models: &begun.models,
            settled_before: begun.settled_before,
            resumed: begun.resumed,
            changed: changed.map(|by| ChangedEvent { since: by.since.0, input: by.input, job: &by.job }),
        }
    }
}

impl<'a> From<&'a ItemSettled> for ItemEvent<'a> {
    fn from(item: &'a ItemSettled) -> Self {
        Self {
            position: item.position,
            row_id: &item.row_id,
            model: &item.model,
            sample: item.sample,
            outcome: item.outcome.as_str(),
            error: item.error.as_deref(),
            replayed: item.replayed,
            attempts: item.attempts,
            prompt_tokens: item.prompt_tokens,
            completion_tokens: item.completion_tokens,
            cost_usd: item.cost_usd,
            latency_us: item.latency_us,
        }
    }
}

impl<'a> From<&'a Status> for ProgressEvent<'a> {
    fn from(status: &'a Status) -> Self {
        let (tally, snapshot) = (&status.tally, &status.snapshot);
        Self {
            elapsed_ms: millis(status.elapsed),
            items: status.items,
            done: status.done(),
            settled: tally.settled,
            failed: tally.failed,
            replayed: tally.replayed,
            retries: tally.retries,
            prompt_tokens: tally.prompt_tokens,
            completion_tokens: tally.completion_tokens,
            cost_usd: known(tally.cost_usd, tally.unknown_costs > 0),
            unknown_costs: tally.unknown_costs,
            items_per_second: status.rate,
            eta_ms: status.eta().map(millis),
            in_flight: snapshot.in_flight,
            in_flight_limit: snapshot.in_flight_limit,
            waiting: snapshot.waiting,
            bound: snapshot.bound.map(bound_name),
            stopping: status.stopping,
            models: status.lanes.iter().map(LaneEvent::from).collect(),
        }
    }
}

impl<'a> From<&'a Lane> for LaneEvent<'a> {
    fn from(lane: &'a Lane) -> Self {
        Self { model: &lane.model, settled: lane.settled, failed: lane.failed }
    }
}

impl<'a> From<&'a Retry> for RetryEvent<'a> {
    fn from(retry: &'a Retry) -> Self {
        Self {
            row_id: &retry.row_id,
            class: retry.class.as_str(),
            message: &retry.message,
            after_ms: millis(retry.after),
        }
    }
}

impl<'a> From<&'a Stopping> for StoppingEvent<'a> {
    fn from(stopping: &'a Stopping) -> Self {
        Self {
            reason: stopping.reason,
            message: &stopping.message,
            in_flight: stopping.in_flight,
            deadline_ms: millis(stopping.deadline),
        }
    }
}

/// The `snake_case` name of a bound.
const fn bound_name(bound: Bound) -> &'static str {
    match bound {
        Bound::Quota => "quota",
        Bound::InFlight => "in_flight",
        Bound::Gateway => "gateway",
        Bound::Input => "input",
        Bound::Disk => "disk",
        Bound::Budget => "budget",
        Bound::Pause => "pause",
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
