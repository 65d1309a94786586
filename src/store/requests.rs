//! Going through the requests that are recorded, one at a time: they may be large, and many.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use rusqlite::Row;

use crate::model::{Endpoint, Key};

use super::column::{STANDS, key};
use super::places::{KeptRequest, PlaceEntry};
use super::{ExchangeId, Reader, StoreError};

/// A recorded request as those see it who look for one that is like another: without what settled it,
/// which takes as long to read as all else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The session that it was recorded in, where there was one.
    pub session: Option<Arc<str>>,
    /// The how-manieth time its key was asked in its session or run, from 0.
    pub occurrence: u32,
    /// The key that it was recorded under.
    pub key: Key,
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// The model that was asked.
    pub model: Arc<str>,
    /// The body, as it is kept.
    pub body: Bytes,
}

static REQUESTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT e.id, e.session, e.occurrence, a.id, {STANDS}, e.key, e.endpoint, i.model, e.request, a.sent_at_ms \
         FROM exchange e CROSS JOIN attempt a ON a.id = e.attempt_id LEFT JOIN item i ON i.id = e.id >> 8 \
         WHERE e.id < ?1 ORDER BY e.id DESC"
    )
});

const SEEN: &str = "SELECT e.id, e.session, e.occurrence, e.key, e.endpoint, i.model, e.request \
                    FROM exchange e LEFT JOIN item i ON i.id = e.id >> 8 \
                    WHERE e.attempt_id IS NOT NULL ORDER BY e.id DESC";

/// What other programs have written there may be no JSON, or of another shape.
const STRUCK_AS: &str = "SELECT DISTINCT json_extract(rule.value, '$.with') AS word \
                         FROM run, json_each(CASE WHEN json_valid(run.job_description) THEN run.job_description \
                         ELSE '{}' END, '$.record.redact') AS rule \
                         WHERE CASE rule.type WHEN 'object' THEN json_type(rule.value, '$.with') END = 'text' \
                         ORDER BY word";

impl Reader {
    /// Visits the recorded requests of all runs, the newest first, until one is enough. One of them
    /// is in memory at a time.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn visit_requests(&mut self, mut visit: impl FnMut(KeptRequest) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.visit_before(i64::MAX, &mut visit)
    }

    /// Visits them without what settled them.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn see_requests(&mut self, mut visit: impl FnMut(SeenRequest) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(SEEN)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name = |shared: &mut super::places::Shared, id: Option<i64>| {
                id.map(|id| shared.name(&self.connection, id)).transpose()
            };
            let seen = SeenRequest {
                exchange: ExchangeId::from_rowid(row.get(0)?),
                session: name(&mut self.shared, row.get(1)?)?,
                occurrence: row.get(2)?,
                key: key(row, 3)?,
                endpoint: endpoint(&self.shared.name(&self.connection, row.get(4)?)?)?,
                model: name(&mut self.shared, row.get(5)?)?.unwrap_or_default(),
                body: self.unpacker.unpack(&self.connection, packed(row, 6)?)?.into(),
            };
            if visit(seen).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The endpoints and models that there are recordings of, in the whole store.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn recorded_kinds(&mut self) -> Result<Vec<(Endpoint, Arc<str>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT e.endpoint, i.model FROM exchange e LEFT JOIN item i ON i.id = e.id >> 8 \
             WHERE e.attempt_id IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        let mut kinds = Vec::new();
        while let Some(row) = rows.next()? {
            let model: Option<i64> = row.get(1)?;
            let model = model.map(|id| self.shared.name(&self.connection, id)).transpose()?;
            kinds.push((endpoint(&self.shared.name(&self.connection, row.get(0)?)?)?, model.unwrap_or_default()));
        }
        Ok(kinds)
    }

    /// Whether anything was recorded in a session that has a name.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn has_session(&self, name: &str) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM exchange e JOIN name n ON n.id = e.session \
             WHERE n.text = ?1 AND e.attempt_id IS NOT NULL)",
        )?;
        Ok(statement.query_row([name], |row| row.get(0))?)
    }

    /// What the rules of the runs that are kept here put in the place of what they struck, by name. A
    /// fixture that was made of a run has none: it tells nothing of the job.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn struck_as(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(STRUCK_AS)?;
        let words = statement.query_map([], |row| row.get(0))?;
        Ok(words.collect::<Result<_, _>>()?)
    }

    /// The request of an exchange.
    ///
    /// # Errors
    /// Fails if the store cannot be read, or has no such exchange.
    pub fn kept_request(&mut self, exchange: ExchangeId) -> Result<KeptRequest, StoreError> {
        let mut found = None;
        self.visit_before(exchange.rowid() + 1, &mut |request| {
            found = Some(request);
            ControlFlow::Break(())
        })?;
        found.filter(|found| found.place.exchange == exchange).ok_or(StoreError::Damaged("an exchange that is gone"))
    }

    fn visit_before(
        &mut self,
        before: i64,
        visit: &mut dyn FnMut(KeptRequest) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(&REQUESTS)?;
        let mut rows = statement.query([before])?;
        while let Some(row) = rows.next()? {
            let model: Option<i64> = row.get(7)?;
            let request = KeptRequest {
                place: self.shared.place(&self.connection, PlaceEntry::read(row)?)?,
                key: key(row, 5)?,
                endpoint: endpoint(&self.shared.name(&self.connection, row.get(6)?)?)?,
                model: model.map(|id| self.shared.name(&self.connection, id)).transpose()?.unwrap_or_default(),
                body: self.unpacker.unpack(&self.connection, packed(row, 8)?)?.into(),
                sent_at_ms: row.get(9)?,
            };
            if visit(request).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn endpoint(path: &str) -> Result<Endpoint, StoreError> {
    Endpoint::from_path(path).ok_or(StoreError::Damaged("an unknown endpoint"))
}

fn packed<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    row.get_ref(column)?.as_blob().map_err(|_| StoreError::Damaged("a request"))
}
