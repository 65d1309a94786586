//! Reading a store: its runs.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};

use super::column::sql_limit;
use super::pack::Unpacker;
use super::places::Shared;
use super::recording::LateKeys;
use super::run::{self, Run};
use super::{ExchangeId, Holder, RunId, StoreError, lease};

/// Reads a store through a connection of its own.
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) unpacker: Unpacker,
    pub(super) late_keys: LateKeys,
    pub(super) shared: Shared,
}

impl Reader {
    pub(super) fn new(connection: Connection) -> Result<Self, StoreError> {
        Ok(Self { connection, unpacker: Unpacker::new()?, late_keys: LateKeys::Unwanted, shared: Shared::default() })
    }

    /// Holds so much of the store in memory, in KiB, in place of the little that one pass needs.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn keep_pages(&self, kib: i32) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "cache_size", -kib)?)
    }

    /// Reads one state of the store from now on, until [`Reader::let_go`]: to lock it for each
    /// statement costs more than many statements do. Nobody may begin to write it meanwhile.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn hold(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            self.connection.prepare_cached("BEGIN")?.execute([])?;
        }
        Ok(())
    }

    /// Lets others write the store, and sees from now on what they have written.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn let_go(&self) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>, StoreError> {
        run::runs(&self.connection)
    }

    /// One run.
    ///
    /// # Errors
    /// Fails with [`StoreError::NoRun`] if there is none of that id.
    pub fn run(&self, id: RunId) -> Result<Run, StoreError> {
        run::run(&self.connection, id)
    }

    /// The newest run of a job.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn latest_run(&self, job: &str, simulated: bool) -> Result<Option<Run>, StoreError> {
        run::latest(&self.connection, job, simulated)
    }

    /// Who runs a job now, or rehearses it; `None` where no live process does.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn holder(&self, job: &str, simulated: bool, now_ms: i64) -> Result<Option<Holder>, StoreError> {
        lease::live_holder(&self.connection, &lease::name_of(job, simulated), now_ms)
    }

    /// The raw body of an exchange's request.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn request(&mut self, exchange: ExchangeId) -> Result<Option<Bytes>, StoreError> {
        let packed: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT request FROM exchange WHERE id = ?1")?
            .query_row([exchange.rowid()], |row| row.get(0))
            .optional()?;
        packed.map(|packed| Ok(self.unpacker.unpack(&self.connection, &packed)?.into())).transpose()
    }

    /// The newest exchanges of a model that real runs sent and that were answered, each with the
    /// tokens that its reply counted in the prompt.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn answered_prompts(&self, model: &str, limit: usize) -> Result<Vec<(ExchangeId, u64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, a.prompt_tokens FROM run r \
             CROSS JOIN item i ON i.id >= r.id << 32 AND i.id < (r.id + 1) << 32 \
             CROSS JOIN exchange e ON e.id >= i.id << 8 AND e.id < (i.id + 1) << 8 \
             CROSS JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id \
             WHERE r.simulated = 0 AND +i.model = (SELECT id FROM name WHERE text = ?1) AND a.class = 'answered' \
             AND a.prompt_tokens > 0 ORDER BY r.id DESC, i.id DESC, e.id DESC LIMIT ?2",
        )?;
        let prompts = statement.query_map((model, sql_limit(limit)), |row| {
            Ok((ExchangeId::from_rowid(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(prompts.collect::<Result<_, _>>()?)
    }
}
