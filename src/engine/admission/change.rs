//! What became of a limit.

use std::sync::Arc;

use crate::store::{Limit, LimitChange, RunId};

/// A limit that has changed, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The model whose lane it is; `None` is the whole run.
    pub lane: Option<Arc<str>>,
    /// Which limit.
    pub what: Limit,
    /// What it was before; `None` is no limit.
    pub was: Option<f64>,
    /// What it is now; `None` is no limit.
    pub now: Option<f64>,
    /// Why it changed, for people.
    pub reason: String,
}

impl Change {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests in flight are small")]
    pub(super) fn in_flight(model: &Arc<str>, was: usize, now: usize, reason: &str) -> Self {
        Self {
            lane: Some(Arc::clone(model)),
            what: Limit::InFlight,
            was: Some(was as f64),
            now: Some(now as f64),
            reason: reason.to_owned(),
        }
    }

    /// A pace of so many requests a second that was learned.
    pub(super) fn learned_pace(model: &Arc<str>, was: Option<f64>, now: Option<f64>) -> Self {
        let per_minute = |rate: f64| (rate * 60.0).round();
        Self {
            lane: Some(Arc::clone(model)),
            what: Limit::RequestsPerMinute,
            was: was.map(per_minute),
            now: now.map(per_minute),
            reason: "learned from the server's 429s".to_owned(),
        }
    }

    /// The change as a store keeps it.
    #[must_use]
    pub fn of_run(self, run: RunId, at_ms: i64) -> LimitChange {
        let Self { lane, what, was, now, reason } = self;
        LimitChange { run, lane, at_ms, what, was, now, reason }
    }
}
