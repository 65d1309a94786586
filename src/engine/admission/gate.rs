//! The one gate that every request passes before it is sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::budget::Budget;
use super::day::DayQuota;
use super::in_flight;
use super::lane::Lane;
use super::pace::Pace;
use super::places::Places;
use super::token_pace::TokenPace;
use super::{AdmissionOptions, BudgetOptions};
use crate::engine::{Bound, StopReason};
use crate::job::InFlight;
use crate::store::BudgetCorrection;

/// Admits requests. It may be cloned: all clones are one gate.
///
/// Each lane lets its first request wait for what the lane itself holds to: a pause that its server
/// asked for, its day, a place, the budget, its tokens, its pace. Then the first requests of all
/// lanes compete for what the run holds to. So a lane that stalls waits alone.
#[derive(Clone)]
pub struct Admission(pub(super) Arc<Gate>);

pub(super) struct Gate {
    pub(super) options: AdmissionOptions,
    pub(super) places: Places,
    pub(super) budget: Mutex<Option<Arc<Budget>>>,
    /// What the first budget has come with: prices, and what is known of costs.
    pub(super) terms: OnceLock<BudgetOptions>,
    pub(super) run: Mutex<RunQuotas>,
    /// Held by the request that is next for the run's own quotas.
    pub(super) turn: tokio::sync::Mutex<()>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    by_model: Mutex<HashMap<Arc<str>, Arc<Lane>>>,
    pub(super) paused: AtomicBool,
    pub(super) resumed: Notify,
    /// Another quota holds from now on: those that wait for the old one look again.
    pub(super) requota: Notify,
    pub(super) waiting: Waiting,
    /// Whether anything holds to the sizes of requests.
    looks_at_sizes: AtomicBool,
}

/// What the run holds to beside places and budget.
#[derive(Default)]
pub(super) struct RunQuotas {
    pub(super) in_flight: InFlight,
    pub(super) pace: Option<Arc<Pace>>,
    pub(super) tokens: Option<Arc<TokenPace>>,
    pub(super) day: Option<DayQuota>,
}

/// How many requests wait for what; at most one a lane.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) place: AtomicUsize,
    pub(super) quota: AtomicUsize,
    pub(super) budget: AtomicUsize,
    pub(super) server: AtomicUsize,
    pub(super) resume: AtomicUsize,
    /// Hold a place already, and wait for the run's pace.
    pub(super) with_place: AtomicUsize,
}

impl Admission {
    /// A gate.
    #[must_use]
    pub fn new(options: AdmissionOptions) -> Self {
        let places = options.places(options.in_flight);
        let run = RunQuotas {
            in_flight: options.in_flight,
            pace: options.requests_per_minute.map(|quota| Arc::new(Pace::per_minute(quota))),
            tokens: options.tokens_per_minute.map(|quota| Arc::new(TokenPace::per_minute(quota))),
            day: options.requests_per_day.map(DayQuota::new),
        };
        let budget = options.budget.as_ref().map(|budget| Arc::new(Budget::new(budget)));
        let gate = Self(Arc::new(Gate {
            places: Places::new(places),
            budget: Mutex::new(budget),
            terms: options.budget.clone().map_or_else(OnceLock::new, OnceLock::from),
            run: Mutex::new(run),
            turn: tokio::sync::Mutex::default(),
            lanes: Mutex::default(),
            by_model: Mutex::default(),
            paused: AtomicBool::new(false),
            resumed: Notify::new(),
            requota: Notify::new(),
            waiting: Waiting::default(),
            looks_at_sizes: AtomicBool::new(false),
            options,
        }));
        gate.0.options.lanes.iter().for_each(|(model, _)| drop(gate.lane(model)));
        gate.0.find_out_sizes();
        gate
    }

    /// Lets no request of a model pass for a while, because its server said so.
    pub fn cool_down(&self, model: &Arc<str>, pause: Duration) {
        self.lane(model).state().cool_down(pause);
    }

    /// Ends a lane: none of its requests is admitted any more. Says whether it was open.
    #[must_use = "it is told once"]
    pub fn close(&self, model: &Arc<str>, reason: &StopReason) -> bool {
        let lane = self.lane(model);
        let mut state = lane.state();
        let was_open = state.closed.is_none();
        state.closed.get_or_insert_with(|| reason.clone());
        was_open
    }

    /// What the budget counts more than the store says of requests whose cost nobody knows: it is told
    /// that before anything is sent that rests on it.
    #[must_use = "it is kept in the store"]
    pub fn take_corrections(&self) -> Vec<BudgetCorrection> {
        self.0.budget().map(|budget| budget.take_corrections()).unwrap_or_default()
    }

    /// Why lanes have ended, the first one first.
    #[must_use]
    pub fn closed(&self) -> Vec<(Arc<str>, StopReason)> {
        let closed = |lane: &Arc<Lane>| Some((Arc::clone(&lane.model), lane.state().closed.clone()?));
        self.0.lanes().iter().filter_map(closed).collect()
    }

    /// Whether a lane's server has answered anything well.
    #[must_use]
    pub fn has_answers(&self, model: &Arc<str>) -> bool {
        self.lane(model).state().has_answers
    }

    /// Whether [`Size`](super::Size)s are looked at: they are not worth reading a body for where they are not.
    #[must_use]
    pub fn looks_at_sizes(&self) -> bool {
        self.0.looks_at_sizes.load(Ordering::Relaxed)
    }

    /// Counts requests that were sent on this day by others, or before: of one model, or of one that
    /// nobody knows any more.
    pub fn count_sent(&self, model: Option<&Arc<str>>, requests: u64) {
        let now_ms = (self.0.options.now_ms)();
        if let Some(day) = &mut self.0.run().day {
            day.add(requests, now_ms);
        }
        let lanes = match model {
            Some(model) => vec![self.lane(model)],
            None => self.0.lanes().clone(),
        };
        for lane in lanes {
            if let Some(day) = &mut lane.state().day {
                day.add(requests, now_ms);
            }
        }
    }

    /// Whether requests are counted by the day.
    #[must_use]
    pub fn counts_days(&self) -> bool {
        self.0.run().day.is_some() || self.0.lanes().iter().any(|lane| lane.state().day.is_some())
    }

    pub(super) fn lane(&self, model: &Arc<str>) -> Arc<Lane> {
        let mut lanes = self.0.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(model) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(self.0.new_lane(model));
        self.0.lanes().push(Arc::clone(&lane));
        lanes.insert(Arc::clone(model), Arc::clone(&lane));
        lane
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let waiting = self.0.waiting.with_place.load(Ordering::Relaxed);
        self.0.places.of_run().0.saturating_sub(waiting)
    }

    /// How many requests may be in flight.
    #[must_use]
    pub fn limit(&self) -> usize {
        let lanes = self.0.lanes();
        let lanes = lanes.iter().map(|lane| self.0.places.of_lane(lane.index).1);
        let lanes = lanes.fold(0, usize::saturating_add);
        let run = self.0.places.of_run().1;
        if lanes == 0 { run } else { lanes.min(run) }
    }

    /// How many requests of a model may be in flight.
    #[must_use]
    pub fn lane_limit(&self, model: &Arc<str>) -> usize {
        let lane = self.lane(model);
        self.0.places.of_lane(lane.index).1.min(self.0.places.of_run().1)
    }

    /// Whether it lets nothing pass.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.paused.load(Ordering::Relaxed)
    }

    /// What holds requests back now; `None` where nothing does.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        let waits = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
        let waiting = &self.0.waiting;
        let bounds = [
            (waits(&waiting.resume), Bound::Pause),
            (waits(&waiting.budget), Bound::Budget),
            (waits(&waiting.quota) || waits(&waiting.with_place), Bound::Quota),
            (waits(&waiting.place), Bound::InFlight),
            (waits(&waiting.server), Bound::Gateway),
        ];
        bounds.into_iter().find(|(holds, _)| *holds).map(|(_, bound)| bound)
    }
}

impl Gate {
    pub(super) fn run(&self) -> MutexGuard<'_, RunQuotas> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Vec<Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn budget(&self) -> Option<Arc<Budget>> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds out whether anything holds to the sizes of requests.
    pub(super) fn find_out_sizes(&self) {
        let of_run = self.run().tokens.is_some() || self.budget().is_some();
        let looks = of_run || self.lanes().iter().any(|lane| lane.state().tokens.is_some());
        self.looks_at_sizes.store(looks, Ordering::Relaxed);
    }

    fn new_lane(&self, model: &Arc<str>) -> Lane {
        let options = self.options.lanes.iter().find(|(of, _)| of == model);
        let options = options.map(|(_, options)| *options).unwrap_or_default();
        let index = self.places.add_lane(0);
        let lane = Lane::new(Arc::clone(model), index, options);
        if let Some(terms) = self.terms.get() {
            lane.know(terms);
        }
        let in_flight = options.in_flight.unwrap_or(self.run().in_flight);
        self.set_lane_in_flight(&lane, in_flight);
        lane
    }

    /// Gives a lane a limit of requests in flight, fixed or adapting.
    pub(super) fn set_lane_in_flight(&self, lane: &Lane, in_flight: InFlight) {
        let mut state = lane.state();
        let limit = match in_flight {
            InFlight::Fixed(_) => {
                state.in_flight = None;
                in_flight.limit()
            }
            InFlight::Auto => {
                let most = self.places.of_run().1.min(self.options.most_in_flight);
                let limit = state.in_flight.take().unwrap_or_else(|| in_flight::InFlight::new(most)).at_most(most);
                state.in_flight.insert(limit).limit
            }
        };
        self.places.set_lane_limit(lane.index, limit);
    }
}
