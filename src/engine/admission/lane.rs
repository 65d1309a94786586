//! What one model's requests wait for.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::BudgetOptions;
use super::assumed::Assumed;
use super::day::DayQuota;
use super::in_flight::{InFlight, Recent};
use super::learned_pace::LearnedPace;
use super::pace::Pace;
use super::price_trust::{PriceTrust, at_once_without_price};
use super::token_pace::TokenPace;
use super::usage::Usage;
use crate::engine::StopReason;

/// A lane's first pause after a burst of 429s that do not say how long to wait; each one after it
/// is up to twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No such pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What one model holds to, beside what the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneOptions {
    /// Requests in flight.
    pub in_flight: Option<crate::job::InFlight>,
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute, of prompts and answers.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Requests a day.
    pub requests_per_day: Option<NonZeroU32>,
}

/// One model's queue.
pub(super) struct Lane {
    pub(super) model: Arc<str>,
    /// Its index among the places.
    pub(super) index: usize,
    /// Held by the request that is next, from its first wait to its permit: what a request takes
    /// before it waits for something else is not passed by another.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The lane's price was tried, or what tried it has told nothing.
    pub(super) tried: Notify,
    state: Mutex<LaneState>,
    began: Instant,
}

/// What changes while the lane goes on.
#[derive(Default)]
pub(super) struct LaneState {
    pub(super) pace: Option<Arc<Pace>>,
    pub(super) tokens: Option<Arc<TokenPace>>,
    pub(super) day: Option<DayQuota>,
    /// The limit that adapts; `None` where it is fixed.
    pub(super) in_flight: Option<InFlight>,
    /// Whether the limit is the lane's own, so that a change of the run's leaves it alone.
    pub(super) is_own_limit: bool,
    /// The last replies of a lane whose limit is fixed.
    recent: Recent,
    pub(super) learned: LearnedPace,
    /// What became of the learned pace, in requests a second, until it is told.
    pub(super) learned_change: Option<(Option<f64>, Option<f64>)>,
    /// When the learned pace lets the next request go.
    next_learned: Option<Instant>,
    not_before: Option<Instant>,
    pub(super) usage: Usage,
    pub(super) price_trust: PriceTrust,
    /// What a budget counts by the price for those of its requests whose cost nobody knows.
    pub(super) assumed: Assumed,
    /// The same of earlier sessions of the run, which was corrected by what was known then.
    pub(super) earlier: Assumed,
    /// How many requests try the price.
    pub(super) on_trial: u32,
    /// Whether it was told that the price is too low.
    pub(super) is_told_underpriced: bool,
    pub(super) closed: Option<StopReason>,
    /// Whether the server has answered anything well.
    pub(super) has_answers: bool,
    /// Bursts of 429s in a row that said nothing of a pause.
    pauses: u32,
    /// The last 429 that counted: what was admitted before it belongs to the same wall.
    wall: Option<Instant>,
}

impl Lane {
    pub(super) fn new(model: Arc<str>, index: usize, options: LaneOptions) -> Self {
        let state = LaneState {
            pace: options.requests_per_minute.map(|quota| Arc::new(Pace::per_minute(quota))),
            tokens: options.tokens_per_minute.map(|quota| Arc::new(TokenPace::per_minute(quota))),
            day: options.requests_per_day.map(DayQuota::new),
            is_own_limit: options.in_flight.is_some(),
            ..LaneState::default()
        };
        Self {
            model,
            index,
            turn: tokio::sync::Mutex::default(),
            tried: Notify::new(),
            state: Mutex::new(state),
            began: Instant::now(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what is known of the cost of its answers where a budget begins.
    pub(super) fn know(&self, terms: &BudgetOptions) {
        self.state().usage.is_cost_unknown |= terms.cost_unknown.iter().any(|model| **model == *self.model);
        if let Some(of) = terms.by_price.iter().find(|of| *of.model == *self.model) {
            self.state().earlier = Assumed::of_earlier(of);
        }
        let Some(dearest) = terms.dearest.iter().find(|dearest| *dearest.model == *self.model) else { return };
        let mut state = self.state();
        state.usage.know_cost(dearest.cost_usd);
        // What other runs of the job have paid says little of this one, whose requests may be cheap.
        if terms.spent_usd > 0.0 && state.price_trust == PriceTrust::Untried {
            let of_tokens_usd =
                dearest.tokens.and_then(|(prompt, answer)| (terms.worst_case)(&self.model, prompt, Some(answer)));
            state.price_trust = PriceTrust::of_earlier(dearest.cost_usd, of_tokens_usd);
        }
    }

    /// How long the lane has gone on.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }
}

impl LaneState {
    /// How many requests may be in flight while few replies have told what they cost; `None` is as many
    /// as the budget reaches for.
    pub(super) fn at_once(&self, has_price: bool) -> Option<u32> {
        if has_price { self.price_trust.at_once(self.usage.told) } else { at_once_without_price(self.usage.told) }
    }

    /// When the next request may go: after the pauses that the server asks for, at the pace that it
    /// was seen to enforce.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.not_before.max(self.next_learned);
        due.filter(|at| *at > Instant::now())
    }

    /// How long the lane is to stay away from its server.
    pub(super) fn cooling(&self) -> Option<Duration> {
        self.not_before.map(|at| at.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Lets nothing pass for a while.
    pub(super) fn cool_down(&mut self, pause: Duration) {
        self.not_before = self.not_before.max(Some(Instant::now() + pause));
    }

    /// A request goes: the next one follows at the learned pace.
    pub(super) fn went(&mut self, age: Duration) {
        let now = Instant::now();
        let rate = self.learned_per_second(age);
        self.next_learned = rate.map(|rate| {
            let period = Duration::from_secs_f64(1.0 / rate.max(1e-3));
            // What a late timer has lost is made up for, but for no more than one turn.
            self.next_learned.map_or(now, |at| at.max(now.checked_sub(period).unwrap_or(now))) + period
        });
    }

    /// The pace that was learned, now that a request may go.
    fn learned_per_second(&mut self, age: Duration) -> Option<f64> {
        let before = self.learned.per_second(age);
        let learned_at = self.learned.learned_at();
        self.learned.learn(age);
        let now = self.learned.per_second(age);
        if self.learned.learned_at() != learned_at {
            self.learned_change = Some((before, now));
        }
        now
    }

    /// A reply came that was no 429.
    pub(super) fn let_through(&mut self, age: Duration) {
        self.learned.accepted(age);
        self.recent.add(false);
        self.pauses = 0;
    }

    /// A 429 came to a lane whose limit is fixed. Says whether most of the last replies were such.
    pub(super) fn is_burst_at(&mut self, limit: usize) -> bool {
        self.recent.add(true);
        self.recent.is_burst(limit)
    }

    /// A 429 came to a request that was admitted at a moment.
    pub(super) fn rate_limited(&mut self, admitted: Instant, age: Duration, refused: Refused429) {
        let Refused429 { is_burst, hint, random } = refused;
        if self.wall.is_some_and(|wall| admitted <= wall) {
            if is_burst {
                self.learned.is_burst();
            }
            return;
        }
        let mut pause = hint;
        if is_burst && hint.is_none() {
            let longest = FIRST_PAUSE * (1 << self.pauses.min(6));
            self.pauses += 1;
            pause = Some(longest.min(LONGEST_PAUSE).mul_f64(random));
        }
        if let Some(pause) = pause {
            self.cool_down(pause);
        }
        if pause.is_some() || self.learned.per_second(age).is_some() {
            self.wall = Some(Instant::now());
        }
        if self.pace.is_none() {
            self.learned.rate_limited(age, is_burst, pause);
        }
    }
}

/// A 429, as a lane sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused429 {
    /// Whether most of the last replies were such.
    pub(super) is_burst: bool,
    /// The pause that the server asks for.
    pub(super) hint: Option<Duration>,
    /// From 0 to 1.
    pub(super) random: f64,
}
