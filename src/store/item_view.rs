//! Items with all that was recorded of them.

use bytes::Bytes;

use crate::model::{Attempt, Endpoint, Key, Outcome};

use super::column::{ATTEMPT, attempt, key, outcome, sql_limit};
use super::{ExchangeId, ItemId, Items, Reader, RunId, StoreError};

/// A settled item with all that was recorded of it.
#[derive(Debug, Clone)]
pub struct ItemView {
    /// The item.
    pub item: ItemId,
    /// Its row's number, from 1.
    pub row_number: u32,
    /// Its row's id.
    pub row_id: String,
    /// Its row's fields, as a JSON object.
    pub fields: Bytes,
    /// The model that was asked.
    pub model: String,
    /// Which sample it is, from 0.
    pub sample: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// What settled each of its exchanges.
    pub steps: Vec<StepView>,
}

/// A settled exchange of an item.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Where it went.
    pub endpoint: Endpoint,
    /// The hash of its canonical request.
    pub key: Key,
    /// What settled it.
    pub attempt: Attempt,
}

/// One attempt of an item.
#[derive(Debug, Clone)]
pub struct AttemptView {
    /// The exchange of the item that it belongs to.
    pub exchange: ExchangeId,
    /// What it was sent for; `None` where it was copied from a fixture.
    pub origin: Option<AttemptOrigin>,
    /// Whether its exchange rests on it.
    pub settling: bool,
    /// The model that answered.
    pub served_model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// Whether a price says what it cost, since the reply does not.
    pub is_by_price: bool,
    /// Whether the price has proved too low that says what it cost, or by which a budget assumes it.
    pub is_underpriced: bool,
    /// What was sent and what came of it.
    pub attempt: Attempt,
}

/// What an attempt was sent for, in its item's run or in an earlier one of the same store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptOrigin {
    /// The exchange that it was sent for.
    pub exchange: ExchangeId,
    /// When that one's run began, in milliseconds since 1970-01-01 UTC.
    pub run_started_at_ms: i64,
}

/// Whether a price has proved too low that is all that is known of the cost of an attempt named `a`.
const UNDERPRICED: &str = "(coalesce(a.by_price, 0) OR (a.cost_usd IS NULL AND a.assumed_cost_usd IS NOT NULL)) AND \
                           EXISTS (SELECT 1 FROM budget_correction c JOIN item i ON i.model = c.model \
                           WHERE c.run = a.exchange_id >> 40 AND c.usd > 0 AND i.id = a.exchange_id >> 8)";

impl Reader {
    /// The settled items of a run whose row has an id, in input order.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn items_of_row(&self, run: RunId, row_id: &str) -> Result<Vec<ItemId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.id FROM input_row w JOIN item i ON i.id >= ?1 AND i.id < ?2 \
             AND i.row_number = (w.id & 0xffffffff) WHERE w.id >= ?1 AND w.id < ?2 AND w.row_id = ?3 ORDER BY i.id",
        )?;
        let (from, to) = Items::from(run).ids();
        let ids = statement
            .query_map((from, to, row_id), |row| Ok(ItemId::from_rowid(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// Some settled items of a run in input order, from a position on. An empty list means that
    /// there are no more.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn items(&mut self, of: impl Into<Items>, from: u32, limit: usize) -> Result<Vec<ItemView>, StoreError> {
        let mut items = self.bare_items(of.into(), from, limit)?;
        let (Some(first), Some(last)) = (items.first(), items.last()) else { return Ok(items) };
        let range = (first.item.exchange(0).rowid(), last.item.exchange(u8::MAX).rowid());
        // Outer joins: what points to nothing that is there is damage, and no item less.
        let sql = format!(
            "SELECT e.id, n.text, e.key, {ATTEMPT} FROM exchange e JOIN attempt a ON a.id = e.attempt_id \
             LEFT JOIN name n ON n.id = e.endpoint WHERE e.id >= ?1 AND e.id <= ?2 ORDER BY e.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(range)?;
        let mut index = 0;
        while let Some(row) = rows.next()? {
            let item = ExchangeId::from_rowid(row.get(0)?).item();
            while items.get(index).is_some_and(|candidate| candidate.item < item) {
                index += 1;
            }
            let Some(owner) = items.get_mut(index).filter(|candidate| candidate.item == item) else { continue };
            let endpoint: String = row.get(1)?;
            let endpoint = Endpoint::from_path(&endpoint).ok_or(StoreError::Damaged("an unknown endpoint"))?;
            let attempt = attempt(row, 3, &self.connection, &mut self.unpacker)?;
            owner.steps.push(StepView { endpoint, key: key(row, 2)?, attempt });
        }
        Ok(items)
    }

    fn bare_items(&mut self, of: Items, from: u32, limit: usize) -> Result<Vec<ItemView>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.id, i.row_number, w.row_id, w.fields, n.text, i.sample, i.outcome, i.error \
             FROM item i LEFT JOIN name n ON n.id = i.model \
             LEFT JOIN input_row w ON w.id = (i.id >> 32 << 32 | i.row_number) \
             WHERE i.id >= ?1 AND i.id < ?2 ORDER BY i.id LIMIT ?3",
        )?;
        let (_, to) = of.ids();
        let mut rows = statement.query((of.run.item(from).rowid(), to, sql_limit(limit)))?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            let fields = row.get_ref(3)?.as_blob().map_err(|_| StoreError::Damaged("a row without fields"))?;
            items.push(ItemView {
                item: ItemId::from_rowid(row.get(0)?),
                row_number: row.get(1)?,
                row_id: row.get(2)?,
                fields: self.unpacker.unpack(&self.connection, fields)?.into(),
                model: row.get(4)?,
                sample: row.get(5)?,
                outcome: outcome(row, 6)?.ok_or(StoreError::Damaged("an item without an outcome"))?,
                error: row.get(7)?,
                steps: Vec::new(),
            });
        }
        Ok(items)
    }

    /// Every attempt that was made for an item in its run, in the order they were recorded, and the
    /// one of an earlier run that it rests on.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn attempts(&mut self, item: ItemId) -> Result<Vec<AttemptView>, StoreError> {
        let sql = format!(
            "SELECT e.id, a.id IS e.attempt_id, CASE WHEN a.settling < 2 THEN a.exchange_id END, \
             (SELECT started_at_ms FROM run WHERE id = a.exchange_id >> 40), \
             (SELECT text FROM name WHERE id = a.served_model), (SELECT text FROM name WHERE id = a.provider), \
             coalesce(a.by_price, 0), {UNDERPRICED}, {ATTEMPT} FROM exchange e \
             JOIN attempt a ON a.id = e.attempt_id OR (a.settling = 0 AND a.exchange_id = e.id) \
             WHERE e.id >= ?1 AND e.id <= ?2 ORDER BY e.id, a.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((item.exchange(0).rowid(), item.exchange(u8::MAX).rowid()))?;
        let mut attempts = Vec::new();
        while let Some(row) = rows.next()? {
            let (exchange, run_started_at_ms): (Option<i64>, i64) = (row.get(2)?, row.get(3)?);
            let origin = exchange.map(|id| AttemptOrigin { exchange: ExchangeId::from_rowid(id), run_started_at_ms });
            let attempt = attempt(row, 8, &self.connection, &mut self.unpacker)?;
            attempts.push(AttemptView {
                exchange: ExchangeId::from_rowid(row.get(0)?),
                settling: row.get(1)?,
                // One that was copied, and that a retry has followed since, is older than the run.
                origin: origin.filter(|origin| attempt.sent_at_ms >= origin.run_started_at_ms),
                served_model: row.get(4)?,
                provider: row.get(5)?,
                is_by_price: row.get(6)?,
                is_underpriced: row.get(7)?,
                attempt,
            });
        }
        Ok(attempts)
    }
}
