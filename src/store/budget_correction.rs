//! What a budget counts more for requests whose cost nobody knows, since more has become known.

use std::sync::Arc;

use rusqlite::Connection;

use super::{RunId, StoreError};

/// What a budget counts for requests of a run, besides what stands beside them: their price has proved
/// too low, or there was none when they were sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BudgetCorrection {
    /// The model whose price has proved too low; `None` where it is known of no model.
    pub model: Option<Arc<str>>,
    /// So much, in USD.
    pub usd: f64,
    /// For how many requests nothing was counted before.
    pub requests: u64,
}

/// The sum of a run's corrections for one model, or for those of no known model.
pub(super) struct OfModel {
    /// The model's name in the store.
    pub(super) model: Option<i64>,
    pub(super) usd: f64,
    pub(super) requests: u64,
}

impl BudgetCorrection {
    /// Reads the sums of those of a run.
    pub(super) fn read(connection: &Connection, run: RunId) -> Result<Vec<OfModel>, StoreError> {
        let sql = "SELECT model, total(usd), coalesce(sum(requests), 0) FROM budget_correction WHERE run = ?1 \
                   GROUP BY model";
        let mut statement = connection.prepare_cached(sql)?;
        let read = statement.query_map([run.0], |row| {
            let requests: i64 = row.get(2)?;
            Ok(OfModel { model: row.get(0)?, usd: row.get(1)?, requests: requests.unsigned_abs() })
        })?;
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Writes it, in a transaction of the caller's; `model` is its model's name in the store.
    pub(super) fn write(&self, connection: &Connection, run: RunId, model: Option<i64>) -> Result<(), StoreError> {
        let requests = i64::try_from(self.requests).unwrap_or(i64::MAX);
        let sql = "INSERT INTO budget_correction (run, usd, requests, model) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute((run.0, self.usd, requests, model))?;
        Ok(())
    }
}
