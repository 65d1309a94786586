//! The threads that read rows, plan items and look up what is recorded of them.
//!
//! One thread reads for all models. A model that takes its items slower than they come would make
//! the others wait for it: from there on it gets a thread of its own, which reads the input again
//! from where the first one leaves it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::thread::Scope;

use tokio::sync::mpsc;

use crate::input::Input;
use crate::model::Success;
use crate::prompt::Prompt;
use crate::record::{Found, Recall, Redactor};
use crate::store::{ExchangeRecord, Progress, Reader, RunId, Store};

use super::item::{Asked, Item, Planned, PlannedRow, Planner, asked};
use super::outlet::{NewLane, Outlet, Stalled};
use super::trail::Trail;
use super::{Stop, StopReason};

/// How many items' progress is read at once.
const PAGE: usize = 1024;
/// How many models get a thread of their own at most; those beyond wait for each other.
const MOST_THREADS: usize = 32;

/// What the intake works with.
#[derive(Clone)]
pub(super) struct IntakeOptions {
    pub(super) input: Input,
    pub(super) prompt: Arc<Prompt>,
    pub(super) redactor: Arc<Redactor>,
    pub(super) run: RunId,
    pub(super) rows: u64,
    pub(super) retry_failed: bool,
    /// The store in which the run, going on, has settled items before.
    pub(super) earlier: Option<Store>,
    pub(super) success: Success,
}

/// Reads rows, plans items, and looks up what is recorded of them.
pub(super) struct Intake {
    options: IntakeOptions,
    planner: Planner,
    settled: Option<Settled>,
    recall: Recall,
    whose: Whose,
}

/// Whose items an intake plans.
enum Whose {
    /// Those of all models but some, which have an intake of their own.
    All { but: BTreeSet<Arc<str>> },
    /// Those of one model, from a position on.
    One { model: Arc<str>, from: u32 },
}

impl Intake {
    /// An intake of all models.
    pub(super) fn new(options: IntakeOptions, recall: Recall) -> Result<Self, StopReason> {
        let planner =
            Planner::new(&options.input, Arc::clone(&options.prompt), Arc::clone(&options.redactor), options.rows)?;
        let settled = Settled::of(&options)?;
        Ok(Self { options, planner, settled, recall, whose: Whose::All { but: BTreeSet::new() } })
    }

    /// An intake of one model, from a position on, beside this one.
    fn beside(&self, model: Arc<str>, from: u32) -> Result<Self, StopReason> {
        let planner = self.planner.beside(&self.options.input, self.options.rows)?;
        let (options, settled) = (self.options.clone(), Settled::of(&self.options)?);
        Ok(Self { options, planner, settled, recall: self.recall.reopened()?, whose: Whose::One { model, from } })
    }

    /// Hands over every item that is not settled yet, each model's in input order, until there are
    /// no more or the run stops.
    pub(super) fn run(self, lanes: mpsc::Sender<NewLane>, stop: &Stop) {
        std::thread::scope(|scope| self.read(Outlet::new(lanes), scope, stop));
    }

    fn read<'a>(mut self, mut outlet: Outlet, scope: &'a Scope<'a, '_>, stop: &'a Stop) {
        if let Whose::One { from, .. } = self.whose {
            self.planner.skip_to(from);
        }
        while !stop.is_draining() && self.has_models() {
            let Some(row) = self.planner.next_row() else { break };
            let read = row.and_then(|row| self.row(&row, &mut outlet));
            if let Err(reason) = read.and_then(|()| self.hand_over(&mut outlet, scope, stop)) {
                stop.drain(reason);
                return;
            }
        }
        outlet.finish();
    }

    /// Whether any model is left that has no intake of its own.
    fn has_models(&self) -> bool {
        match &self.whose {
            Whose::One { .. } => true,
            Whose::All { but } => {
                but.is_empty() || self.planner.model(0).is_none() || but.len() < self.planner.shape().0
            }
        }
    }

    /// Hands over what is ready. A model that has no room gets an intake of its own, unless it is
    /// the only one: then it is waited for.
    fn hand_over<'a>(
        &mut self,
        outlet: &mut Outlet,
        scope: &'a Scope<'a, '_>,
        stop: &'a Stop,
    ) -> Result<(), StopReason> {
        let is_only = self.planner.model(0).is_some() && self.planner.shape().0 == 1;
        for Stalled { outlet: mut own, model, next } in outlet.hand_over() {
            let may_split = match &self.whose {
                Whose::All { but } => !is_only && but.len() < MOST_THREADS,
                Whose::One { .. } => false,
            };
            if !may_split {
                if !own.wait() {
                    return Ok(());
                }
                outlet.take_back(own);
                continue;
            }
            let intake = self.beside(Arc::clone(&model), next)?;
            if let Whose::All { but } = &mut self.whose {
                but.insert(model);
            }
            std::thread::Builder::new()
                .name("intake".to_owned())
                .spawn_scoped(scope, move || {
                    if own.wait() {
                        intake.read(own, scope, stop);
                    }
                })
                .map_err(|error| StopReason::Input(format!("cannot start a thread for the intake: {error}")))?;
        }
        Ok(())
    }

    fn row(&mut self, row: &PlannedRow, outlet: &mut Outlet) -> Result<(), StopReason> {
        let (models, samples) = self.planner.shape();
        let (from, to) = (row.position, row.position + self.planner.items_a_row());
        self.recall.read_ahead(from..to)?;
        for (model, base) in (0..models).zip((row.position..).step_by(samples as usize)) {
            if self.planner.model(model).is_some_and(|model| !self.is_ours(model)) {
                continue;
            }
            self.samples(row, (model, base..base + samples), outlet)?;
        }
        Ok(())
    }

    /// Plans the items that one model is asked of a row.
    fn samples(
        &mut self,
        row: &PlannedRow,
        (model, positions): (usize, std::ops::Range<u32>),
        outlet: &mut Outlet,
    ) -> Result<(), StopReason> {
        let mut drafted = None;
        // Where a row names its model, that is known of a drafted request alone.
        if self.planner.model(model).is_none() && self.is_split() {
            let draft = self.planner.draft(row, model)?;
            if !self.is_ours(&draft.model) {
                return Ok(());
            }
            let first = self.planner.first(&draft)?;
            drafted = Some((draft, first));
        }
        for (sample, position) in (0..).zip(positions) {
            let progress = self.settled.as_mut().map(|settled| settled.at(position)).transpose()?.flatten();
            if matches!(self.whose, Whose::One { from, .. } if position < from) {
                continue;
            }
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
            outlet.push(self.item(planned, progress.as_ref())?);
        }
        Ok(())
    }

    fn is_split(&self) -> bool {
        !matches!(&self.whose, Whose::All { but } if but.is_empty())
    }

    fn is_ours(&self, model: &Arc<str>) -> bool {
        match &self.whose {
            Whose::All { but } => !but.contains(model),
            Whose::One { model: ours, .. } => ours == model,
        }
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
    fn of(options: &IntakeOptions) -> Result<Option<Self>, StopReason> {
        let Some(store) = &options.earlier else { return Ok(None) };
        Ok(Some(Self { reader: store.reader()?, run: options.run, page: VecDeque::new(), from: Some(0) }))
    }

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
