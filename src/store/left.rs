//! Attempts after which their items were left for the next run.

use bytes::Bytes;

use crate::model::{Attempt, Endpoint};

use super::column::{ATTEMPT, attempt, sql_limit};
use super::{Items, Reader, StoreError};

/// An attempt that showed that no other request would fare better: its item is left for the next run.
#[derive(Debug, Clone)]
pub struct LeftAttempt {
    /// Where it went.
    pub endpoint: Endpoint,
    /// The body of its request.
    pub request: Bytes,
    /// What was sent and what came of it.
    pub attempt: Attempt,
}

impl Reader {
    /// The attempts of a run by which something was refused that no other request would be granted,
    /// as far as nothing has settled their exchanges since; so many of them, the last ones first.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn left_attempts(&mut self, of: impl Into<Items>, limit: usize) -> Result<Vec<LeftAttempt>, StoreError> {
        let (first, end) = of.into().exchanges();
        let sql = format!(
            "SELECT n.text, e.request, {ATTEMPT} FROM attempt a JOIN exchange e ON e.id = a.exchange_id \
             LEFT JOIN name n ON n.id = e.endpoint WHERE a.settling = 0 AND a.exchange_id >= ?1 AND a.exchange_id < ?2 \
             AND e.attempt_id IS NULL \
             AND a.class IN ('rejected', 'unauthorized', 'out_of_credit', 'quota_exhausted', 'misconfigured') \
             ORDER BY a.id DESC LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((first, end, sql_limit(limit)))?;
        let mut left = Vec::new();
        while let Some(row) = rows.next()? {
            let endpoint: String = row.get(0)?;
            let packed = row.get_ref(1)?.as_blob().map_err(|_| StoreError::Damaged("a request"))?;
            left.push(LeftAttempt {
                endpoint: Endpoint::from_path(&endpoint).ok_or(StoreError::Damaged("an unknown endpoint"))?,
                request: self.unpacker.unpack(&self.connection, packed)?.into(),
                attempt: attempt(row, 2, &self.connection, &mut self.unpacker)?,
            });
        }
        Ok(left)
    }
}
