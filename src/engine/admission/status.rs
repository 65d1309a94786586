//! How the gate stands, and how it is changed while it works.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::budget::Budget;
use super::lane::Lane;
use super::pace::Pace;
use super::token_pace::TokenPace;
use super::{Admission, BudgetOptions, BudgetStatus, Change};
use crate::job::InFlight;
use crate::store::Limit;

/// How the gate stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmissionStatus {
    /// Whether it lets nothing pass.
    pub paused: bool,
    /// Requests in flight.
    pub in_flight: usize,
    /// How many may be, over all models; `None` where only the lanes say.
    pub limit: Option<usize>,
    /// Requests a minute, over all models.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute, over all models.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// The budget.
    pub budget: Option<BudgetStatus>,
    /// The models.
    pub lanes: Vec<LaneStatus>,
}

/// How a lane stands.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneStatus {
    /// Its model.
    pub model: Arc<str>,
    /// Requests in flight.
    pub in_flight: usize,
    /// How many may be.
    pub limit: usize,
    /// Whether that adapts.
    pub adaptive: bool,
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Requests a minute as they were learned from the server's 429s.
    pub learned_requests_per_minute: Option<f64>,
    /// How long it stays away from its server.
    pub cooling: Option<Duration>,
    /// Why it has ended.
    pub closed: Option<String>,
}

impl Admission {
    /// How the gate stands.
    #[must_use]
    pub fn status(&self) -> AdmissionStatus {
        let gate = &self.0;
        let lanes = gate.lanes().iter().map(|lane| self.lane_status(lane)).collect();
        let run = gate.run();
        AdmissionStatus {
            paused: self.is_paused(),
            in_flight: self.in_flight(),
            limit: matches!(run.in_flight, InFlight::Fixed(_)).then(|| gate.places.of_run().1),
            requests_per_minute: run.pace.as_ref().map(|pace| pace.quota()),
            tokens_per_minute: run.tokens.as_ref().map(|pace| pace.quota()),
            budget: gate.budget().filter(|budget| budget.is_capped()).map(|budget| budget.status()),
            lanes,
        }
    }

    fn lane_status(&self, lane: &Lane) -> LaneStatus {
        let (in_flight, limit) = self.0.places.of_lane(lane.index);
        let state = lane.state();
        LaneStatus {
            model: Arc::clone(&lane.model),
            in_flight,
            limit: limit.min(self.0.places.of_run().1),
            adaptive: state.in_flight.is_some(),
            requests_per_minute: state.pace.as_ref().map(|pace| pace.quota()),
            tokens_per_minute: state.tokens.as_ref().map(|pace| pace.quota()),
            learned_requests_per_minute: state.learned.per_second(lane.age()).map(|rate| rate * 60.0),
            cooling: state.cooling(),
            closed: state.closed.as_ref().map(ToString::to_string),
        }
    }

    /// Lets nothing pass until [`Admission::resume`].
    #[must_use = "a change is kept in the store"]
    pub fn pause(&self) -> Change {
        self.paused(true, "paused by the user")
    }

    /// Goes on after [`Admission::pause`].
    #[must_use = "a change is kept in the store"]
    pub fn resume(&self) -> Change {
        let change = self.paused(false, "resumed by the user");
        self.0.resumed.notify_waiters();
        change
    }

    fn paused(&self, paused: bool, reason: &str) -> Change {
        let was = self.0.paused.swap(paused, std::sync::atomic::Ordering::Relaxed);
        changed(None, Limit::Paused, (Some(f64::from(was)), Some(f64::from(paused))), reason)
    }

    /// Sets how many requests may be in flight: of one model, or of the run and of every model that
    /// has no limit of its own.
    #[must_use = "a change is kept in the store"]
    pub fn set_in_flight(&self, model: Option<&Arc<str>>, in_flight: InFlight) -> Change {
        let limit = |adaptive: bool, limit: usize| (!adaptive).then_some(limit);
        let (was, now) = if let Some(model) = model {
            let lane = self.lane(model);
            let before = self.lane_status(&lane);
            lane.state().is_own_limit = true;
            self.0.set_lane_in_flight(&lane, in_flight);
            let after = self.lane_status(&lane);
            (limit(before.adaptive, before.limit), limit(after.adaptive, after.limit))
        } else {
            let before = self.status().limit;
            self.0.run().in_flight = in_flight;
            self.0.places.set_limit(self.0.options.places(in_flight));
            let lanes = self.0.lanes().clone();
            for lane in lanes.iter().filter(|lane| !lane.state().is_own_limit) {
                self.0.set_lane_in_flight(lane, in_flight);
            }
            (before, self.status().limit)
        };
        #[expect(clippy::cast_precision_loss, reason = "counts of requests in flight are small")]
        let (was, now) = (was.map(|limit| limit as f64), now.map(|limit| limit as f64));
        changed(model, Limit::InFlight, (was, now), BY_USER)
    }

    /// Sets the requests a minute: of one model, or of the run.
    #[must_use = "a change is kept in the store"]
    pub fn set_requests_per_minute(&self, model: Option<&Arc<str>>, quota: Option<NonZeroU32>) -> Change {
        let set = |pace: &mut Option<Arc<Pace>>| {
            let was = pace.as_ref().map(|pace| pace.quota());
            let next = |quota| pace.as_ref().map_or_else(|| Pace::per_minute(quota), |pace| pace.changed(quota));
            *pace = quota.map(|quota| Arc::new(next(quota)));
            was
        };
        let was = match model {
            Some(model) => set(&mut self.lane(model).state().pace),
            None => set(&mut self.0.run().pace),
        };
        self.0.requota.notify_waiters();
        changed(model, Limit::RequestsPerMinute, (number(was), number(quota)), BY_USER)
    }

    /// Sets the tokens a minute: of one model, or of the run.
    #[must_use = "a change is kept in the store"]
    pub fn set_tokens_per_minute(&self, model: Option<&Arc<str>>, quota: Option<NonZeroU32>) -> Change {
        let set = |pace: &mut Option<Arc<TokenPace>>| {
            let was = pace.as_ref().map(|pace| pace.quota());
            let next = |quota| pace.as_ref().map_or_else(|| TokenPace::per_minute(quota), |pace| pace.changed(quota));
            *pace = quota.map(|quota| Arc::new(next(quota)));
            was
        };
        let was = match model {
            Some(model) => set(&mut self.lane(model).state().tokens),
            None => set(&mut self.0.run().tokens),
        };
        self.0.find_out_sizes();
        self.0.requota.notify_waiters();
        changed(model, Limit::TokensPerMinute, (number(was), number(quota)), BY_USER)
    }

    /// Sets what the run may spend, in USD. The first budget begins with what the caller says of what
    /// was spent before it, and of prices; later ones go on from there.
    #[must_use = "a change is kept in the store"]
    pub fn set_budget_usd(&self, cap_usd: Option<f64>, first: Option<BudgetOptions>) -> Change {
        let was = self.status().budget.map(|budget| budget.cap_usd);
        let mut budget = self.0.budget.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*budget, cap_usd) {
            (Some(budget), cap_usd) => budget.set_cap(cap_usd),
            (None, Some(cap_usd)) => {
                let first = BudgetOptions { cap_usd, ..first.unwrap_or_else(|| BudgetOptions::new(cap_usd)) };
                *budget = Some(Arc::new(Budget::new(&first)));
                let terms = self.0.terms.get_or_init(|| first);
                self.0.lanes().iter().for_each(|lane| lane.know(terms));
            }
            (None, None) => {}
        }
        drop(budget);
        // Without a cap nothing waits for the trial of a price.
        self.0.lanes().iter().for_each(|lane| lane.tried.notify_waiters());
        self.0.find_out_sizes();
        changed(None, Limit::BudgetUsd, (was, cap_usd), BY_USER)
    }
}

const BY_USER: &str = "set by the user";

fn changed(model: Option<&Arc<str>>, what: Limit, (was, now): (Option<f64>, Option<f64>), reason: &str) -> Change {
    Change { lane: model.cloned(), what, was, now, reason: reason.to_owned() }
}

fn number(quota: Option<NonZeroU32>) -> Option<f64> {
    quota.map(|quota| f64::from(quota.get()))
}
