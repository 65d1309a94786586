//! What a gate holds to.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::LaneOptions;
use crate::job::InFlight;
use crate::store::{ByPrice, Dearest};

/// What the gate holds to, over all models.
#[derive(Clone)]
pub struct AdmissionOptions {
    /// Requests in flight: sent, and not yet committed to the store.
    pub in_flight: InFlight,
    /// The most that may be in flight where nobody says how many.
    pub most_in_flight: usize,
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens a minute, of prompts and answers.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Requests a day, from midnight UTC.
    pub requests_per_day: Option<NonZeroU32>,
    /// What may be spent.
    pub budget: Option<BudgetOptions>,
    /// What some models hold to beside that.
    pub lanes: Vec<(Arc<str>, LaneOptions)>,
    /// The time, in milliseconds since 1970-01-01 UTC.
    pub now_ms: fn() -> i64,
}

/// What a run may spend, in USD.
#[derive(Clone)]
pub struct BudgetOptions {
    /// What may be spent in all.
    pub cap_usd: f64,
    /// What the run has spent in earlier sessions.
    pub spent_usd: f64,
    /// What of it is counted for attempts whose cost nobody knows.
    pub assumed_usd: f64,
    /// How many attempts that is counted for.
    pub assumed: u64,
    /// What of the spent is counted by prices, or assumed, for attempts of some models.
    pub by_price: Vec<ByPrice>,
    /// Attempts of earlier sessions whose cost nobody knows, and for which nothing is counted.
    pub unpriced: u64,
    /// How many models the run asks, as far as its job says.
    pub models: usize,
    /// What earlier answers of some models tell of their cost.
    pub dearest: Vec<Dearest>,
    /// The models of which an answer of an earlier session did not say what it cost.
    pub cost_unknown: Vec<String>,
    /// The worst that a request may cost: by its model, the tokens of its prompt at worst, and the
    /// most that its answer may have. `None` where no price is known.
    pub worst_case: WorstCase,
}

impl BudgetOptions {
    /// A budget of which nothing is spent, for models of which nothing is known.
    #[must_use]
    pub fn new(cap_usd: f64) -> Self {
        Self {
            cap_usd,
            spent_usd: 0.0,
            assumed_usd: 0.0,
            assumed: 0,
            by_price: Vec::new(),
            unpriced: 0,
            models: 1,
            dearest: Vec::new(),
            cost_unknown: Vec::new(),
            worst_case: Arc::new(|_, _, _| None),
        }
    }
}

/// What a request may cost at worst, in USD: by model, prompt tokens, and the answer's most tokens.
pub type WorstCase = Arc<dyn Fn(&str, u64, Option<u64>) -> Option<f64> + Send + Sync>;

impl AdmissionOptions {
    /// So many in flight and nothing else.
    #[must_use]
    pub fn in_flight(in_flight: InFlight) -> Self {
        Self {
            in_flight,
            most_in_flight: InFlight::AUTO_MOST,
            requests_per_minute: None,
            tokens_per_minute: None,
            requests_per_day: None,
            budget: None,
            lanes: Vec::new(),
            now_ms: crate::clock::now_ms,
        }
    }
}

impl AdmissionOptions {
    /// How many places the run has, where so many requests may be in flight.
    pub(super) fn places(&self, in_flight: InFlight) -> usize {
        match in_flight {
            InFlight::Fixed(_) => in_flight.limit(),
            InFlight::Auto => self.most_in_flight,
        }
    }
}

impl fmt::Debug for AdmissionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionOptions")
            .field("in_flight", &self.in_flight)
            .field("most_in_flight", &self.most_in_flight)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("tokens_per_minute", &self.tokens_per_minute)
            .field("requests_per_day", &self.requests_per_day)
            .field("budget_usd", &self.budget.as_ref().map(|budget| budget.cap_usd))
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}
