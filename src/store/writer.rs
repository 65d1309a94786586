//! The one thread of a process that writes a store.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::in_flight::InFlight;
use super::inserter::Inserter;
use super::{ExchangeId, Lease, Record, RunId, Store, StoreError, lease, syncer};

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

/// Whose records are written.
#[derive(Debug)]
pub struct WriterOptions {
    /// The job: its dictionaries are used.
    pub job: String,
    /// The run whose requests in flight are told to the store; `None` where nobody tells of them.
    pub run: Option<RunId>,
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
    submit: Submit<N>,
    threads: Vec<JoinHandle<Result<(), StoreError>>>,
}

/// The notes of records that are on the disk.
pub type Durable<N> = mpsc::Receiver<io::Result<Vec<N>>>;

#[derive(Debug)]
struct Message<N> {
    /// `None`: the commit has to say what is in flight, and nothing else.
    record: Option<Record>,
    note: Option<N>,
    committed: oneshot::Sender<()>,
}

/// Sends records to the writer. It may be cloned.
#[derive(Debug)]
pub struct Submit<N> {
    queue: mpsc::Sender<Message<N>>,
    in_flight: Arc<InFlight>,
    problem: Problem,
}

/// What stopped the writer, as a text: the error itself is for [`Writer::finish`].
type Problem = Arc<OnceLock<String>>;

impl<N> Clone for Submit<N> {
    fn clone(&self) -> Self {
        let (queue, in_flight, problem) = (self.queue.clone(), Arc::clone(&self.in_flight), Arc::clone(&self.problem));
        Self { queue, in_flight, problem }
    }
}

impl<N> Submit<N> {
    /// Writes a record; returns when it is committed.
    ///
    /// # Errors
    /// Fails with [`StoreError::Stopped`] if the writer has met an error: [`Writer::finish`]
    /// gives it.
    pub async fn commit(&self, record: Record, note: Option<N>) -> Result<(), StoreError> {
        self.send(Some(record), note).await
    }

    /// Says that the request of an exchange is about to be sent, and what it may cost at worst, in
    /// USD, where that is known. Until its attempt is kept, every commit counts it among those in
    /// flight: should the process be killed, they count as [`Lost`](super::Lost).
    pub fn sending(&self, exchange: ExchangeId, worst_usd: Option<f64>) {
        self.in_flight.add(exchange, worst_usd);
    }

    /// Says that the request of an exchange was not sent after all, unless its attempt is kept.
    pub fn not_sent(&self, exchange: ExchangeId) {
        self.in_flight.remove(exchange);
    }

    /// Writes what is in flight; returns when it is committed.
    ///
    /// # Errors
    /// Fails with [`StoreError::Stopped`] if the writer has met an error.
    pub async fn mark(&self) -> Result<(), StoreError> {
        self.send(None, None).await
    }

    /// Has it written what is in flight, where the store does not say so yet.
    pub fn mark_soon(&self) {
        if !self.in_flight.is_marked() {
            let (committed, _nobody_waits) = oneshot::channel();
            // Where there is no room, commits are under way that say it.
            let _queued = self.queue.try_send(Message { record: None, note: None, committed });
        }
    }

    async fn send(&self, record: Option<Record>, note: Option<N>) -> Result<(), StoreError> {
        let (committed, done) = oneshot::channel();
        let message = Message { record, note, committed };
        self.queue.send(message).await.map_err(|_| StoreError::Stopped)?;
        done.await.map_err(|_| StoreError::Stopped)
    }

    /// What stopped the writer, where it has met an error: it is known when a commit fails.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.get().map(String::as_str)
    }
}

impl<N: Send + 'static> Writer<N> {
    /// Starts the threads. It must be called in a runtime: a task of it tells the submitters that
    /// their records are committed, so that a commit wakes the runtime once and not once a record.
    ///
    /// # Errors
    /// Fails if the store cannot be opened for writing.
    pub fn start(store: &Store, options: WriterOptions) -> Result<(Self, Durable<N>), StoreError> {
        let connection = store.writing()?;
        // The rows that matter are synced by the syncer, behind the commit.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        let mut loop_ = Loop::open(connection, options)?;
        let (in_flight, problem) = (Arc::clone(&loop_.in_flight), Arc::clone(&loop_.problem));
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
        Ok((Self { submit: Submit { queue, in_flight, problem }, threads }, durable))
    }

    /// A handle to submit records with.
    #[must_use]
    pub fn submit(&self) -> Submit<N> {
        self.submit.clone()
    }

    /// Waits until everything that was submitted is on the disk. Every [`Submit`] must be gone,
    /// and somebody must go on reading the durable notes.
    ///
    /// # Errors
    /// Fails with what stopped the writer.
    pub fn finish(self) -> Result<(), StoreError> {
        drop(self.submit);
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
    inserter: Inserter,
    run: Option<RunId>,
    in_flight: Arc<InFlight>,
    lease: Lease,
    renewed_at_ms: i64,
    now_ms: fn() -> i64,
    problem: Problem,
}

impl Loop {
    fn open(connection: Connection, options: WriterOptions) -> Result<Self, StoreError> {
        Ok(Self {
            inserter: Inserter::learning(connection, &options.job)?,
            run: options.run,
            in_flight: Arc::default(),
            lease: options.lease,
            renewed_at_ms: (options.now_ms)(),
            now_ms: options.now_ms,
            problem: Problem::default(),
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
            // Told before the submitters of this batch learn that they wait for nothing.
            self.commit(&batch).inspect_err(|error| _ = self.problem.set(error.to_string()))?;
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
        self.inserter.begin()?;
        let now_ms = (self.now_ms)();
        let records = || batch.iter().filter_map(|message| message.record.as_ref());
        let inserted = records().try_for_each(|record| self.inserter.insert(record, now_ms));
        let sent = records().filter_map(Record::sent);
        let written = inserted.and_then(|()| self.mark(sent)).and_then(|()| self.renew(now_ms));
        self.inserter.end(written)
    }

    /// Says what is in flight beyond what this commit keeps.
    fn mark(&self, kept: impl Iterator<Item = ExchangeId>) -> Result<(), StoreError> {
        let marked = self.run.zip(self.in_flight.next_mark(kept));
        marked.map_or(Ok(()), |(run, mark)| mark.write(self.inserter.connection(), run, &self.lease))
    }

    fn renew(&mut self, now_ms: i64) -> Result<(), StoreError> {
        if now_ms - self.renewed_at_ms >= RENEW_MS {
            self.renewed_at_ms = now_ms;
            lease::renew(self.inserter.connection(), self.lease.name(), now_ms)?;
        }
        Ok(())
    }
}
