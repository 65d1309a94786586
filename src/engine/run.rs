//! A run from its first item to its last commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::now_ms;
use crate::gateway::Gateway;
use crate::input::Input;
use crate::model::Mode;
use crate::prompt::Prompt;
use crate::record::{Action, Recall, Recorder, Redactor, Source, decide};
use crate::store::{Durable, Lease, RunId, Scope, Store, StoreError, Writer, WriterOptions};

use super::bound::Bounds;
use super::intake::{Intake, IntakeOptions};
use super::item::Item;
use super::reachability::Reachability;
use super::retry::RetryPolicy;
use super::servers::Servers;
use super::worker::{Retrying, Shared, work};
use super::{Admission, AdmissionOptions, Bound, Event, ItemSettled, Monitor, Snapshot, Stop, StopReason};

/// How many batches of items may wait between intake and dispatch.
const INTAKE_BATCHES: usize = 4;
/// How many items are worked on at once beyond those in flight: they wait for their next attempt,
/// or for their commit.
const BACKLOG: usize = 64;
/// How many retries may wait to be told.
const RETRIES: usize = 64;
/// How often the monitor is told how it stands.
const TICK: Duration = Duration::from_millis(100);

/// How a run is carried out.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The job's name.
    pub job: String,
    /// Whether it replays, and whether it may send.
    pub mode: Mode,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// Rows to ask.
    pub rows: u64,
    /// Whether this run is going on.
    pub resumed: bool,
    /// The run whose recordings answer first.
    pub continues: Option<RunId>,
    /// Whether items that failed before are asked again.
    pub retry_failed: bool,
    /// What the gate holds to.
    pub admission: AdmissionOptions,
    /// How often an item is tried.
    pub retry: RetryPolicy,
    /// How long what is in flight is waited for when the run stops.
    pub drain: Duration,
}

/// What a run works with.
pub struct Gate {
    /// What answers; else why there is nothing to send with.
    pub gateway: Result<Arc<dyn Gateway>, String>,
    /// Strikes secrets.
    pub redactor: Arc<Redactor>,
    /// Read-only stores that are looked into beside the run's own.
    pub fixtures: Vec<Source>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Why it stopped before its end; `None` where it is complete.
    pub stopped: Option<StopReason>,
    /// What bounded its speed, with its share of the time in percent.
    pub bound: Option<(Bound, u64)>,
    /// How long this session took.
    pub elapsed: Duration,
    /// Items that ended in a defect of nightreel's: they are asked again next time.
    pub panicked: u64,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows cannot be read.
    #[error("{0}")]
    Intake(StopReason),
    /// The intake could not be started.
    #[error("cannot start the intake: {0}")]
    Thread(std::io::Error),
}

/// A run that has begun in the store.
pub struct Begun {
    /// Which one it is.
    pub run: RunId,
    /// The right to carry it out.
    pub lease: Lease,
    /// Where its rows come from.
    pub input: Input,
    /// What makes its requests.
    pub prompt: Arc<Prompt>,
}

/// Carries out a run that has begun in the store, and ends it there.
///
/// # Errors
/// Fails if the store cannot be read or written; what was committed stays.
pub async fn run(
    options: RunOptions,
    begun: Begun,
    store: &Store,
    gate: Gate,
    monitor: &mut dyn Monitor,
    stop: Stop,
) -> Result<Ended, RunError> {
    let started = Instant::now();
    let Begun { run, lease, input, prompt } = begun;
    let intake = intake(&options, run, (input, prompt), store, (&gate.redactor, gate.fixtures))?;
    let writer_options = WriterOptions { job: options.job.clone(), lease: lease.clone(), now_ms };
    let (writer, durable) = Writer::start(store, writer_options)?;
    let (retries_sender, retries) = mpsc::channel(RETRIES);
    let window = options.admission.in_flight + BACKLOG.max(options.admission.in_flight);
    let shared = Arc::new(Shared {
        run,
        run_started_at_ms: store.reader()?.run(run)?.begun.started_at_ms,
        mode: options.mode,
        gateway: gate.gateway,
        admission: Admission::new(options.admission),
        recorder: Recorder::new(writer.submit(), gate.redactor),
        policy: options.retry,
        stop: stop.clone(),
        reachability: Reachability::default(),
        retries: retries_sender,
        pausing: AtomicUsize::new(0),
    });
    let (bounds, panicked) = (Bounds::default(), 0);
    let tasks = JoinSet::new();
    let servers = Servers::default();
    let mut engine =
        Engine { window, drain: options.drain, tasks, durable, retries, bounds, servers, panicked, monitor, stop };
    engine.carry_out(shared, intake).await?;
    let (bound, panicked, stop) = (engine.bounds.most(), engine.panicked, engine.stop.clone());
    let written = engine.finish(writer).await;
    let stopped = match &written {
        Err(error) => Some(StopReason::Store(error.to_string())),
        Ok(()) => stop.reason().cloned(),
    };
    let state = if panicked > 0 { "incomplete" } else { stopped.as_ref().map_or("complete", StopReason::as_str) };
    let ended = store.end_run(run, state, now_ms()).and_then(|()| lease.release());
    written?;
    ended?;
    Ok(Ended { stopped, bound, elapsed: started.elapsed(), panicked })
}

fn intake(
    options: &RunOptions,
    run: RunId,
    (input, prompt): (Input, Arc<Prompt>),
    store: &Store,
    (redactor, fixtures): (&Arc<Redactor>, Vec<Source>),
) -> Result<Intake, RunError> {
    let recall = Recall::new(sources(options, run, store, fixtures)?)?;
    let earlier = options.resumed.then(|| store.reader()).transpose()?;
    let options = IntakeOptions {
        input,
        prompt,
        redactor: Arc::clone(redactor),
        run,
        rows: options.rows,
        retry_failed: options.retry_failed,
    };
    Intake::new(options, earlier, recall).map_err(RunError::Intake)
}

/// Where recordings are looked for: in the run's own store, then in the fixtures.
fn sources(options: &RunOptions, run: RunId, store: &Store, fixtures: Vec<Source>) -> Result<Vec<Source>, StoreError> {
    let preferred = if options.resumed { Some(run) } else { options.continues };
    let scope = Scope {
        preferred,
        others: decide(options.mode, true) == Action::Replay,
        simulated: (options.mode != Mode::Replay).then_some(options.simulated),
        answers_only: options.mode == Mode::Auto,
    };
    let own = Source { reader: store.reader()?, scope, own: true };
    let fixtures = if scope.others { fixtures } else { Vec::new() };
    Ok(std::iter::once(own).chain(fixtures).collect())
}

/// What owns a run's state while it goes on.
struct Engine<'a> {
    window: usize,
    drain: Duration,
    tasks: JoinSet<()>,
    durable: Durable<ItemSettled>,
    retries: mpsc::Receiver<Retrying>,
    bounds: Bounds,
    servers: Servers,
    panicked: u64,
    monitor: &'a mut dyn Monitor,
    stop: Stop,
}

impl Engine<'_> {
    /// Works on everything that the intake hands over.
    async fn carry_out(&mut self, shared: Arc<Shared>, intake: Intake) -> Result<(), RunError> {
        let (items_sender, items) = mpsc::channel(INTAKE_BATCHES);
        let stop = self.stop.clone();
        let intake = std::thread::Builder::new()
            .name("intake".to_owned())
            .spawn(move || intake.run(&items_sender, &stop))
            .map_err(RunError::Thread)?;
        self.dispatch(shared, items).await;
        if intake.join().is_err() {
            let defect = "the intake met a defect of nightreel's; please report it";
            self.stop.drain(StopReason::Input(defect.to_owned()));
        }
        Ok(())
    }

    /// Works on items until there are no more, or the run stops.
    async fn dispatch(&mut self, shared: Arc<Shared>, mut items: mpsc::Receiver<Vec<Item>>) {
        let mut batch = Vec::new().into_iter();
        let mut more = true;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while more || !self.tasks.is_empty() {
            while self.tasks.len() < self.window && !self.stop.is_draining() {
                let Some(item) = batch.next() else { break };
                self.tasks.spawn(work(Arc::clone(&shared), item));
            }
            let has_room = self.tasks.len() < self.window;
            tokio::select! {
                biased;
                () = self.stop.draining() => break,
                Some(durable) = self.durable.recv() => self.settled(durable),
                Some(end) = self.tasks.join_next(), if !self.tasks.is_empty() => self.joined(end),
                received = items.recv(), if more && has_room && batch.len() == 0 => match received {
                    Some(received) => batch = received.into_iter(),
                    None => more = false,
                },
                Some(retrying) = self.retries.recv() => self.retrying(&retrying),
                _ = ticks.tick() => self.tick(&shared, more && has_room && batch.len() == 0),
            }
        }
        // The intake may wait for room: it sees that nobody takes its items any more.
        drop(items);
        if self.stop.is_draining() {
            self.drain(&shared).await;
        }
    }

    /// Waits for what is in flight, up to a deadline or a second signal.
    async fn drain(&mut self, shared: &Shared) {
        let deadline = tokio::time::sleep(self.drain);
        tokio::pin!(deadline);
        let in_flight = shared.admission.in_flight();
        if let Some(reason) = self.stop.reason().filter(|_| in_flight > 0) {
            self.monitor.on(&Event::Stopping { reason, in_flight, deadline: self.drain });
        }
        let mut ticks = tokio::time::interval(TICK);
        let mut overdue = false;
        while !self.tasks.is_empty() {
            tokio::select! {
                // Those that are given up are kept too: they may be billed.
                () = &mut deadline, if !overdue => {
                    overdue = true;
                    self.stop.abort();
                }
                Some(end) = self.tasks.join_next() => self.joined(end),
                Some(durable) = self.durable.recv() => self.settled(durable),
                _ = ticks.tick() => self.tick(shared, false),
            }
        }
    }

    /// Waits until everything is on the disk.
    async fn finish(mut self, writer: Writer<ItemSettled>) -> Result<(), StoreError> {
        let finishing = tokio::task::spawn_blocking(move || writer.finish());
        while let Some(durable) = self.durable.recv().await {
            self.settled(durable);
        }
        finishing.await.unwrap_or(Err(StoreError::Stopped))
    }

    fn settled(&mut self, durable: std::io::Result<Vec<ItemSettled>>) {
        match durable {
            Ok(notes) => {
                if !notes.is_empty() {
                    self.monitor.on(&Event::Settled(&notes));
                }
                for warning in notes.iter().flat_map(|note| self.servers.add(note)) {
                    self.monitor.on(&Event::Warning(&warning));
                }
            }
            Err(error) => self.stop.drain(StopReason::Store(format!("the disk could not be synced: {error}"))),
        }
    }

    /// An item that was dropped when the run stopped is left for the next one, as one that panicked.
    fn joined(&mut self, end: Result<(), tokio::task::JoinError>) {
        if end.is_err_and(|error| error.is_panic()) {
            self.panicked += 1;
            self.monitor.on(&Event::Warning("an item met a defect of nightreel's; it is left for the next run"));
        }
    }

    fn retrying(&mut self, retrying: &Retrying) {
        self.monitor.on(&Event::Retrying {
            row_id: &retrying.row_id,
            class: retrying.class,
            message: &retrying.message,
            after: retrying.after,
        });
    }

    fn tick(&mut self, shared: &Shared, starved: bool) {
        let in_flight = shared.admission.in_flight();
        let pausing = shared.pausing.load(Ordering::Relaxed);
        let bound = match shared.admission.bound() {
            Some(bound) => bound,
            None if starved => Bound::Input,
            None if pausing > 0 => Bound::Gateway,
            None if self.tasks.len() > in_flight => Bound::Disk,
            None => Bound::InFlight,
        };
        self.bounds.add(bound);
        self.monitor.on(&Event::Tick(Snapshot {
            in_flight,
            in_flight_limit: shared.admission.limit(),
            waiting: self.tasks.len().saturating_sub(in_flight),
            bound: Some(bound),
        }));
    }
}
