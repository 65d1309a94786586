//! Reading exchanges as they are: to make a fixture of them, or to write them down elsewhere.

use std::sync::Arc;

use crate::model::{Endpoint, Exchange, Request};

use super::column::{ATTEMPT, attempt, key, sql_limit};
use super::{ExchangeId, Items, Reader, StoreError};

/// A settled exchange of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptExchange {
    /// Which one it is.
    pub id: ExchangeId,
    /// What was asked, and what settled it.
    pub exchange: Exchange,
}

impl Reader {
    /// How many attempts of a run settled nothing: a retry followed, or nothing has yet.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn unsettling_attempts(&self, of: impl Into<Items>) -> Result<u64, StoreError> {
        let (first, end) = of.into().exchanges();
        let sql = "SELECT count(*) FROM attempt WHERE settling = 0 AND exchange_id >= ?1 AND exchange_id < ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let count: i64 = statement.query_row((first, end), |row| row.get(0))?;
        u64::try_from(count).map_err(|_| StoreError::Damaged("a count"))
    }

    /// Some settled exchanges of a run in input order, behind one of them. An empty list means that
    /// there are no more.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn exchanges(
        &mut self,
        of: impl Into<Items>,
        after: Option<ExchangeId>,
        limit: usize,
    ) -> Result<Vec<KeptExchange>, StoreError> {
        let (first, end) = of.into().exchanges();
        let first = after.map_or(first, |after| first.max(after.rowid() + 1));
        let sql = format!(
            "SELECT e.id, e.key, e.occurrence, endpoint.text, session.text, CASE WHEN i.id IS NULL THEN '' ELSE model.text END, \
             e.request, {ATTEMPT} \
             FROM exchange e JOIN attempt a ON a.id = e.attempt_id LEFT JOIN name endpoint ON endpoint.id = e.endpoint \
             LEFT JOIN name session ON session.id = e.session LEFT JOIN item i ON i.id = e.id >> 8 \
             LEFT JOIN name model ON model.id = i.model \
             WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((first, end, sql_limit(limit)))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let endpoint: String = row.get(3)?;
            let packed = row.get_ref(6)?.as_blob().map_err(|_| StoreError::Damaged("a request"))?;
            let body = self.unpacker.unpack(&self.connection, packed)?.into();
            let request = Request {
                endpoint: Endpoint::from_path(&endpoint).ok_or(StoreError::Damaged("an unknown endpoint"))?,
                model: row.get::<_, Arc<str>>(5)?,
                body,
                key: key(row, 1)?,
            };
            let exchange = Exchange {
                request,
                session: row.get(4)?,
                occurrence: row.get(2)?,
                attempt: attempt(row, 7, &self.connection, &mut self.unpacker)?,
            };
            found.push(KeptExchange { id: ExchangeId::from_rowid(row.get(0)?), exchange });
        }
        Ok(found)
    }
}
