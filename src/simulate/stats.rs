//! What a simulated gateway has seen and done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use super::answer::{Usage, usd};
use super::faults::Fault;

/// The lowest status that is counted.
const LOWEST: u16 = 100;
/// How many statuses are counted.
const STATUSES: usize = 500;

/// What a simulated gateway has seen and done since it started. Requests for these numbers
/// themselves are not counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// Answers that were paid for, those that never arrived whole among them.
    pub billed: u64,
    /// Tokens of the prompts that were paid for.
    pub prompt_tokens: u64,
    /// Tokens of the answers that were paid for.
    pub completion_tokens: u64,
    /// What all of it would have cost, in USD.
    pub cost_usd: f64,
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
    billed: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    nano_usd: AtomicU64,
}

impl Counters {
    pub(super) const fn new() -> Self {
        Self {
            connections: AtomicU64::new(0),
            failed_accepts: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            answered: [const { AtomicU64::new(0) }; STATUSES],
            in_flight: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
            faults: [const { AtomicU64::new(0) }; Fault::ALL.len()],
            billed: AtomicU64::new(0),
            prompt_tokens: AtomicU64::new(0),
            completion_tokens: AtomicU64::new(0),
            nano_usd: AtomicU64::new(0),
        }
    }

    pub(super) fn enter(&self) {
        self.requests.fetch_add(1, Relaxed);
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.peak_in_flight.fetch_max(in_flight, Relaxed);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    pub(super) fn answered(&self, status: u16) {
        let index = usize::from(status.saturating_sub(LOWEST));
        self.answered.get(index).expect("statuses have three digits and start with 5 at most").fetch_add(1, Relaxed);
    }

    pub(super) fn injected(&self, fault: Fault) {
        self.faults[fault as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn billed(&self, usage: &Usage) {
        self.billed.fetch_add(1, Relaxed);
        self.prompt_tokens.fetch_add(usage.prompt_tokens, Relaxed);
        self.completion_tokens.fetch_add(usage.completion_tokens, Relaxed);
        self.nano_usd.fetch_add(usage.nano_usd(), Relaxed);
    }

    pub(super) fn stats(&self, journal_error: Option<String>) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Relaxed);
        let statuses = (LOWEST..).zip(&self.answered).map(|(status, count)| (status, load(count)));
        let faults = Fault::ALL.into_iter().zip(&self.faults).map(|(fault, count)| (fault.as_str(), load(count)));
        Stats {
            connections: load(&self.connections),
            failed_accepts: load(&self.failed_accepts),
            requests: load(&self.requests),
            answered: statuses.filter(|(_, count)| *count > 0).collect(),
            in_flight: load(&self.in_flight),
            peak_in_flight: load(&self.peak_in_flight),
            faults: faults.filter(|(_, count)| *count > 0).collect(),
            billed: load(&self.billed),
            prompt_tokens: load(&self.prompt_tokens),
            completion_tokens: load(&self.completion_tokens),
            cost_usd: usd(load(&self.nano_usd)),
            journal_error,
        }
    }
}
