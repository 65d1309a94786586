//! What a simulated gateway has seen and done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::answer::{Usage, usd};
use super::faults::Fault;
use super::ledger::{Bill, Fate, Ledger, ModelStats};
use super::limits::Limit;
use super::simulation::Arrival;

/// The lowest status that is counted.
const LOWEST: u16 = 100;
/// How many statuses are counted.
const STATUSES: usize = 500;

/// What a simulated gateway has seen and done since it started. Requests for these numbers
/// themselves are not counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that could not be accepted.
    pub failed_accepts: u64,
    /// Requests received.
    pub requests: u64,
    /// Requests answered, by status. Those that were reset or left hanging are in `faults` alone.
    pub answered: BTreeMap<u16, u64>,
    /// Requests that are being answered.
    pub in_flight: u64,
    /// The most requests that were being answered at one time.
    pub peak_in_flight: u64,
    /// Faults injected, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests that a limit refused, by its name.
    pub limited: BTreeMap<&'static str, u64>,
    /// Answers that were paid for, those that never arrived whole among them.
    pub billed: u64,
    /// Tokens of the prompts that were paid for.
    pub prompt_tokens: u64,
    /// Tokens of the answers that were paid for.
    pub completion_tokens: u64,
    /// What all of it would have cost, in USD.
    pub cost_usd: f64,
    /// The same, exact, in billionths of a USD.
    pub nano_usd: u64,
    /// Of the answers that were paid for: those whose last byte was handed to the connection.
    pub delivered: Bill,
    /// Those whose connection was closed or reset before their end.
    pub cut: Bill,
    /// Those whose end never came while the connection stayed open.
    pub hung: Bill,
    /// Those whose client left before their end.
    pub left: Bill,
    /// What each model was asked, a thousand of them at most.
    pub models: BTreeMap<String, ModelStats>,
    /// Why the journal is no longer written, where it is not.
    pub journal_error: Option<String>,
}

/// The numbers as they are counted.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) failed_accepts: AtomicU64,
    requests: AtomicU64,
    answered: [AtomicU64; STATUSES],
    in_flight: AtomicU64,
    peak_in_flight: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
    ledger: Mutex<Ledger>,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            connections: AtomicU64::new(0),
            failed_accepts: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            answered: [const { AtomicU64::new(0) }; STATUSES],
            in_flight: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
            faults: [const { AtomicU64::new(0) }; Fault::ALL.len()],
            ledger: Mutex::default(),
        }
    }

    /// Counts a request in.
    pub(super) fn enter(&self) -> Arrival {
        self.requests.fetch_add(1, Relaxed);
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.peak_in_flight.fetch_max(in_flight, Relaxed);
        Arrival { at: Instant::now(), in_flight }
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(super) fn answered(&self, status: u16) {
        let index = usize::from(status.saturating_sub(LOWEST));
        self.answered.get(index).expect("statuses have three digits and start with 5 at most").fetch_add(1, Relaxed);
    }

    pub(super) fn injected(&self, fault: Fault) {
        self.faults[fault as usize].fetch_add(1, Relaxed);
    }

    /// Counts a request for a model, and what is paid for it.
    pub(super) fn asked(&self, model: &str, billed: Option<&Usage>) {
        self.ledger(|ledger| ledger.asked(model, billed));
    }

    /// Counts what became of an answer that was paid for.
    pub(super) fn ended(&self, fate: Fate, usage: &Usage) {
        self.ledger(|ledger| ledger.ended(fate, usage));
    }

    /// Counts a request that a limit refused.
    pub(super) fn limited(&self, limit: Limit) {
        self.ledger(|ledger| ledger.refused(limit));
    }

    fn ledger<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        act(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stats(&self, journal_error: Option<String>) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Relaxed);
        let statuses = (LOWEST..).zip(&self.answered).map(|(status, count)| (status, load(count)));
        let faults = Fault::ALL.into_iter().zip(&self.faults).map(|(fault, count)| (fault.as_str(), load(count)));
        let ledger = self.ledger(|ledger| ledger.clone());
        Stats {
            connections: load(&self.connections),
            failed_accepts: load(&self.failed_accepts),
            requests: load(&self.requests),
            answered: statuses.filter(|(_, count)| *count > 0).collect(),
            in_flight: load(&self.in_flight),
            peak_in_flight: load(&self.peak_in_flight),
            faults: faults.filter(|(_, count)| *count > 0).collect(),
            limited: ledger.limited,
            billed: ledger.billed.answers,
            prompt_tokens: ledger.billed.prompt_tokens,
            completion_tokens: ledger.billed.completion_tokens,
            cost_usd: usd(ledger.billed.nano_usd),
            nano_usd: ledger.billed.nano_usd,
            delivered: ledger.delivered,
            cut: ledger.cut,
            hung: ledger.hung,
            left: ledger.left,
            models: ledger.models,
            journal_error,
        }
    }
}
