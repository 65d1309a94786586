//! One item on its way: what is recorded of it, what is sent, and what comes of it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::model::{Class, Mode, Outcome};
use crate::price::Prices;
use crate::record::{Action, Recorder, decide};
use crate::store::{Facts, ItemRecord, RunId, StoreError};

use super::dispatch::LaneLoad;
use super::item::{Asked, Item, asked};
use super::reachability::Reachability;
use super::retry::RetryPolicy;
use super::trail::Trail;
use super::{Admission, ItemSettled, Stop, StopReason};

/// What every item's worker shares.
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) run_started_at_ms: i64,
    pub(super) mode: Mode,
    pub(super) gateway: Result<Arc<dyn Gateway>, String>,
    pub(super) admission: Admission,
    pub(super) recorder: Recorder<ItemSettled>,
    pub(super) policy: RetryPolicy,
    pub(super) stop: Stop,
    pub(super) reachability: Reachability,
    pub(super) news: mpsc::Sender<News>,
    pub(super) pausing: AtomicUsize,
    pub(super) prices: Option<Arc<Prices>>,
    /// How many models the job names; none where each row names its own.
    pub(super) models: usize,
}

/// What a worker has to tell those who watch.
#[derive(Debug)]
pub(super) enum News {
    /// An attempt failed, and another one follows.
    Retrying { row_id: String, class: Class, message: String, after: Duration },
    /// Something that the user should know.
    Warning(String),
}

impl Shared {
    /// Tells news. It is a courtesy: a full channel must not hold an item up.
    pub(super) fn tell(&self, news: News) {
        let _told = self.news.try_send(news);
    }

    /// Tells what is told once and concerns money: it waits for room. The run takes news in as long
    /// as a worker is left.
    pub(super) async fn warn(&self, warning: String) {
        let _told = self.news.send(News::Warning(warning)).await;
    }
}

/// An item is left for the next run, because this one stops, or its lane has ended.
pub(super) struct Stopping;

/// Works on an item until it is settled or the run stops.
pub(super) async fn work(shared: Arc<Shared>, load: Arc<LaneLoad>, item: Item) {
    let trail = Trail::default();
    let worker = Worker { shared: &shared, load: &load, item: &item, trail, first_sent: None, last_sent_at_ms: 0 };
    // Why the run stops, it knows itself.
    let _settled = worker.run().await;
}

pub(super) struct Worker<'a> {
    pub(super) shared: &'a Shared,
    pub(super) load: &'a LaneLoad,
    pub(super) item: &'a Item,
    pub(super) trail: Trail,
    /// When the first request of the item was sent.
    pub(super) first_sent: Option<Instant>,
    /// When the last one was sent: milliseconds since 1970-01-01 UTC.
    pub(super) last_sent_at_ms: i64,
}

impl Worker<'_> {
    async fn run(mut self) -> Result<(), Stopping> {
        for (index, (exchange, found)) in self.item.replayed.iter().enumerate() {
            let goes_on = self.trail.add(exchange.endpoint, &found.attempt);
            self.trail.note_server(&exchange.request, &found.attempt);
            let settled = (!goes_on || index + 1 == self.steps()).then(|| self.settlement());
            let is_last = settled.is_some();
            let facts = Facts::of(self.trail.answer.as_ref());
            let kept = self.shared.recorder.replay(exchange, found.clone(), facts, settled).await;
            self.kept(kept)?;
            if is_last {
                return Ok(());
            }
        }
        for step in self.item.replayed.len()..self.steps() {
            if decide(self.shared.mode, false) == Action::Miss {
                return self.miss(step).await;
            }
            let asked = match self.asked(step) {
                Ok(asked) => asked,
                Err(problem) => {
                    self.shared.stop.drain(StopReason::Input(problem));
                    return Err(Stopping);
                }
            };
            if !self.exchange(step, &asked).await? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn steps(&self) -> usize {
        self.item.planned.draft.steps()
    }

    fn asked(&self, step: usize) -> Result<Asked, String> {
        if step == 0 {
            return Ok(self.item.planned.first.clone());
        }
        asked(&self.item.planned.draft, step, &self.trail.texts, self.shared.recorder.redactor())
    }

    async fn miss(&mut self, step: usize) -> Result<(), Stopping> {
        self.trail.outcome = Outcome::NotRecorded;
        self.trail.error = Some(not_recorded(step));
        let (record, note) = self.settlement();
        let kept = self.shared.recorder.item(record, note).await;
        self.kept(kept)
    }

    /// Stops the run where the store takes nothing more. The request still holds its place in
    /// flight, so that no other is sent whose answer could not be kept either.
    pub(super) fn kept(&self, kept: Result<(), StoreError>) -> Result<(), Stopping> {
        kept.map_err(|error| {
            self.shared.stop.drain(StopReason::Store(error.to_string()));
            Stopping
        })
    }

    /// What is written of the item, and what is told of it.
    pub(super) fn settlement(&self) -> (ItemRecord, ItemSettled) {
        let (planned, trail) = (&self.item.planned, &self.trail);
        let redactor = self.shared.recorder.redactor();
        let error = trail.error.as_deref().map(|error| redactor.strike_text(error));
        let record = ItemRecord {
            id: self.item.id,
            row: Arc::clone(&planned.row),
            model: Arc::clone(&planned.draft.model),
            sample: planned.sample,
            outcome: trail.outcome,
            error: error.clone(),
        };
        let note = ItemSettled {
            position: planned.position,
            row_id: planned.row.id.clone(),
            model: Arc::clone(&planned.draft.model),
            sample: planned.sample,
            outcome: trail.outcome,
            error,
            replayed: self.item.replayed.len() == trail.texts.len().max(1) && !self.item.replayed.is_empty(),
            attempts: trail.attempts,
            prompt_tokens: trail.prompt_tokens.unwrap_or(0),
            completion_tokens: trail.completion_tokens.unwrap_or(0),
            cost_usd: trail.cost_usd,
            latency_us: trail.latency_us,
            served: trail.served.iter().map(|served| served.struck(redactor)).collect(),
        };
        (record, note)
    }
}

/// What is said of an item whose step is not recorded.
pub(super) fn not_recorded(step: usize) -> String {
    match step {
        0 => "not recorded".to_owned(),
        step => format!("turn {} is not recorded", step + 1),
    }
}
