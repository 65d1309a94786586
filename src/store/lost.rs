//! Requests that a process which has ended had in flight.

use rusqlite::{Connection, Row};

use super::{RunId, StoreError, lease};

/// Requests of a run that were in flight when the processes ended that had sent them: killed, or
/// with a store that could not be written any more. Nobody knows what came of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lost {
    /// How many there are.
    pub requests: u64,
    /// What they may have cost at worst, of those for which a budget knew it, in USD.
    pub worst_usd: f64,
    /// How many the others are.
    pub unpriced: u64,
    /// The processes, the first one first.
    pub processes: Vec<u32>,
}

/// What stands in the store of one process.
struct OfProcess {
    pid: u32,
    taken_at_ms: i64,
    requests: i64,
    worst_usd: f64,
    unpriced: i64,
}

impl Lost {
    /// Reads those of a run. What a live process has in flight is not lost; one of another machine
    /// counts as live until another one takes its lease.
    pub(super) fn read(connection: &Connection, run: RunId) -> Result<Self, StoreError> {
        let sql = "SELECT pid, taken_at_ms, requests, worst_cost_usd, unpriced FROM in_flight WHERE run = ?1 \
                   ORDER BY taken_at_ms, pid";
        let mut statement = connection.prepare_cached(sql)?;
        let processes: Vec<OfProcess> = statement.query_map([run.0], OfProcess::read)?.collect::<Result<_, _>>()?;
        let mut lost = Self::default();
        if processes.is_empty() {
            return Ok(lost);
        }
        let holder = lease::live_holder_of_run(connection, run)?;
        let is_live = |of: &OfProcess| {
            holder.as_ref().is_some_and(|holder| (holder.pid, holder.taken_at_ms) == (of.pid, of.taken_at_ms))
        };
        processes.iter().filter(|of| !is_live(of)).for_each(|of| lost.add(of));
        Ok(lost)
    }

    fn add(&mut self, of: &OfProcess) {
        self.requests += of.requests.unsigned_abs();
        self.worst_usd += of.worst_usd;
        self.unpriced += of.unpriced.unsigned_abs();
        self.processes.push(of.pid);
    }
}

impl OfProcess {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            pid: row.get(0)?,
            taken_at_ms: row.get(1)?,
            requests: row.get(2)?,
            worst_usd: row.get(3)?,
            unpriced: row.get(4)?,
        })
    }
}
