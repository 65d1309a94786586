//! The right to have a request in flight, and what is learned when it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admit::{Claim, give_back, settle_tokens};
use super::budget::Reservation;
use super::gate::Gate;
use super::in_flight::{Observation, Seen, decide};
use super::lane::{Lane, Refused429};
use super::price_trust::{PriceTrust, is_beyond};
use super::{Change, Size, Underpriced};
use crate::model::Class;

/// The right to have a request in flight; dropping it makes room for the next.
pub struct Permit {
    gate: Arc<Gate>,
    lane: Arc<Lane>,
    admitted: Instant,
    /// The level of the lane's limit when it was admitted.
    level: u32,
    /// How often the lane had been full when it was admitted.
    times_full: u64,
    size: Size,
    held: Option<Claim>,
    /// What came of it.
    class: Option<Class>,
    from_cache: bool,
}

/// What an attempt has used and what it meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// What it meant.
    pub class: Class,
    /// Tokens of the prompt and of the answer, where the reply says.
    pub tokens: Option<(u64, u64)>,
    /// What it cost, in USD; `None` where nobody knows.
    pub cost_usd: Option<f64>,
    /// Whether a price says so, since the reply does not.
    pub is_by_price: bool,
    /// Whether a cache answered: that says nothing of the server.
    pub from_cache: bool,
    /// The pause that the server asks for.
    pub hint: Option<Duration>,
}

/// What an attempt means for the budget and the limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settled {
    /// What it cost, in USD; `None` where nobody knows, as where a price says so that has proved too low.
    pub cost_usd: Option<f64>,
    /// What the budget counts for it where its cost is unknown, in USD.
    pub assumed_cost_usd: Option<f64>,
    /// That its lane's price is too low: once a lane.
    pub underpriced: Option<Underpriced>,
    /// What became of the limits.
    pub changes: Vec<Change>,
    /// Whether the lane stays away from its server because of it, and did not before.
    pub begins_pause: bool,
}

impl Permit {
    pub(super) fn new((gate, lane): (Arc<Gate>, Arc<Lane>), level: u32, size: Size, held: Claim) -> Self {
        let (admitted, times_full) = (Instant::now(), gate.places.times_full(lane.index));
        Self { gate, lane, admitted, level, times_full, size, held: Some(held), class: None, from_cache: false }
    }

    /// Whether a budget counts the request.
    #[must_use]
    pub fn is_budgeted(&self) -> bool {
        self.reservation().is_some()
    }

    /// The worst that the request may cost, in USD, where a budget counts it and knows that.
    #[must_use]
    pub fn worst_usd(&self) -> Option<f64> {
        self.reservation().and_then(Reservation::worst_usd)
    }

    fn reservation(&self) -> Option<&Reservation> {
        self.held.as_ref().and_then(|claim| claim.reservation.as_ref())
    }

    /// Settles what the request has taken with what came of it. It still holds its place.
    pub fn settle(&mut self, spent: &Spent) -> Settled {
        let unchanged = Settled { cost_usd: spent.cost_usd, ..Settled::default() };
        let Some(Claim { taken, reservation, trial }) = self.held.take() else { return unchanged };
        self.class = Some(spent.class);
        self.from_cache = spent.from_cache;
        if spent.class.is_unsent() {
            give_back(&self.gate, &self.lane, taken, reservation.as_ref());
            return unchanged;
        }
        settle_tokens(&self.gate, &self.lane, taken, used_tokens(spent));
        let underpriced = self.learn(spent);
        let (cost_usd, assumed_cost_usd) = self.settle_cost(spent, reservation.as_ref());
        drop(trial);
        let was_away = self.lane.state().cooling().is_some();
        let changes = if spent.from_cache { Vec::new() } else { self.seen(spent) };
        let begins_pause = !was_away && self.lane.state().cooling().is_some();
        Settled { cost_usd, assumed_cost_usd, underpriced, changes, begins_pause }
    }

    /// Learns what the request has used, and what it tells of its lane's price.
    fn learn(&self, spent: &Spent) -> Option<Underpriced> {
        let mut state = self.lane.state();
        if let Some((prompt, completion)) = spent.tokens.filter(|_| spent.class == Class::Answered) {
            state.usage.learn(self.size, prompt, completion);
        }
        if spent.from_cache {
            state.usage.learn_cached();
        }
        state.usage.is_cost_unknown |= spent.class == Class::Answered && spent.cost_usd.is_none() && !spent.from_cache;
        drop(state);
        // The estimate as it is now, and not what was reserved: it is what the next one is made of.
        let by_price_usd = self.gate.by_price(&self.lane, self.size);
        let told = told_cost(spent).filter(|cost_usd| *cost_usd > 0.0 || by_price_usd.is_none_or(|usd| usd == 0.0));
        let mut state = self.lane.state();
        match told {
            Some(cost_usd) => state.usage.learn_cost(cost_usd),
            None if spent.class == Class::Answered && !spent.from_cache => state.usage.learn_untold(),
            None => {}
        }
        drop(state);
        self.lane.tried.notify_waiters();
        let (cost_usd, by_price_usd) = told.zip(by_price_usd)?;
        let of_tokens =
            spent.tokens.and_then(|(prompt, completion)| self.gate.of_tokens(&self.lane, prompt, Some(completion)));
        let mut state = self.lane.state();
        state.price_trust = state.price_trust.after(cost_usd, by_price_usd, of_tokens);
        // An answer of more tokens than were to be expected says nothing against the price.
        let is_too_low = is_beyond(cost_usd, of_tokens.unwrap_or(0.0).max(by_price_usd));
        let is_news = is_too_low && !std::mem::replace(&mut state.is_told_underpriced, is_too_low);
        drop(state);
        self.correct_assumed();
        is_news.then(|| Underpriced { model: Arc::clone(&self.lane.model), cost_usd, by_price_usd })
    }

    /// Counts what the request has cost; gives that, and what the budget counts for it where nobody
    /// knows that.
    fn settle_cost(&self, spent: &Spent, reservation: Option<&Reservation>) -> (Option<f64>, Option<f64>) {
        let Some((budget, reservation)) = self.gate.budget().zip(reservation) else {
            if let Some(budget) = self.gate.budget() {
                budget.spend(spent.cost_usd);
            }
            return (spent.cost_usd, None);
        };
        let is_believed = !spent.is_by_price || self.lane.state().price_trust.is_believed();
        let cost_usd = spent.cost_usd.filter(|_| is_believed);
        // First what came before: whoever waits for this request looks again as soon as it is settled, and
        // would find its reply told and the silent ones before it still of unknown cost.
        self.gate.price_unpriced(&budget, self.size);
        let assumed_usd = budget.settle(reservation, cost_usd);
        self.note_assumed(spent, (cost_usd, assumed_usd));
        self.gate.price_unpriced(&budget, self.size);
        (cost_usd, assumed_usd)
    }

    /// Notes what is counted by the lane's price, which may prove too low.
    fn note_assumed(&self, spent: &Spent, (cost_usd, assumed_usd): (Option<f64>, Option<f64>)) {
        let by_price_usd = || self.gate.by_price(&self.lane, self.size);
        let noted = match assumed_usd {
            Some(counted_usd) => by_price_usd().map(|by_price_usd| (by_price_usd, counted_usd)),
            None => cost_usd.filter(|_| spent.is_by_price).map(|cost_usd| (cost_usd, cost_usd)),
        };
        if let Some((by_price_usd, counted_usd)) = noted {
            self.lane.state().assumed.add_corrected(by_price_usd, counted_usd);
            // It may have been reserved before the price proved too low.
            self.correct_assumed();
        }
    }

    /// Counts what was assumed by a price with what is known of it now.
    fn correct_assumed(&self) {
        let mut state = self.lane.state();
        let PriceTrust::Passed { times } = state.price_trust else { return };
        let least_usd = state.usage.dearest_seen_usd.unwrap_or_default();
        let more_usd = state.assumed.correct(times, least_usd) + state.earlier.correct(1.0, least_usd);
        drop(state);
        if let Some(budget) = self.gate.budget() {
            budget.correct(&self.lane.model, more_usd, least_usd);
        }
    }

    /// Tells the lane of a 429 or of a reply; gives what became of its limits.
    fn seen(&self, spent: &Spent) -> Vec<Change> {
        let (mut state, age) = (self.lane.state(), self.lane.age());
        state.has_answers |= spent.class == Class::Answered;
        if spent.class != Class::RateLimited {
            if !is_trouble(spent.class) {
                state.let_through(age);
            }
            return Vec::new();
        }
        let mut changes = Vec::new();
        let is_burst;
        if let Some(limit) = state.in_flight.take() {
            let seen = Observation { at: age, level: self.level, at_limit: true, seen: Seen::RateLimited };
            let decision = decide(&seen, &limit);
            is_burst = decision.reason.is_some() || decision.limit.limit == 1;
            changes.extend(self.changed(limit.limit, &decision));
            state.in_flight = Some(decision.limit);
        } else {
            is_burst = state.is_burst_at(self.gate.places.of_lane(self.lane.index).1);
        }
        let refused = Refused429 { is_burst, hint: spent.hint, random: fastrand::f64() };
        state.rate_limited(self.admitted, age, refused);
        changes
    }

    fn changed(&self, was: usize, decision: &super::in_flight::Decision) -> Option<Change> {
        let reason = decision.reason?;
        self.gate.places.set_lane_limit(self.lane.index, decision.limit.limit);
        Some(Change::in_flight(&self.lane.model, was, decision.limit.limit, reason))
    }

    /// Ends the request: what it brought is safe. Gives what became of the lane's limits.
    #[must_use]
    pub fn finish(self) -> Vec<Change> {
        let learned = self.lane.state().learned_change.take();
        let learned = learned.map(|(was, now)| Change::learned_pace(&self.lane.model, was, now));
        learned.into_iter().chain(self.adapted()).collect()
    }

    /// What becomes of a limit that adapts.
    fn adapted(&self) -> Option<Change> {
        let seen = match self.class? {
            _ if self.from_cache => return None,
            class if is_trouble(class) => Seen::Trouble,
            Class::RateLimited | Class::NotConnected | Class::RefusedStream => return None,
            _ => Seen::Reply(self.admitted.elapsed()),
        };
        let at_limit = self.gate.places.times_full(self.lane.index) > self.times_full;
        let mut state = self.lane.state();
        let limit = state.in_flight.take()?;
        let decision = decide(&Observation { at: self.lane.age(), level: self.level, at_limit, seen }, &limit);
        let change = self.changed(limit.limit, &decision);
        state.in_flight = Some(decision.limit);
        change
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(Claim { taken, reservation, .. }) = self.held.take() {
            give_back(&self.gate, &self.lane, taken, reservation.as_ref());
        }
        self.gate.places.give_back(self.lane.index);
    }
}

/// Whether the server failed, or stayed silent.
const fn is_trouble(class: Class) -> bool {
    matches!(class, Class::ServerError | Class::TimedOut | Class::ConnectionLost)
}

/// What a reply tells of the cost of its lane's requests, in USD: a failure that was free says
/// nothing of what an answer costs, and no more does a cache.
fn told_cost(spent: &Spent) -> Option<f64> {
    let told = spent.cost_usd.filter(|_| !spent.from_cache && !spent.is_by_price);
    told.filter(|cost_usd| spent.class == Class::Answered || *cost_usd > 0.0)
}

/// What counts against a quota of tokens; `None`: nobody knows, so the estimate does.
fn used_tokens(spent: &Spent) -> Option<u64> {
    match (spent.tokens, spent.class) {
        (Some((prompt, completion)), _) => Some(prompt + completion),
        (None, Class::Answered) => None,
        (None, class) if class.may_be_billed() => None,
        (None, _) => Some(0),
    }
}
