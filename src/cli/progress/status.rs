//! How a run stands, in numbers and in words.

use std::sync::Arc;
use std::time::Duration;

use nightreel::engine::{ItemSettled, Snapshot};
use nightreel::model::Success;

use super::super::money::{known, spent};
use super::number::{counted, grouped, percent, rate, short};
use super::paint::{Paint, cut, one_line};
use super::span::span;

/// How many characters of a model's name are shown.
const MODEL_CHARS: usize = 48;

/// Which part of its life a run is in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// Nothing has happened.
    Idle,
    /// The input is checked.
    Checking { rows: u64, elapsed: Duration },
    /// Items are asked.
    Running(Box<Status>),
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    pub(super) job: Arc<str>,
    /// All items of the run.
    pub(super) items: u64,
    /// Those that were settled before this session.
    pub(super) settled_before: u64,
    /// How long this session takes so far.
    pub(super) elapsed: Duration,
    pub(super) tally: Tally,
    /// The models that have a line of their own.
    pub(super) lanes: Vec<Lane>,
    pub(super) snapshot: Snapshot,
    pub(super) stopping: bool,
    /// Items a second; `None` while it is too soon to tell.
    pub(super) rate: Option<f64>,
}

/// What came of the items of this session.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Tally {
    pub(super) settled: u64,
    /// Those that did not end well.
    pub(super) failed: u64,
    /// Those that recordings answered: their tokens and cost are not counted, nothing was paid.
    pub(super) replayed: u64,
    /// Attempts that another one follows.
    pub(super) retries: u64,
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) cost_usd: f64,
    /// Answers of which nobody knows what they cost.
    pub(super) unknown_costs: u64,
}

/// What came of one model's items in this session.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    pub(super) model: Arc<str>,
    pub(super) settled: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn add(&mut self, item: &ItemSettled, success: Success) {
        self.settled += 1;
        self.failed += u64::from(!success.contains(item.outcome));
        if item.replayed {
            self.replayed += 1;
        } else {
            self.prompt_tokens = self.prompt_tokens.saturating_add(item.prompt_tokens);
            self.completion_tokens = self.completion_tokens.saturating_add(item.completion_tokens);
            self.cost_usd += item.cost_usd.unwrap_or(0.0);
            self.unknown_costs += u64::from(item.cost_usd.is_none() && item.outcome.is_answer());
        }
    }
}

impl Tally {
    /// What it cost, where it cost anything.
    fn cost(&self) -> Option<String> {
        let may_be_more = self.unknown_costs > 0;
        match (known(self.cost_usd, may_be_more), may_be_more) {
            (None, _) => Some("cost unknown".to_owned()),
            (Some(0.0), false) => None,
            (Some(cost_usd), may_be_more) => Some(spent(cost_usd, may_be_more)),
        }
    }
}

impl Lane {
    pub(super) fn new(model: &str) -> Self {
        Self { model: model.into(), settled: 0, failed: 0 }
    }

    pub(super) fn add(&mut self, item: &ItemSettled, success: Success) {
        self.settled += 1;
        self.failed += u64::from(!success.contains(item.outcome));
    }
}

impl Status {
    /// Items that are settled: before, and in this session. One that failed before and is asked
    /// again counts once.
    pub(super) fn done(&self) -> u64 {
        self.settled_before.saturating_add(self.tally.settled).min(self.items)
    }

    /// How long the rest takes at this rate; `None` where nobody can tell, or nothing is left.
    pub(super) fn eta(&self) -> Option<Duration> {
        let left = self.items - self.done();
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let seconds = left as f64 / self.rate.filter(|rate| *rate > 0.0)?;
        (left > 0 && !self.stopping).then(|| Duration::try_from_secs_f64(seconds).ok())?
    }

    /// How far it is, and how fast it goes.
    pub(super) fn head(&self, paint: Paint) -> String {
        let done = format!("{}/{} {}", grouped(self.done()), grouped(self.items), percent(self.done(), self.items));
        let eta = self.eta().map(|eta| format!("eta {}", span(eta)));
        parts([Some(done), self.rate.map(rate), eta, failed(self.tally.failed, paint)])
    }

    /// What it takes, and what it waits for.
    pub(super) fn detail(&self) -> String {
        let Snapshot { in_flight, in_flight_limit, bound, .. } = self.snapshot;
        let tally = &self.tally;
        let tokens = tally.prompt_tokens.saturating_add(tally.completion_tokens);
        parts([
            self.stopping.then(|| "stopping".to_owned()),
            (in_flight_limit > 0).then(|| format!("in flight {in_flight}/{in_flight_limit}")),
            (tally.replayed > 0).then(|| format!("replayed {}", grouped(tally.replayed))),
            (tokens > 0).then(|| format!("{} tokens", short(tokens))),
            tally.cost(),
            (tally.retries > 0).then(|| counted(tally.retries, "retry")),
            bound.filter(|_| !self.stopping).map(|bound| format!("bound by {}", bound.as_str())),
        ])
    }

    /// The line of one model. How many of its items were settled before, nobody has counted: a
    /// session that goes on with a run says how many it has added.
    pub(super) fn lane(&self, lane: &Lane, paint: Paint) -> String {
        let names = self.lanes.iter().map(|lane| model_name(lane).chars().count());
        let width = names.max().unwrap_or(0);
        let settled = match self.settled_before {
            0 => format!("{}/{}", grouped(lane.settled), grouped(self.items / (self.lanes.len() as u64).max(1))),
            _ => format!("+{}", grouped(lane.settled)),
        };
        let counts = parts([Some(settled), failed(lane.failed, paint)]);
        format!("{:width$}  {counts}", model_name(lane))
    }

    /// All of it on one line, for a log.
    pub(super) fn line(&self) -> String {
        let job = one_line(&self.job);
        let detail = Some(self.detail()).filter(|detail| !detail.is_empty());
        format!("{job} {}", parts([Some(self.head(Paint::PLAIN)), detail]))
    }
}

fn model_name(lane: &Lane) -> String {
    cut(&one_line(&lane.model), MODEL_CHARS)
}

fn failed(count: u64, paint: Paint) -> Option<String> {
    (count > 0).then(|| paint.red(&format!("failed {}", grouped(count))))
}

fn parts<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use nightreel::engine::Bound;

    use super::*;

    fn status() -> Status {
        let tally = Tally {
            settled: 1_234,
            failed: 3,
            prompt_tokens: 1_000_000,
            completion_tokens: 200_000,
            cost_usd: 0.432_1,
            ..Tally::default()
        };
        Status {
            job: "quickstart".into(),
            items: 10_000,
            settled_before: 0,
            elapsed: Duration::from_secs(20),
            tally,
            lanes: vec![Lane::new("a/long-one"), Lane { failed: 2, settled: 617, ..Lane::new("b") }],
            snapshot: Snapshot { in_flight: 64, in_flight_limit: 64, waiting: 0, bound: None },
            stopping: false,
            rate: Some(64.0),
        }
    }

    #[test]
    fn a_line_of_a_log_says_all_of_it() {
        assert_eq!(
            status().line(),
            "quickstart 1,234/10,000 12.3 % · 64.0/s · eta 2m 17s · failed 3 · in flight 64/64 · 1.2M tokens · $0.432"
        );
    }

    #[test]
    fn what_is_nothing_is_not_said() {
        let bare = Status { tally: Tally::default(), snapshot: Snapshot::default(), rate: None, ..status() };
        assert_eq!(bare.line(), "quickstart 0/10,000 0.0 %");
        assert_eq!(bare.detail(), "");
    }

    #[test]
    fn the_detail_says_what_holds_the_run_back() {
        let mut bound = status();
        bound.snapshot.bound = Some(Bound::Quota);
        bound.tally.retries = 12;
        assert_eq!(bound.detail(), "in flight 64/64 · 1.2M tokens · $0.432 · 12 retries · bound by quota");
        bound.stopping = true;
        assert_eq!(bound.detail(), "stopping · in flight 64/64 · 1.2M tokens · $0.432 · 12 retries");
    }

    #[test]
    fn what_nobody_knows_the_cost_of_is_not_told_as_free() {
        let mut unknown = status();
        unknown.tally.unknown_costs = 2;
        assert_eq!(unknown.detail(), "in flight 64/64 · 1.2M tokens · ≥ $0.432");
        unknown.tally.cost_usd = 0.0;
        assert_eq!(unknown.detail(), "in flight 64/64 · 1.2M tokens · cost unknown");
    }

    #[test]
    fn a_model_has_a_line_of_its_own() {
        let both = status();
        let lines: Vec<_> = both.lanes.iter().map(|lane| both.lane(lane, Paint::PLAIN)).collect();
        assert_eq!(lines, ["a/long-one  0/5,000", "b           617/5,000 · failed 2"]);
        let resumed = Status { settled_before: 10, ..status() };
        assert_eq!(resumed.lane(&resumed.lanes[1], Paint::PLAIN), "b           +617 · failed 2");
    }

    #[test]
    fn the_eta_is_for_what_is_left() {
        let eta = |status: &Status| status.eta().map(|eta| eta.as_secs());
        assert_eq!(eta(&status()), Some(136));
        for (change, what) in [
            (Status { rate: None, ..status() }, "no rate"),
            (Status { rate: Some(0.0), ..status() }, "a stall"),
            (Status { rate: Some(1e-300), ..status() }, "for ever"),
            (Status { stopping: true, ..status() }, "it stops"),
            (Status { items: 1_234, ..status() }, "all done"),
            (Status { items: 100, ..status() }, "more done than there is"),
        ] {
            assert_eq!(eta(&change), None, "{what}");
        }
        assert_eq!(eta(&Status { settled_before: 8_766 - 64, ..status() }), Some(1));
    }
}
