//! The one thread of a process that writes a store.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot};

use crate::model::{Attempt, Reply};

use super::names::Names;
use super::pack::Packer;
use super::{
    ExchangeRecord, Facts, ItemRecord, Lease, Record, RowRecord, Settled, Store, StoreError, frame, lease,
    limit_change, syncer,
};

/// How many records may wait to be written.
const QUEUE: usize = 1024;
/// How many records go into one commit at most.
const COMMIT_RECORDS: usize = 512;
/// How many commits may wait to be synced.
const COMMITS: usize = 256;
/// The writer's page cache, in KiB.
const CACHE_KIB: i32 = 4 * 1024;
/// After how many pages the log is folded into the file: the last page of a table is written anew
/// with each commit, and folded once.
const CHECKPOINT_PAGES: i32 = 4096;
/// How many commits may wait to be acknowledged.
const ACKNOWLEDGED: usize = 64;
/// How many synced batches may wait to be reported.
const DURABLE: usize = 64;
/// How often the lease is renewed, in milliseconds.
const RENEW_MS: i64 = 5_000;

/// An attempt that a retry followed.
const NOT_SETTLING: i64 = 0;
/// An attempt of this run that its exchange rests on.
const SETTLING: i64 = 1;
/// An attempt of another store that its exchange rests on: nothing was sent.
const COPIED: i64 = 2;

/// Whose records are written.
#[derive(Debug)]
pub struct WriterOptions {
    /// The job: its dictionaries are used.
    pub job: String,
    /// The lease to renew.
    pub lease: Lease,
    /// The time now, in milliseconds since 1970-01-01 UTC.
    pub now_ms: fn() -> i64,
}

/// Writes records, and says when each is safe.
///
/// A record may carry a note. Notes come out of the channel that [`Writer::start`] gives, once
/// their records are on the disk.
#[derive(Debug)]
pub struct Writer<N> {
    queue: mpsc::Sender<Message<N>>,
    threads: Vec<JoinHandle<Result<(), StoreError>>>,
}

/// The notes of records that are on the disk.
pub type Durable<N> = mpsc::Receiver<io::Result<Vec<N>>>;

#[derive(Debug)]
struct Message<N> {
    record: Record,
    note: Option<N>,
    committed: oneshot::Sender<()>,
}

/// Sends records to the writer. It may be cloned.
#[derive(Debug)]
pub struct Submit<N> {
    queue: mpsc::Sender<Message<N>>,
}

impl<N> Clone for Submit<N> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<N> Submit<N> {
    /// Writes a record; returns when it is committed.
    ///
    /// # Errors
    /// Fails with [`StoreError::Stopped`] if the writer has met an error: [`Writer::finish`]
    /// gives it.
    pub async fn commit(&self, record: Record, note: Option<N>) -> Result<(), StoreError> {
        let (committed, done) = oneshot::channel();
        let message = Message { record, note, committed };
        self.queue.send(message).await.map_err(|_| StoreError::Stopped)?;
        done.await.map_err(|_| StoreError::Stopped)
    }
}

impl<N: Send + 'static> Writer<N> {
    /// Starts the threads. It must be called in a runtime: a task of it tells the submitters that
    /// their records are committed, so that a commit wakes the runtime once and not once a record.
    ///
    /// # Errors
    /// Fails if the store cannot be opened for writing.
    pub fn start(store: &Store, options: WriterOptions) -> Result<(Self, Durable<N>), StoreError> {
        let connection = store.connect()?;
        // The rows that matter are synced by the syncer, behind the commit.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        let mut loop_ = Loop::open(connection, options)?;
        let log = syncer::open_log(store.path())
            .map_err(|source| StoreError::Open { path: store.path().to_owned(), source })?;
        let (queue, records) = mpsc::channel(QUEUE);
        let (commits, committed) = sync_channel(COMMITS);
        let (durable_sender, durable) = mpsc::channel(DURABLE);
        let (acknowledge, acknowledged) = mpsc::channel(ACKNOWLEDGED);
        tokio::spawn(tell_committed(acknowledged));
        let sync = move || {
            syncer::run(&log, &committed, &durable_sender);
            Ok(())
        };
        let threads = vec![
            spawn("store-writer", move || loop_.run(records, &commits, &acknowledge))?,
            spawn("store-syncer", sync)?,
        ];
        Ok((Self { queue, threads }, durable))
    }

    /// A handle to submit records with.
    #[must_use]
    pub fn submit(&self) -> Submit<N> {
        Submit { queue: self.queue.clone() }
    }

    /// Waits until everything that was submitted is on the disk. Every [`Submit`] must be gone,
    /// and somebody must go on reading the durable notes.
    ///
    /// # Errors
    /// Fails with what stopped the writer.
    pub fn finish(self) -> Result<(), StoreError> {
        drop(self.queue);
        let mut result = Ok(());
        for thread in self.threads {
            let ended = thread.join().unwrap_or(Err(StoreError::Stopped));
            result = result.and(ended);
        }
        result
    }
}

fn spawn(
    name: &str,
    run: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Result<JoinHandle<Result<(), StoreError>>, StoreError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StoreError::Thread)
}

/// The submitters whose records one commit has made safe from a killed process.
type Committed = Vec<oneshot::Sender<()>>;

async fn tell_committed(mut commits: mpsc::Receiver<Committed>) {
    while let Some(submitters) = commits.recv().await {
        for submitter in submitters {
            // One that was aborted does not wait for its record; it is written all the same.
            let _gone = submitter.send(());
        }
    }
}

struct Loop {
    connection: Connection,
    rows: Packer,
    requests: Packer,
    replies: Packer,
    names: Names,
    scratch: Scratch,
    lease: Lease,
    renewed_at_ms: i64,
    now_ms: fn() -> i64,
}

#[derive(Default)]
struct Scratch {
    frame: Vec<u8>,
    packed: Vec<u8>,
}

impl Loop {
    fn open(connection: Connection, options: WriterOptions) -> Result<Self, StoreError> {
        Ok(Self {
            rows: Packer::load(&connection, "row", &options.job)?,
            requests: Packer::load(&connection, "request", &options.job)?,
            replies: Packer::load(&connection, "reply", &options.job)?,
            connection,
            names: Names::default(),
            scratch: Scratch::default(),
            lease: options.lease,
            renewed_at_ms: (options.now_ms)(),
            now_ms: options.now_ms,
        })
    }

    fn run<N>(
        &mut self,
        mut records: mpsc::Receiver<Message<N>>,
        commits: &SyncSender<Vec<N>>,
        acknowledge: &mpsc::Sender<Committed>,
    ) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(COMMIT_RECORDS);
        while records.blocking_recv_many(&mut batch, COMMIT_RECORDS) > 0 {
            self.commit(&batch)?;
            let (mut notes, mut submitters) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
            for message in batch.drain(..) {
                notes.extend(message.note);
                submitters.push(message.committed);
            }
            acknowledge.blocking_send(submitters).map_err(|_| StoreError::Stopped)?;
            commits.send(notes).map_err(|_| StoreError::Stopped)?;
        }
        Ok(())
    }

    fn commit<N>(&mut self, batch: &[Message<N>]) -> Result<(), StoreError> {
        begin(&self.connection)?;
        let written = batch.iter().try_for_each(|message| self.write(&message.record)).and_then(|()| self.renew());
        match written {
            Ok(()) => Ok(self.connection.execute_batch("COMMIT")?),
            Err(error) => {
                // SQLite may have rolled back by itself; the first error is the one that counts.
                let _already = self.connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    fn renew(&mut self) -> Result<(), StoreError> {
        let now_ms = (self.now_ms)();
        if now_ms - self.renewed_at_ms >= RENEW_MS {
            self.renewed_at_ms = now_ms;
            lease::renew(&self.connection, self.lease.name(), now_ms)?;
        }
        Ok(())
    }

    fn write(&mut self, record: &Record) -> Result<(), StoreError> {
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
                item.as_ref().map_or(Ok(()), |item| self.write_item(item))
            }
            Record::Item(item) => self.write_item(item),
            Record::LimitChange(change) => limit_change::write(&self.connection, &mut self.names, change),
        }
    }

    /// Writes an exchange, or what has become of one that is there: an attempt that it rested on
    /// before stays as one of its attempts. One that was copied was never sent, and stays a copy.
    fn write_exchange(&mut self, exchange: &Arc<ExchangeRecord>, attempt: Option<i64>) -> Result<(), StoreError> {
        let endpoint = self.names.id(&self.connection, exchange.endpoint.path())?;
        self.requests.pack(&self.connection, &exchange.request, &mut self.scratch.packed)?;
        let written = self
            .connection
            .prepare_cached(
                "INSERT INTO exchange (id, key, occurrence, endpoint, attempt_id, request) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING",
            )?
            .execute((
                exchange.id.rowid(),
                exchange.key.as_bytes(),
                exchange.occurrence,
                endpoint,
                attempt,
                &self.scratch.packed,
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
             finish_reason, reply, assumed_cost_usd) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
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
        statement.raw_execute()?;
        drop(statement);
        Ok(self.connection.last_insert_rowid())
    }

    fn write_item(&mut self, item: &ItemRecord) -> Result<(), StoreError> {
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
                (self.now_ms)(),
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

/// A deferred transaction that turns into a writing one may find the store locked at once, without
/// waiting: every one that writes is immediate.
fn begin(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
