//! What a budget counts more for requests whose cost nobody knows, since more has become known.

use rusqlite::Connection;

use super::{RunId, StoreError};

/// What a budget counts for requests of a run, besides what stands beside them: their price has proved
/// too low, or there was none when they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BudgetCorrection {
    /// So much, in USD.
    pub usd: f64,
    /// For how many requests nothing was counted before.
    pub requests: u64,
}

impl BudgetCorrection {
    /// Reads the sum of those of a run.
    pub(super) fn read(connection: &Connection, run: RunId) -> Result<Self, StoreError> {
        let sql = "SELECT total(usd), coalesce(sum(requests), 0) FROM budget_correction WHERE run = ?1";
        let read = connection.prepare_cached(sql)?.query_row([run.0], |row| {
            let requests: i64 = row.get(1)?;
            Ok(Self { usd: row.get(0)?, requests: requests.unsigned_abs() })
        })?;
        Ok(read)
    }

    /// Writes it, in a transaction of the caller's.
    pub(super) fn write(self, connection: &Connection, run: RunId) -> Result<(), StoreError> {
        let requests = i64::try_from(self.requests).unwrap_or(i64::MAX);
        let sql = "INSERT INTO budget_correction (run, usd, requests) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute((run.0, self.usd, requests))?;
        Ok(())
    }
}
