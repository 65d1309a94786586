//! The task that owns a run's state while it goes on.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::now_ms;
use crate::store::{Durable, StoreError, Writer};

use super::bound::Bounds;
use super::control::{Controller, Obeyed, Order, Stand};
use super::days::Days;
use super::intake::Intake;
use super::item::Item;
use super::outlet::NewLane;
use super::run::RunError;
use super::servers::Servers;
use super::worker::{News, Shared, work};
use super::{Admission, Bound, Change, Event, ItemSettled, Monitor, Snapshot, Stop, StopReason};

/// How many models may wait to be taken up.
const NEW_LANES: usize = 4;
/// How many items of a model are worked on at once beyond those in flight: they wait for their
/// turn, or for their commit.
const BACKLOG: usize = 64;
/// How many items of a model may wait for their next attempt beside those.
const MOST_PAUSING: usize = 1_000;
/// How often the monitor is told how it stands.
const TICK: Duration = Duration::from_millis(100);

/// What tells the run of what has happened.
pub(super) struct Sources {
    /// Items that are on the disk.
    pub(super) durable: Durable<ItemSettled>,
    /// What workers have to tell.
    pub(super) news: mpsc::Receiver<News>,
    /// Requests of this day.
    pub(super) days: Days,
    /// What is asked of the run.
    pub(super) controller: Controller,
}

/// What owns a run's state while it goes on.
pub(super) struct Dispatch<'a> {
    lanes: Vec<Lane>,
    new_lanes: Option<mpsc::Receiver<NewLane>>,
    /// The lane that is looked at first: each in turn.
    first: usize,
    tasks: JoinSet<()>,
    sources: Sources,
    ends_at: Option<Instant>,
    drain: Duration,
    bounds: Bounds,
    servers: Servers,
    panicked: u64,
    monitor: &'a mut dyn Monitor,
    stop: Stop,
}

/// What is left of a run when all its items are done.
pub(super) struct Dispatched {
    pub(super) bound: Option<(Bound, u64)>,
    pub(super) panicked: u64,
    pub(super) stop: Stop,
    pub(super) written: Result<(), StoreError>,
}

/// The items of one model, on their way from the intake to their tasks.
struct Lane {
    model: Arc<str>,
    items: Option<mpsc::Receiver<Vec<Item>>>,
    batch: std::vec::IntoIter<Item>,
    load: Arc<LaneLoad>,
}

/// How many items of a model are worked on.
#[derive(Debug, Default)]
pub(super) struct LaneLoad {
    tasks: AtomicUsize,
    /// Those that wait for their next attempt.
    pub(super) pausing: AtomicUsize,
}

/// Counts a task while it lives, and when it panics.
struct Task(Arc<LaneLoad>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    fn has_room(&self, admission: &Admission) -> bool {
        let tasks = self.load.tasks.load(Ordering::Relaxed);
        let pausing = self.load.pausing.load(Ordering::Relaxed).min(MOST_PAUSING);
        let limit = admission.lane_limit(&self.model);
        tasks.saturating_sub(pausing) < limit.saturating_add(BACKLOG.max(limit))
    }

    fn is_done(&self) -> bool {
        self.items.is_none() && self.batch.len() == 0
    }
}

impl<'a> Dispatch<'a> {
    pub(super) fn new(
        sources: Sources,
        (ends_at, drain): (Option<Instant>, Duration),
        monitor: &'a mut dyn Monitor,
        stop: Stop,
    ) -> Self {
        Self {
            lanes: Vec::new(),
            new_lanes: None,
            first: 0,
            tasks: JoinSet::new(),
            sources,
            ends_at,
            drain,
            bounds: Bounds::default(),
            servers: Servers::default(),
            panicked: 0,
            monitor,
            stop,
        }
    }

    /// Works on everything that the intake hands over.
    pub(super) async fn carry_out(&mut self, shared: Arc<Shared>, intake: Intake) -> Result<(), RunError> {
        let (sender, new_lanes) = mpsc::channel(NEW_LANES);
        self.new_lanes = Some(new_lanes);
        let stop = self.stop.clone();
        let intake = std::thread::Builder::new()
            .name("intake".to_owned())
            .spawn(move || intake.run(sender, &stop))
            .map_err(RunError::Thread)?;
        self.dispatch(shared).await;
        if intake.join().is_err() {
            let defect = "the intake met a defect of nightreel's; please report it";
            self.stop.drain(StopReason::Input(defect.to_owned()));
        }
        Ok(())
    }

    /// Works on items until there are no more, or the run stops.
    async fn dispatch(&mut self, shared: Arc<Shared>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = passed(self.ends_at);
        tokio::pin!(deadline);
        while self.new_lanes.is_some() || !self.lanes.is_empty() || !self.tasks.is_empty() {
            self.spawn(&shared);
            let (lanes, new_lanes) = (&mut self.lanes, &mut self.new_lanes);
            tokio::select! {
                biased;
                () = self.stop.draining() => break,
                () = &mut deadline => {
                    self.stop.drain(StopReason::Deadline);
                    break;
                }
                Some(durable) = self.sources.durable.recv() => self.settled(durable),
                Some(end) = self.tasks.join_next(), if !self.tasks.is_empty() => self.joined(end),
                () = poll_fn(|context| poll_lanes(lanes, new_lanes, &shared.admission, context)) => {}
                Some(news) = self.sources.news.recv() => self.told(&news),
                Some(order) = self.sources.controller.next() => self.obey(order, &shared),
                _ = ticks.tick() => self.tick(&shared),
            }
        }
        // The intake may wait for room: it sees that nobody takes its items any more.
        (self.new_lanes, self.lanes) = (None, Vec::new());
        if self.stop.is_draining() {
            self.drain(&shared).await;
        }
    }

    /// Sets items to work, of each lane as many as it has room for.
    fn spawn(&mut self, shared: &Arc<Shared>) {
        self.lanes.retain(|lane| !lane.is_done());
        let lanes = self.lanes.len();
        for index in (0..lanes).map(|index| (self.first + index) % lanes) {
            let lane = &mut self.lanes[index];
            while !self.stop.is_draining() && lane.batch.len() > 0 && lane.has_room(&shared.admission) {
                let Some(item) = lane.batch.next() else { break };
                lane.load.tasks.fetch_add(1, Ordering::Relaxed);
                let (task, load) = (Task(Arc::clone(&lane.load)), Arc::clone(&lane.load));
                let shared = Arc::clone(shared);
                self.tasks.spawn(async move {
                    let _task = task;
                    work(shared, load, item).await;
                });
            }
        }
        self.first = self.first.wrapping_add(1);
    }

    /// Waits for what is in flight, up to a deadline or a second signal.
    async fn drain(&mut self, shared: &Arc<Shared>) {
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
                Some(durable) = self.sources.durable.recv() => self.settled(durable),
                Some(news) = self.sources.news.recv() => self.told(&news),
                Some(order) = self.sources.controller.next() => self.obey(order, shared),
                _ = ticks.tick() => self.tick(shared),
            }
        }
    }

    /// Waits until everything is on the disk.
    pub(super) async fn finish(mut self, writer: Writer<ItemSettled>) -> Dispatched {
        self.sources.controller.close();
        let finishing = tokio::task::spawn_blocking(move || writer.finish());
        while let Some(durable) = self.sources.durable.recv().await {
            self.settled(durable);
        }
        while let Ok(news) = self.sources.news.try_recv() {
            self.told(&news);
        }
        let written = finishing.await.unwrap_or(Err(StoreError::Stopped));
        Dispatched { bound: self.bounds.most(), panicked: self.panicked, stop: self.stop, written }
    }

    fn settled(&mut self, durable: std::io::Result<Vec<ItemSettled>>) {
        match durable {
            Ok(notes) => {
                self.sources.controller.settled(notes.len());
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

    /// Does what is asked of the run, and keeps what it has changed.
    fn obey(&mut self, order: Order, shared: &Arc<Shared>) {
        let stand = Stand { admission: &shared.admission, is_stopping: self.stop.is_draining() };
        let Obeyed { told, changes } = self.sources.controller.answer(order, stand);
        if let Some(told) = told {
            self.monitor.on(&Event::Warning(&told));
        }
        if !changes.is_empty() {
            self.tasks.spawn(keep(Arc::clone(shared), changes));
        }
    }

    fn told(&mut self, news: &News) {
        match news {
            News::Warning(warning) => self.monitor.on(&Event::Warning(warning)),
            News::Retrying { row_id, class, message, after } => {
                self.monitor.on(&Event::Retrying { row_id, class: *class, message, after: *after });
            }
        }
    }

    fn tick(&mut self, shared: &Shared) {
        if let Err(error) = self.sources.days.look(&shared.admission) {
            self.stop.drain(StopReason::Store(error.to_string()));
        }
        shared.recorder.mark_soon();
        let in_flight = shared.admission.in_flight();
        let pausing = shared.pausing.load(Ordering::Relaxed);
        let is_starved =
            |lane: &Lane| lane.items.is_some() && lane.batch.len() == 0 && lane.has_room(&shared.admission);
        let starved = self.new_lanes.is_some() && self.lanes.is_empty() || self.lanes.iter().any(is_starved);
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

/// Keeps what the user has changed of the limits.
async fn keep(shared: Arc<Shared>, changes: Vec<Change>) {
    for change in changes {
        if let Err(error) = shared.recorder.limit_change(change.of_run(shared.run, now_ms())).await {
            return shared.stop.drain(StopReason::Store(error.to_string()));
        }
    }
}

/// Takes new lanes up, and the next items of lanes that have room and none left.
fn poll_lanes(
    lanes: &mut Vec<Lane>,
    new_lanes: &mut Option<mpsc::Receiver<NewLane>>,
    admission: &Admission,
    context: &mut Context<'_>,
) -> Poll<()> {
    let mut poll = Poll::Pending;
    if let Some(receiver) = new_lanes
        && let Poll::Ready(new) = receiver.poll_recv(context)
    {
        poll = Poll::Ready(());
        match new {
            Some(NewLane { model, items }) => {
                let (batch, load) = (Vec::new().into_iter(), Arc::default());
                lanes.push(Lane { model, items: Some(items), batch, load });
            }
            None => *new_lanes = None,
        }
    }
    for lane in lanes.iter_mut().filter(|lane| lane.batch.len() == 0) {
        if !lane.has_room(admission) {
            continue;
        }
        if let Some(items) = &mut lane.items
            && let Poll::Ready(received) = items.poll_recv(context)
        {
            poll = Poll::Ready(());
            match received {
                Some(batch) => lane.batch = batch.into_iter(),
                None => lane.items = None,
            }
        }
    }
    poll
}

/// Returns when a time has passed; never where there is none.
async fn passed(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
