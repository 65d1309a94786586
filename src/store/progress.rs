//! How far the items of a run have come.

use crate::model::{Key, Outcome};

use super::column::{key, outcome, sql_limit};
use super::{ExchangeId, ItemId, Items, Reader, RunId, StoreError};

/// How far an item of a run has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The item.
    pub item: ItemId,
    /// What came of it; `None` while it is not settled.
    pub outcome: Option<Outcome>,
    /// Its exchanges by step.
    pub exchanges: Vec<ExchangeState>,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeState {
    /// The hash of its canonical request.
    pub key: Key,
    /// The how-manieth time the key was asked in its run, from 0.
    pub occurrence: u32,
    /// Whether an attempt has settled it.
    pub settled: bool,
    /// How many attempts it has had that count.
    pub attempts: u32,
}

impl Reader {
    /// How far the items of a run have come, in input order, from a position on: those that have an
    /// exchange. An empty list means that there are no more.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn progress(&self, run: RunId, from: u32, limit: usize) -> Result<Vec<Progress>, StoreError> {
        // No item has more than 256 exchanges: a limit above that always gets a whole one.
        let limit = limit.max(512);
        let rows_wanted = sql_limit(limit);
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, e.key, e.occurrence, e.attempt_id IS NOT NULL, i.outcome, \
             (SELECT count(*) FROM attempt a WHERE a.settling = 0 AND a.exchange_id = e.id \
              AND a.class NOT IN ('refused_stream', 'not_connected')) + (e.attempt_id IS NOT NULL) \
             FROM exchange e LEFT JOIN item i ON i.id = e.id >> 8 \
             WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3",
        )?;
        let (_, to) = Items::from(run).exchanges();
        let mut rows = statement.query((run.item(from).exchange(0).rowid(), to, rows_wanted))?;
        let (mut items, mut count) = (Vec::<Progress>::new(), 0);
        while let Some(row) = rows.next()? {
            count += 1;
            let item = ExchangeId::from_rowid(row.get(0)?).item();
            let state = ExchangeState {
                key: key(row, 1)?,
                occurrence: row.get(2)?,
                settled: row.get(3)?,
                attempts: row.get(5)?,
            };
            match items.last_mut().filter(|last| last.item == item) {
                Some(last) => last.exchanges.push(state),
                None => items.push(Progress { item, outcome: outcome(row, 4)?, exchanges: vec![state] }),
            }
        }
        if count == limit {
            // The last item may have more exchanges than were read.
            items.pop();
        }
        Ok(items)
    }
}
