//! How a run stands: what the drawing thread looks at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nightreel::engine::{ItemSettled, RunBegun, Snapshot};
use nightreel::model::Success;

use super::rate::RateWindow;
use super::retry_log::RetryLog;
use super::status::{Lane, Phase, Status, Tally};

/// How many models get a line of their own.
const LANES: std::ops::RangeInclusive<usize> = 2..=8;

/// What has happened so far, summed up.
#[derive(Debug, Default)]
pub(super) struct State {
    checking: Option<Checking>,
    begun: Option<Begun>,
    success: Success,
    tally: Tally,
    lanes: Vec<Lane>,
    snapshot: Snapshot,
    stopping: bool,
    pub(super) retry_log: RetryLog,
}

#[derive(Debug)]
struct Checking {
    since: Instant,
    rows: u64,
}

#[derive(Debug)]
struct Begun {
    at: Instant,
    job: Arc<str>,
    items: u64,
    settled_before: u64,
}

impl State {
    /// So many rows have been checked.
    pub(super) fn checking(&mut self, now: Instant, rows: u64) {
        self.checking.get_or_insert(Checking { since: now, rows }).rows = rows;
    }

    /// The run has begun.
    pub(super) fn begin(&mut self, now: Instant, begun: &RunBegun) {
        let RunBegun { job, items, settled_before, models, .. } = begun;
        self.success = begun.success;
        if LANES.contains(&models.len()) {
            self.lanes = models.iter().map(|model| Lane::new(model)).collect();
        }
        self.begun = Some(Begun { at: now, job: job.as_str().into(), items: *items, settled_before: *settled_before });
    }

    /// Items have settled.
    pub(super) fn settle(&mut self, items: &[ItemSettled]) {
        for item in items {
            self.tally.add(item, self.success);
            if let Some(lane) = self.lanes.iter_mut().find(|lane| *lane.model == *item.model) {
                lane.add(item, self.success);
            }
        }
    }

    /// An attempt failed, and another one follows.
    pub(super) const fn retry(&mut self) {
        self.tally.retries += 1;
    }

    /// The run stops.
    pub(super) const fn stop(&mut self) {
        self.stopping = true;
    }

    /// How it stands on the wire.
    pub(super) const fn tick(&mut self, snapshot: Snapshot) {
        self.snapshot = snapshot;
    }

    /// How it stands now. The window belongs to whoever looks.
    pub(super) fn phase(&self, now: Instant, window: &mut RateWindow) -> Phase {
        let since = |at: Instant| now.saturating_duration_since(at);
        match (&self.begun, &self.checking) {
            (None, None) => Phase::Idle,
            (None, Some(checking)) => Phase::Checking { rows: checking.rows, elapsed: since(checking.since) },
            (Some(begun), _) => {
                // The window starts where the run does, not where it is first looked at.
                window.add(begun.at, 0);
                window.add(now, self.tally.settled);
                let rate = window.per_second(now, self.tally.settled);
                Phase::Running(Box::new(self.status(begun, since(begun.at), rate)))
            }
        }
    }

    fn status(&self, begun: &Begun, elapsed: Duration, rate: Option<f64>) -> Status {
        Status {
            job: Arc::clone(&begun.job),
            items: begun.items,
            settled_before: begun.settled_before,
            elapsed,
            tally: self.tally,
            lanes: self.lanes.clone(),
            snapshot: self.snapshot,
            stopping: self.stopping,
            rate,
        }
    }
}
