//! The thread that reads rows, plans items and looks up what is recorded of them.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::input::Input;
use crate::model::Success;
use crate::prompt::Prompt;
use crate::record::{Found, Recall, Redactor};
use crate::store::{ExchangeRecord, Progress, Reader, RunId};

use super::item::{Asked, Item, Planned, PlannedRow, Planner, asked};
use super::trail::Trail;
use super::{Stop, StopReason};

/// How many items are handed over at once: each hand-over wakes the other side.
const BATCH: usize = 32;
/// How many items' progress is read at once.
const PAGE: usize = 1024;

/// What the intake works with.
pub(super) struct IntakeOptions {
    pub(super) input: Input,
    pub(super) prompt: Arc<Prompt>,
    pub(super) redactor: Arc<Redactor>,
    pub(super) run: RunId,
    pub(super) rows: u64,
    pub(super) retry_failed: bool,
    pub(super) success: Success,
}

/// Reads rows, plans items, and looks up what is recorded of them.
pub(super) struct Intake {
    options: IntakeOptions,
    planner: Planner,
    settled: Option<Settled>,
    recall: Recall,
}

impl Intake {
    /// An intake. `earlier` reads what the run, going on, has settled before.
    pub(super) fn new(options: IntakeOptions, earlier: Option<Reader>, recall: Recall) -> Result<Self, StopReason> {
        let planner =
            Planner::new(&options.input, Arc::clone(&options.prompt), Arc::clone(&options.redactor), options.rows)?;
        let settled = earlier.map(|reader| Settled { reader, run: options.run, page: VecDeque::new(), from: Some(0) });
        Ok(Self { options, planner, settled, recall })
    }

    /// Hands over every item that is not settled yet, in input order, until there are no more or
    /// the run stops.
    pub(super) fn run(mut self, items: &mpsc::Sender<Vec<Item>>, stop: &Stop) {
        let mut batch = Vec::with_capacity(BATCH);
        while !stop.is_draining() {
            let Some(row) = self.planner.next_row() else { break };
            if let Err(reason) = row.and_then(|row| self.row(&row, &mut batch)) {
                stop.drain(reason);
                return;
            }
            if batch.len() >= BATCH && items.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
        // Where nobody takes them any more, the run has stopped.
        let _stopped = items.blocking_send(batch);
    }

    fn row(&mut self, row: &PlannedRow, batch: &mut Vec<Item>) -> Result<(), StopReason> {
        let (models, samples) = self.planner.shape();
        let (from, to) = (row.position, row.position + self.planner.items_a_row());
        self.recall.read_ahead(from..to)?;
        for (model, base) in (0..models).zip((row.position..).step_by(samples as usize)) {
            let mut drafted = None;
            for sample in 0..samples {
                let position = base + sample;
                let progress = self.settled.as_mut().map(|settled| settled.at(position)).transpose()?.flatten();
                if let Some(progress) = progress.as_ref().filter(|progress| self.is_done(progress)) {
                    self.planner.count(&progress.exchanges[0].key)?;
                    continue;
                }
                let (draft, first) = if let Some(known) = &drafted {
                    known
                } else {
                    let draft = self.planner.draft(row, model)?;
                    let first = self.planner.first(&draft)?;
                    drafted.insert((draft, first))
                };
                let planned = self.planner.plan(row, draft, first, (position, sample))?;
                batch.push(self.item(planned, progress.as_ref())?);
            }
        }
        Ok(())
    }

    /// Whether nothing is left to do for an item that an earlier session has worked on.
    fn is_done(&self, progress: &Progress) -> bool {
        match progress.outcome {
            None => false,
            Some(outcome) => self.options.success.contains(outcome) || !self.options.retry_failed,
        }
    }

    fn item(&mut self, planned: Planned, progress: Option<&Progress>) -> Result<Item, StopReason> {
        let id = self.options.run.item(planned.position);
        // An item that is asked again starts anew: what failed before must not answer it.
        let again = progress.is_some_and(|progress| progress.outcome.is_some());
        let replayed = if again || self.recall.is_empty() { Vec::new() } else { self.recorded(&planned)? };
        let next = progress.and_then(|progress| progress.exchanges.get(replayed.len()));
        let earlier_attempts = next.map_or(0, |exchange| exchange.attempts);
        Ok(Item { id, planned, replayed, earlier_attempts })
    }

    /// The exchanges of an item that recordings answer, from the first step on.
    fn recorded(&mut self, planned: &Planned) -> Result<Vec<(Arc<ExchangeRecord>, Found)>, StopReason> {
        let id = self.options.run.item(planned.position);
        let redactor = Arc::clone(&self.options.redactor);
        let steps = recorded_steps(&mut self.recall, planned, &redactor)?;
        let found =
            steps.found.into_iter().map(|(step, asked, found)| (Arc::new(planned.exchange(id, step, &asked)), found));
        Ok(found.collect())
    }
}

/// What recordings answer of an item.
pub(super) struct RecordedSteps {
    /// The steps that are recorded, from the first one on.
    pub(super) found: Vec<(u8, Asked, Found)>,
    /// The first step that is not; `None` where the recordings answer all of it.
    pub(super) missing: Option<(u8, Asked)>,
}

/// Follows an item through its recordings, from step to step.
pub(super) fn recorded_steps(
    recall: &mut Recall,
    planned: &Planned,
    redactor: &Redactor,
) -> Result<RecordedSteps, StopReason> {
    let mut trail = Trail::default();
    let mut found = Vec::new();
    let mut next = planned.first.clone();
    for step in 0..=u8::MAX {
        let Some(recording) = recall.find(planned.position, step, &next.key, planned.occurrence)? else {
            return Ok(RecordedSteps { found, missing: Some((step, next)) });
        };
        let goes_on = trail.add(next.request.endpoint, &recording.attempt);
        let following = usize::from(step) + 1;
        if !goes_on || following >= planned.draft.steps() {
            found.push((step, next, recording));
            break;
        }
        let following = asked(&planned.draft, following, &trail.texts, redactor).map_err(StopReason::Input)?;
        found.push((step, std::mem::replace(&mut next, following), recording));
    }
    Ok(RecordedSteps { found, missing: None })
}

/// What the run has settled in earlier sessions, read along in input order.
struct Settled {
    reader: Reader,
    run: RunId,
    page: VecDeque<Progress>,
    from: Option<u32>,
}

impl Settled {
    /// How far the item at a position has come. Positions must come in order.
    fn at(&mut self, position: u32) -> Result<Option<Progress>, StopReason> {
        loop {
            while self.page.front().is_some_and(|progress| progress.item.position() < position) {
                self.page.pop_front();
            }
            if let Some(front) = self.page.front() {
                let here = front.item.position() == position;
                return Ok(if here { self.page.pop_front() } else { None });
            }
            let Some(from) = self.from else { return Ok(None) };
            self.page = self.reader.progress(self.run, from.max(position), PAGE)?.into();
            self.from = self.page.back().and_then(|last| last.item.position().checked_add(1));
        }
    }
}
