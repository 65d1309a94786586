//! Whether the gateway can be reached: a run without a network stops, it does not fail its items.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a run that was answered before waits for the network to come back.
const OUTAGE: Duration = Duration::from_mins(2);
/// How many connections in a row may fail before anything was ever answered.
const FIRST_TRIES: u32 = 3;

/// What is known of the way to the gateway.
#[derive(Debug, Default)]
pub(super) struct Reachability(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    replied: bool,
    answered: bool,
    lost_since: Option<Instant>,
}

impl Reachability {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server has replied.
    pub(super) fn replied(&self, answered: bool) {
        let mut state = self.state();
        state.replied = true;
        state.answered |= answered;
        state.lost_since = None;
    }

    /// Whether any request of this run was answered well.
    pub(super) fn has_answers(&self) -> bool {
        self.state().answered
    }

    /// A connection could not be made, the so-manieth in a row of its exchange. Says whether to give
    /// the run up.
    pub(super) fn not_connected(&self, in_a_row: u32) -> bool {
        let mut state = self.state();
        let since = *state.lost_since.get_or_insert_with(Instant::now);
        if state.replied { since.elapsed() >= OUTAGE } else { in_a_row >= FIRST_TRIES }
    }
}
