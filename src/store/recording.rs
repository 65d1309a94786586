//! What was recorded: by its place in a run, or by its key.

use std::ops::Range;

use rusqlite::{Connection, Row};

use crate::model::{Attempt, Key};

use super::column::{ATTEMPT, STANDS, attempt, key};
use super::pack::Unpacker;
use super::{ExchangeId, Reader, RunId, StoreError};

/// Whether a reader finds the runs that never ended by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LateKeys {
    /// It does not.
    Unwanted,
    /// It will, once a key is looked for.
    Wanted,
    /// It does.
    Indexed,
}

/// The entries of the keys that begin with `?1`, with those of runs that never ended.
pub(super) const ALL_KEYS: &str = "(SELECT * FROM exchange_key WHERE key_prefix = ?1 \
                                   UNION SELECT * FROM temp.late_key WHERE key_prefix = ?1)";

/// Which recordings may stand in for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// A run whose recordings come first, whatever came of them.
    pub preferred: Option<RunId>,
    /// Whether other runs count at all.
    pub others: bool,
    /// Whether the other runs must be simulated, or must not be; `None` admits both.
    pub simulated: Option<bool>,
    /// Whether the other runs only lend answers, not failures.
    pub answers_only: bool,
}

/// An exchange that was recorded, with what settled it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Which exchange it is.
    pub exchange: ExchangeId,
    /// The row id of the attempt that settled it.
    pub attempt_id: i64,
    /// The hash of its canonical request.
    pub key: Key,
    /// The how-manieth time the key was asked in its run, from 0.
    pub occurrence: u32,
    /// What settled it.
    pub attempt: Attempt,
}

impl Reader {
    /// The settled exchanges of a run's items at some positions, in input order.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn recorded(&mut self, run: RunId, positions: Range<u32>) -> Result<Vec<Recorded>, StoreError> {
        let from = run.item(positions.start).exchange(0).rowid();
        let to = run.item(positions.end).exchange(0).rowid();
        let sql = format!(
            "SELECT e.id, e.attempt_id, e.key, e.occurrence, {ATTEMPT} \
             FROM exchange e JOIN attempt a ON a.id = e.attempt_id WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((from, to))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(recorded(row, &self.connection, &mut self.unpacker)?);
        }
        Ok(found)
    }

    /// The recording of a request by key and occurrence: of the preferred run where that has one,
    /// whatever came of it; else the newest that the scope admits.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn find(&mut self, key: &Key, occurrence: u32, scope: Scope) -> Result<Option<Recorded>, StoreError> {
        let keys = if self.has_late_keys()? { ALL_KEYS } else { "exchange_key" };
        let sql = format!(
            "SELECT e.id, e.attempt_id, e.key, e.occurrence, {ATTEMPT} \
             FROM {keys} k JOIN exchange e ON e.id = k.exchange_id JOIN attempt a ON a.id = e.attempt_id \
             JOIN run r ON r.id = e.id >> 40 \
             WHERE k.key_prefix = ?1 AND e.key = ?2 AND e.occurrence = ?3 \
             AND (r.id IS ?4 OR ?7 AND (?5 IS NULL OR r.simulated = ?5) AND (NOT ?6 OR a.class = 'answered')) \
             ORDER BY r.id IS ?4 DESC, e.id DESC LIMIT 1"
        );
        let preferred = scope.preferred.map(|run| run.0);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((
            key.prefix(),
            key.as_bytes(),
            occurrence,
            preferred,
            scope.simulated,
            scope.answers_only,
            scope.others,
        ))?;
        match rows.next()? {
            Some(row) => recorded(row, &self.connection, &mut self.unpacker).map(Some),
            None => Ok(None),
        }
    }

    /// Whether any run of the store can be searched by key.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn has_keys(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM exchange_key)";
        Ok(self.late_keys != LateKeys::Unwanted || self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Makes the runs that never ended findable by key for this reader, which may not write: when
    /// the first key is looked for, because most replays find all by place.
    pub fn search_late_keys(&mut self) {
        self.late_keys = LateKeys::Wanted;
    }

    /// Whether keys stand in [`ALL_KEYS`] that the store's own index has not.
    pub(super) fn has_late_keys(&mut self) -> Result<bool, StoreError> {
        if self.late_keys == LateKeys::Wanted {
            self.index_late_keys()?;
        }
        Ok(self.late_keys == LateKeys::Indexed)
    }

    /// Makes the runs that never ended findable by key for this reader, which may not write.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn index_late_keys(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM run WHERE keys_indexed = 0)";
        if !self.connection.query_row(sql, [], |row| row.get(0))? {
            self.late_keys = LateKeys::Unwanted;
            return Ok(());
        }
        // A table of the connection's own counts as writing.
        self.connection.pragma_update(None, "query_only", false)?;
        self.connection.execute_batch(&format!(
            "CREATE TEMP TABLE late_key (key_prefix BLOB, exchange_id INTEGER, key BLOB, attempt_id INTEGER, \
             occurrence INTEGER, session INTEGER, stands INTEGER, PRIMARY KEY (key_prefix, exchange_id)) WITHOUT ROWID; \
             INSERT INTO temp.late_key \
             SELECT substr(e.key, 1, 8), e.id, e.key, a.id, e.occurrence, e.session, {STANDS} \
             FROM run r JOIN exchange e ON e.id >= r.id << 40 AND e.id < (r.id + 1) << 40 \
             JOIN attempt a ON a.id = e.attempt_id WHERE r.keys_indexed = 0 ORDER BY 1, 2"
        ))?;
        self.connection.pragma_update(None, "query_only", true)?;
        self.late_keys = LateKeys::Indexed;
        Ok(())
    }
}

fn recorded(row: &Row<'_>, connection: &Connection, unpacker: &mut Unpacker) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        exchange: ExchangeId::from_rowid(row.get(0)?),
        attempt_id: row.get(1)?,
        key: key(row, 2)?,
        occurrence: row.get(3)?,
        attempt: attempt(row, 4, connection, unpacker)?,
    })
}
