//! The run that what a server sends is kept in.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Upstream;
use crate::clock::now_ms;
use crate::model::Mode;
use crate::store::{
    Durable, ExchangeId, ItemId, Lease, NewRun, Record, RunId, Store, StoreError, Submit, Writer, WriterOptions,
};

/// How many servers may record into one store at once under one name.
const MOST_SERVERS: u32 = 1_000;

/// Why what was sent is not, or no longer, kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log of the store could not be brought to the disk.
    #[error("the store could not be synced: {0}")]
    Sync(#[from] io::Error),
    /// What was to be kept earlier could not be.
    #[error("{0}")]
    Earlier(String),
    /// The server has stopped.
    #[error("the server is stopping")]
    Ended,
}

/// The run that what a server sends is kept in. It begins with the first request that is sent, so
/// that a server which replays all of its life leaves no trace. Neither does one whose requests
/// reached nobody: its run is forgotten when it ends.
pub(super) struct Recording {
    store: Store,
    run: NewRun,
    state: Mutex<State>,
    /// How many exchanges are kept.
    kept: AtomicU32,
    /// The first thing that could not be kept.
    problem: OnceLock<String>,
    /// Why nothing could be sent, where that is over: it was for want of a place to keep it.
    refused: OnceLock<String>,
}

enum State {
    Waiting,
    Begun(Begun),
    Ended,
}

struct Begun {
    run: RunId,
    started_at_ms: i64,
    lease: Lease,
    writer: Writer<()>,
    /// Reads the notes of what is on the disk, of which there are none: their errors count.
    syncing: JoinHandle<io::Result<()>>,
    /// How many places were given, of which those stay empty whose requests reached nobody.
    given: u32,
}

/// A place of the run for one exchange.
pub(super) struct Place {
    pub(super) run: RunId,
    pub(super) run_started_at_ms: i64,
    /// Its position among those that were sent, by arrival, from 0.
    pub(super) position: u32,
    submit: Submit<()>,
}

impl Recording {
    pub(super) fn new(upstream: &Upstream, mode: Mode) -> Self {
        let run = NewRun {
            job: upstream.job.clone(),
            job_file: String::new(),
            job_identity: identity(&upstream.description),
            job_description: upstream.description.clone(),
            input: String::new(),
            input_hash: [0; 32],
            mode: mode.as_str().to_owned(),
            simulated: upstream.simulated,
            continues: None,
            row_count: 0,
            item_count: 0,
            started_at_ms: 0,
        };
        Self {
            store: upstream.store.clone(),
            run,
            state: Mutex::new(State::Waiting),
            kept: AtomicU32::new(0),
            problem: OnceLock::new(),
            refused: OnceLock::new(),
        }
    }

    /// The first thing that could not be kept, if there was one.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.get().map(String::as_str)
    }

    /// A place for an exchange that is about to be sent.
    ///
    /// # Errors
    /// Fails where it could not be kept: nothing must be sent then.
    pub(super) async fn place(&self) -> Result<Place, KeepError> {
        if let Some(problem) = self.problem() {
            return Err(KeepError::Earlier(problem.to_owned()));
        }
        let mut state = self.state.lock().await;
        if matches!(*state, State::Waiting) {
            let (store, run) = (self.store.clone(), NewRun { started_at_ms: now_ms(), ..self.run.clone() });
            let begun = spawn_blocking(move || Begun::new(&store, &run)).await;
            let begun = begun.map_err(|_| KeepError::Ended)?;
            *state = State::Begun(begun.inspect_err(|error| self.refuse(error))?);
        }
        let State::Begun(begun) = &mut *state else { return Err(KeepError::Ended) };
        let position = begun.given;
        begun.given += 1;
        let place =
            Place { run: begun.run, run_started_at_ms: begun.started_at_ms, position, submit: begun.writer.submit() };
        // What a killed server had in flight may have been paid for. Nobody waits for it to be said.
        place.submit.sending(place.exchange(), None);
        place.submit.mark_soon();
        Ok(place)
    }

    /// Remembers that a request was not sent, as it could not have been kept. The next one may be: a
    /// disk that is full has room again some day.
    fn refuse(&self, error: &StoreError) {
        // The first one counts.
        _ = self.refused.set(error.to_string());
    }

    /// Keeps an exchange in its place. Returns when that is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub(super) async fn keep(&self, place: Place, record: Record) -> Result<(), StoreError> {
        let kept = place.submit.commit(record, None).await;
        match &kept {
            Ok(()) => _ = self.kept.fetch_add(1, Ordering::Relaxed),
            // The first one counts.
            Err(error) => _ = self.problem.set(place.submit.problem().map_or_else(|| error.to_string(), str::to_owned)),
        }
        kept
    }

    /// Ends the run, once everything that was submitted is on the disk and every place is gone.
    ///
    /// # Errors
    /// Fails with what kept something from being written, or from being sent.
    pub(super) async fn finish(&self) -> Result<(), KeepError> {
        let state = std::mem::replace(&mut *self.state.lock().await, State::Ended);
        if let State::Begun(begun) = state {
            self.end(begun).await?;
        }
        self.refused.get().map_or(Ok(()), |refused| Err(KeepError::Earlier(refused.clone())))
    }

    async fn end(&self, begun: Begun) -> Result<(), KeepError> {
        let Begun { run, lease, writer, syncing, .. } = begun;
        let (store, kept) = (self.store.clone(), self.kept.load(Ordering::Relaxed).into());
        let ended = spawn_blocking(move || {
            let written = writer.finish();
            let ended = if written.is_ok() { "complete" } else { "store" };
            let told = match (&written, kept) {
                // All that was sent reached nobody: there is nothing that anybody would look for.
                (Ok(()), 0) => store.forget_empty_run(run),
                _ => store.resume_run(run, kept, kept).and_then(|()| store.end_run(run, ended, now_ms())),
            };
            written.and(told.and_then(|()| lease.release()))
        });
        let ended = ended.await.map_err(|_| KeepError::Ended)?;
        let synced = syncing.await.map_err(|_| KeepError::Ended)?;
        synced?;
        Ok(ended?)
    }
}

impl Begun {
    /// A run is begun when all but its writer is there, which is told of it; without one it is none.
    fn new(store: &Store, run: &NewRun) -> Result<Self, StoreError> {
        let (job, lease) = free_lease(store, run)?;
        let begun = Self::with(store, &NewRun { job, ..run.clone() }, &lease);
        if begun.is_err() {
            // What kept it from beginning is what counts.
            _ = lease.release();
        }
        begun
    }

    fn with(store: &Store, run: &NewRun, lease: &Lease) -> Result<Self, StoreError> {
        let (id, started_at_ms) = (store.begin_run(run)?, run.started_at_ms);
        let options = WriterOptions { job: run.job.clone(), run: Some(id), lease: lease.clone(), now_ms };
        let (writer, durable) = Writer::start(store, options).inspect_err(|_| _ = store.forget_empty_run(id))?;
        let syncing = tokio::spawn(sync(durable));
        Ok(Self { run: id, started_at_ms, lease: lease.clone(), writer, syncing, given: 0 })
    }
}

/// The lease of a server's job; where other servers record into the store, of the first name behind
/// theirs that is free: `serve`, `serve-2`, `serve-3`.
fn free_lease(store: &Store, run: &NewRun) -> Result<(String, Lease), StoreError> {
    let mut number = 1;
    loop {
        let name = if number == 1 { run.job.clone() } else { format!("{}-{number}", run.job) };
        match store.lease(&name, run.simulated, now_ms()) {
            Err(StoreError::Held { .. }) if number < MOST_SERVERS => number += 1,
            lease => return Ok((name, lease?)),
        }
    }
}

async fn sync(mut durable: Durable<()>) -> io::Result<()> {
    while let Some(synced) = durable.recv().await {
        synced?;
    }
    Ok(())
}

impl Place {
    /// The item that stands there.
    pub(super) fn item(&self) -> ItemId {
        self.run.item(self.position)
    }

    /// The exchange that it is for.
    pub(super) fn exchange(&self) -> ExchangeId {
        self.item().exchange(0)
    }
}

impl Drop for Place {
    /// What is not kept by now was not sent, or cannot be kept.
    fn drop(&mut self) {
        self.submit.not_sent(self.exchange());
        self.submit.mark_soon();
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("run", &self.run).field("problem", &self.problem).finish_non_exhaustive()
    }
}

/// What the keys of the run leave out, as its description says: whoever looks recordings up by other
/// rules finds them by that.
fn identity(description: &str) -> String {
    let described: Value = serde_json::from_str(description).unwrap_or_default();
    let rules = ["ignore", "normalise"].into_iter().filter_map(|name| Some((name, described["record"].get(name)?)));
    json!({ "record": rules.collect::<BTreeMap<_, _>>() }).to_string()
}
