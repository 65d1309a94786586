//! What a record becomes in the tables.

use rusqlite::{Connection, OptionalExtension};

use crate::model::{Attempt, Class, Reply};

use super::names::Names;
use super::pack::Packer;
use super::{ExchangeRecord, Facts, ItemRecord, Record, RowRecord, Settled, StoreError, frame, limit_change};

/// An attempt that a retry followed.
const NOT_SETTLING: i64 = 0;
/// An attempt of this run that its exchange rests on.
const SETTLING: i64 = 1;
/// An attempt of another store that its exchange rests on: nothing was sent.
const COPIED: i64 = 2;

/// Inserts records through a connection, in transactions of its owner's.
pub(super) struct Inserter {
    connection: Connection,
    rows: Packer,
    requests: Packer,
    replies: Packer,
    names: Names,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    frame: Vec<u8>,
    packed: Vec<u8>,
}

impl Inserter {
    /// One that compresses bodies, and learns dictionaries for those of a job.
    pub(super) fn learning(connection: Connection, job: &str) -> Result<Self, StoreError> {
        let rows = Packer::load(&connection, "row", job)?;
        let requests = Packer::load(&connection, "request", job)?;
        let replies = Packer::load(&connection, "reply", job)?;
        Ok(Self::with(connection, rows, requests, replies))
    }

    /// One that leaves bodies as they are, so that the same bodies are the same bytes for ever,
    /// whatever a later compressor would make of them.
    pub(super) fn plain(connection: Connection) -> Self {
        Self::with(connection, Packer::plain(), Packer::plain(), Packer::plain())
    }

    fn with(connection: Connection, rows: Packer, requests: Packer, replies: Packer) -> Self {
        Self { connection, rows, requests, replies, names: Names::default(), scratch: Scratch::default() }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Gives the connection back.
    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Begins a transaction. A deferred one that turns into a writing one may find the store locked
    /// at once, without waiting: every one that writes is immediate.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }

    /// Commits what was written, or takes it back.
    pub(super) fn end<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        match written {
            Ok(written) => {
                self.connection.execute_batch("COMMIT")?;
                Ok(written)
            }
            Err(error) => {
                // SQLite may have rolled back by itself; the first error is the one that counts.
                let _already = self.connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    /// Inserts a record; `now_ms` is when an item of it counts as settled.
    pub(super) fn insert(&mut self, record: &Record, now_ms: i64) -> Result<(), StoreError> {
        match record {
            Record::Attempt(exchange, attempt, facts) => {
                self.write_exchange(exchange, None)?;
                self.write_attempt(exchange, attempt, facts, NOT_SETTLING).map(drop)
            }
            Record::Settled(exchange, settled, item) => {
                let attempt = match settled {
                    Settled::Sent(attempt, facts) => self.write_attempt(exchange, attempt, facts, SETTLING)?,
                    Settled::Copied(attempt, facts) => self.write_attempt(exchange, attempt, facts, COPIED)?,
                    Settled::Kept => self.settle_last_attempt(exchange)?,
                    Settled::Replayed(attempt) => *attempt,
                };
                self.write_exchange(exchange, Some(attempt))?;
                item.as_ref().map_or(Ok(()), |item| self.write_item(item, now_ms))
            }
            Record::Item(item) => self.write_item(item, now_ms),
            Record::LimitChange(change) => limit_change::write(&self.connection, &mut self.names, change),
            Record::BudgetCorrection(run, correction) => {
                let model = self.names.optional_id(&self.connection, correction.model.as_deref())?;
                correction.write(&self.connection, *run, model)
            }
        }
    }

    /// Writes an exchange, or what has become of one that is there: an attempt that it rested on
    /// before stays as one of its attempts. One that was copied was never sent, and stays a copy.
    fn write_exchange(&mut self, exchange: &ExchangeRecord, attempt: Option<i64>) -> Result<(), StoreError> {
        let endpoint = self.names.id(&self.connection, exchange.endpoint.path())?;
        let session = self.names.optional_id(&self.connection, exchange.session.as_deref())?;
        self.requests.pack(&self.connection, &exchange.request, &mut self.scratch.packed)?;
        let written = self
            .connection
            .prepare_cached(
                "INSERT INTO exchange (id, key, occurrence, endpoint, attempt_id, request, session) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
            )?
            .execute((
                exchange.id.rowid(),
                exchange.key.as_bytes(),
                exchange.occurrence,
                endpoint,
                attempt,
                &self.scratch.packed,
                session,
            ))?;
        if written == 0 {
            self.connection
                .prepare_cached(
                    "UPDATE attempt SET settling = 0 WHERE exchange_id = ?1 AND settling = 1 AND id = \
                     (SELECT attempt_id FROM exchange WHERE id = ?1) AND id IS NOT ?2",
                )?
                .execute((exchange.id.rowid(), attempt))?;
            self.connection
                .prepare_cached("UPDATE exchange SET attempt_id = ?2 WHERE id = ?1")?
                .execute((exchange.id.rowid(), attempt))?;
        }
        Ok(())
    }

    /// Lets an exchange rest on the last attempt that settled nothing.
    fn settle_last_attempt(&mut self, exchange: &ExchangeRecord) -> Result<i64, StoreError> {
        let settled = self
            .connection
            .prepare_cached(
                "UPDATE attempt SET settling = ?2 WHERE id = \
                 (SELECT max(id) FROM attempt WHERE exchange_id = ?1 AND settling = 0) RETURNING id",
            )?
            .query_row((exchange.id.rowid(), SETTLING), |row| row.get(0))
            .optional()?;
        settled.ok_or(StoreError::Damaged("an exchange without the attempt that it rests on"))
    }

    fn write_attempt(
        &mut self,
        exchange: &ExchangeRecord,
        attempt: &Attempt,
        facts: &Facts,
        settling: i64,
    ) -> Result<i64, StoreError> {
        let served_model = self.names.optional_id(&self.connection, facts.served_model.as_deref())?;
        let provider = self.names.optional_id(&self.connection, facts.provider.as_deref())?;
        let finish_reason = self.names.optional_id(&self.connection, facts.finish_reason.as_deref())?;
        frame::write(&attempt.reply, &mut self.scratch.frame);
        self.replies.pack(&self.connection, &self.scratch.frame, &mut self.scratch.packed)?;
        let reply = attempt.reply.as_ref();
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO attempt (exchange_id, settling, number, sent_at_ms, queued_us, first_byte_us, total_us, \
             class, status, ended, prompt_tokens, completion_tokens, cost_usd, served_model, provider, \
             finish_reason, reply, assumed_cost_usd, by_price) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?;
        statement.raw_bind_parameter(1, exchange.id.rowid())?;
        statement.raw_bind_parameter(2, settling)?;
        statement.raw_bind_parameter(3, attempt.number)?;
        statement.raw_bind_parameter(4, attempt.sent_at_ms)?;
        statement.raw_bind_parameter(5, signed(attempt.timing.queued_us))?;
        statement.raw_bind_parameter(6, signed(attempt.timing.first_byte_us))?;
        statement.raw_bind_parameter(7, signed(attempt.timing.total_us))?;
        statement.raw_bind_parameter(8, attempt.class.as_str())?;
        statement.raw_bind_parameter(9, reply.ok().map(|reply: &Reply| reply.status))?;
        statement.raw_bind_parameter(10, reply.map_or_else(|fault| fault.kind.as_str(), |reply| reply.end.as_str()))?;
        statement.raw_bind_parameter(11, facts.prompt_tokens.map(signed))?;
        statement.raw_bind_parameter(12, facts.completion_tokens.map(signed))?;
        statement.raw_bind_parameter(13, attempt.cost_usd)?;
        statement.raw_bind_parameter(14, served_model)?;
        statement.raw_bind_parameter(15, provider)?;
        statement.raw_bind_parameter(16, finish_reason)?;
        statement.raw_bind_parameter(17, &self.scratch.packed)?;
        statement.raw_bind_parameter(18, attempt.assumed_cost_usd)?;
        statement.raw_bind_parameter(19, is_by_price(attempt, facts).then_some(1))?;
        statement.raw_execute()?;
        drop(statement);
        Ok(self.connection.last_insert_rowid())
    }

    fn write_item(&mut self, item: &ItemRecord, settled_at_ms: i64) -> Result<(), StoreError> {
        self.write_row(item, &item.row)?;
        let model = self.names.id(&self.connection, &item.model)?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO item (id, row_number, model, sample, outcome, error, settled_at_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                item.id.rowid(),
                item.row.number,
                model,
                item.sample,
                item.outcome.as_str(),
                &item.error,
                settled_at_ms,
            ))?;
        Ok(())
    }

    /// Writes an item's row, unless another item of it has done so.
    fn write_row(&mut self, item: &ItemRecord, row: &RowRecord) -> Result<(), StoreError> {
        let id = item.id.run().row(row.number);
        let there = self
            .connection
            .prepare_cached("SELECT 1 FROM input_row WHERE id = ?1")?
            .query_row([id], |_| Ok(()))
            .optional()?;
        if there.is_some() {
            return Ok(());
        }
        self.rows.pack(&self.connection, &row.fields, &mut self.scratch.packed)?;
        self.connection
            .prepare_cached("INSERT INTO input_row (id, row_id, line, fields) VALUES (?1, ?2, ?3, ?4)")?
            .execute((id, &row.id, signed(row.line), &self.scratch.packed))?;
        Ok(())
    }
}

/// Whether what an attempt cost is said by a price table. Nobody has to: a cache's answer is free.
fn is_by_price(attempt: &Attempt, facts: &Facts) -> bool {
    let is_from_cache = attempt.reply.as_ref().is_ok_and(Reply::is_from_cache);
    attempt.class == Class::Answered && attempt.cost_usd.is_some() && !facts.tells_cost && !is_from_cache
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
