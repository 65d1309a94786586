//! What became of a run's limits while it ran.

use std::sync::Arc;

use rusqlite::Connection;

use super::names::Names;
use super::{Reader, RunId, StoreError};

/// A limit of a run, or of one of its lanes, that changed while it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitChange {
    /// The run.
    pub run: RunId,
    /// The model whose lane it is; `None` is the whole run.
    pub lane: Option<Arc<str>>,
    /// When: milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Which limit.
    pub what: Limit,
    /// What it was before; `None` is no limit.
    pub was: Option<f64>,
    /// What it is now; `None` is no limit.
    pub now: Option<f64>,
    /// Why it changed, for people.
    pub reason: String,
}

/// The limits that change while a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// How many requests may be under way at once.
    InFlight,
    /// How many requests may be sent in a minute.
    RequestsPerMinute,
    /// How many tokens may be used in a minute.
    TokensPerMinute,
    /// What the run may cost, in USD.
    BudgetUsd,
    /// Whether nothing is sent at all: 1 where it is paused, 0 where it is not.
    Paused,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 5] =
        [Self::InFlight, Self::RequestsPerMinute, Self::TokensPerMinute, Self::BudgetUsd, Self::Paused];

    /// The name that a store and `show` use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::RequestsPerMinute => "requests_per_minute",
            Self::TokensPerMinute => "tokens_per_minute",
            Self::BudgetUsd => "budget_usd",
            Self::Paused => "paused",
        }
    }

    /// The limit that a name stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.as_str() == name)
    }
}

/// Writes a change.
pub(super) fn write(connection: &Connection, names: &mut Names, change: &LimitChange) -> Result<(), StoreError> {
    let lane = names.optional_id(connection, change.lane.as_deref())?;
    let (run, at_ms, what) = (change.run.0, change.at_ms, change.what.as_str());
    connection
        .prepare_cached(
            "INSERT INTO limit_change (run, lane, at_ms, what, was, now, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((run, lane, at_ms, what, change.was, change.now, &change.reason))?;
    Ok(())
}

impl Reader {
    /// What became of a run's limits, the first change first.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn limit_changes(&self, run: RunId) -> Result<Vec<LimitChange>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n.text, c.at_ms, c.what, c.was, c.now, c.reason FROM limit_change c \
             LEFT JOIN name n ON n.id = c.lane WHERE c.run = ?1 ORDER BY c.id",
        )?;
        let mut rows = statement.query([run.0])?;
        let mut changes = Vec::new();
        while let Some(row) = rows.next()? {
            let what = row.get_ref(2)?.as_str().map_err(|_| StoreError::Damaged("a limit"))?;
            changes.push(LimitChange {
                run,
                lane: row.get::<_, Option<Arc<str>>>(0)?,
                at_ms: row.get(1)?,
                what: Limit::from_name(what).ok_or(StoreError::Damaged("an unknown limit"))?,
                was: row.get(3)?,
                now: row.get(4)?,
                reason: row.get(5)?,
            });
        }
        Ok(changes)
    }
}
