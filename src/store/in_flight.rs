//! Requests that were sent and whose outcome is not in the store yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{ExchangeId, Lease, RunId, StoreError};

/// The requests of a run that this process has sent and not kept the outcome of.
///
/// Each is added before it is sent, and taken off by the commit that keeps its outcome. That commit
/// writes the [`Mark`] of the others too, so that a process that is killed leaves behind how many
/// there were.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The worst that each may cost, in USD, where that is known.
    worst_usd: HashMap<ExchangeId, Option<f64>>,
    /// What the store was last told of them.
    marked: Mark,
}

/// How many requests are in flight, and what they may cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Mark {
    requests: usize,
    /// Of those whose worst case is known, in USD.
    worst_usd: f64,
    /// The others.
    unpriced: usize,
}

impl InFlight {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request that is about to be sent.
    pub(super) fn add(&self, exchange: ExchangeId, worst_usd: Option<f64>) {
        self.state().worst_usd.insert(exchange, worst_usd);
    }

    /// Takes off a request that was not sent after all, if it is still there.
    pub(super) fn remove(&self, exchange: ExchangeId) {
        self.state().worst_usd.remove(&exchange);
    }

    /// Whether the store has been told how it stands.
    pub(super) fn is_marked(&self) -> bool {
        let state = self.state();
        state.mark() == state.marked
    }

    /// Takes off those whose outcome the next commit keeps; gives what it has to tell of the rest,
    /// where that has changed.
    pub(super) fn next_mark(&self, kept: impl IntoIterator<Item = ExchangeId>) -> Option<Mark> {
        let mut state = self.state();
        for exchange in kept {
            state.worst_usd.remove(&exchange);
        }
        let mark = state.mark();
        let was = std::mem::replace(&mut state.marked, mark);
        (was != mark).then_some(mark)
    }
}

impl State {
    fn mark(&self) -> Mark {
        let known = self.worst_usd.values().flatten();
        let (priced, worst_usd) = known.fold((0, 0.0), |(priced, sum), worst_usd| (priced + 1, sum + worst_usd));
        let requests = self.worst_usd.len();
        Mark { requests, worst_usd, unpriced: requests - priced }
    }
}

impl Mark {
    /// Writes what the holder of a lease has in flight, in a transaction of the caller's.
    pub(super) fn write(self, connection: &Connection, run: RunId, lease: &Lease) -> Result<(), StoreError> {
        let (pid, taken_at_ms) = lease.holder();
        if self.requests == 0 {
            let sql = "DELETE FROM in_flight WHERE run = ?1 AND taken_at_ms = ?2 AND pid = ?3";
            connection.prepare_cached(sql)?.execute((run.0, taken_at_ms, pid))?;
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO in_flight (run, taken_at_ms, pid, requests, worst_cost_usd, unpriced) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        connection.prepare_cached(sql)?.execute((
            run.0,
            taken_at_ms,
            pid,
            count(self.requests),
            self.worst_usd,
            count(self.unpriced),
        ))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_flight_is_what_was_added_and_not_kept() {
        let in_flight = InFlight::default();
        let exchange = |position| RunId(1).item(position).exchange(0);
        assert_eq!((in_flight.is_marked(), in_flight.next_mark([])), (true, None));
        for (position, worst_usd) in [(0, Some(0.5)), (1, None), (2, Some(0.25))] {
            in_flight.add(exchange(position), worst_usd);
        }
        assert!(!in_flight.is_marked());
        let mark = |requests, worst_usd, unpriced| Some(Mark { requests, worst_usd, unpriced });
        assert_eq!(in_flight.next_mark([]), mark(3, 0.75, 1));
        assert_eq!((in_flight.is_marked(), in_flight.next_mark([])), (true, None));
        assert_eq!(in_flight.next_mark([exchange(0), exchange(7)]), mark(2, 0.25, 1));
        in_flight.remove(exchange(1));
        in_flight.remove(exchange(7));
        assert_eq!(in_flight.next_mark([]), mark(1, 0.25, 0));
        assert_eq!(in_flight.next_mark([exchange(2)]), mark(0, 0.0, 0));
    }
}
