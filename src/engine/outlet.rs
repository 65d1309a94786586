//! Handing items over from the intake, each model's through a channel of its own.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::item::Item;

/// How many items are handed over at once: each hand-over wakes the other side.
const BATCH: usize = 32;
/// How many batches of a model's items may wait.
const BATCHES: usize = 4;

/// A model's items, as they are handed over.
pub(super) struct NewLane {
    /// The model.
    pub(super) model: Arc<str>,
    /// Its items, in input order.
    pub(super) items: mpsc::Receiver<Vec<Item>>,
}

/// Where an intake hands its items over.
pub(super) struct Outlet {
    new_lanes: mpsc::Sender<NewLane>,
    lanes: Vec<LaneOutlet>,
}

struct LaneOutlet {
    model: Arc<str>,
    sender: mpsc::Sender<Vec<Item>>,
    batch: Vec<Item>,
    /// The position behind its last item.
    next: u32,
}

/// A model that has no room for its next batch.
pub(super) struct Stalled {
    /// Its own outlet, with that batch.
    pub(super) outlet: Outlet,
    /// Which model.
    pub(super) model: Arc<str>,
    /// The position behind its last item.
    pub(super) next: u32,
}

impl Outlet {
    pub(super) const fn new(new_lanes: mpsc::Sender<NewLane>) -> Self {
        Self { new_lanes, lanes: Vec::new() }
    }

    /// Takes an item, to hand it over with others.
    pub(super) fn push(&mut self, item: Item) {
        let (model, next) = (&item.planned.draft.model, item.planned.position + 1);
        let known = self.lanes.iter().position(|lane| lane.model == *model);
        let index = known.unwrap_or_else(|| {
            let (sender, items) = mpsc::channel(BATCHES);
            // Where nobody takes lanes any more, the run has stopped.
            let _stopped = self.new_lanes.blocking_send(NewLane { model: Arc::clone(model), items });
            self.lanes.push(LaneOutlet { model: Arc::clone(model), sender, batch: Vec::with_capacity(BATCH), next });
            self.lanes.len() - 1
        });
        let lane = &mut self.lanes[index];
        lane.next = next;
        lane.batch.push(item);
    }

    /// Hands over every batch that is full. Those models that have no room for theirs come back,
    /// and are no longer part of this outlet.
    pub(super) fn hand_over(&mut self) -> Vec<Stalled> {
        let is_stalled = |lane: &mut LaneOutlet| lane.batch.len() >= BATCH && !lane.try_send();
        let new_lanes = &self.new_lanes;
        let stalled = self.lanes.extract_if(.., is_stalled).map(|lane| Stalled {
            model: Arc::clone(&lane.model),
            next: lane.next,
            outlet: Self { new_lanes: new_lanes.clone(), lanes: vec![lane] },
        });
        stalled.collect()
    }

    /// Waits until every batch is handed over. Says whether anybody takes them.
    pub(super) fn wait(&mut self) -> bool {
        self.lanes.iter_mut().all(LaneOutlet::send)
    }

    /// Takes the models of another outlet as part of this one.
    pub(super) fn take_back(&mut self, other: Self) {
        self.lanes.extend(other.lanes);
    }

    /// Hands over everything: first to those that have room.
    pub(super) fn finish(mut self) {
        self.lanes.retain_mut(|lane| !lane.try_send());
        let _stopped = self.wait();
    }
}

impl LaneOutlet {
    /// Hands the batch over where there is room, or where nobody takes it any more.
    fn try_send(&mut self) -> bool {
        match self.sender.try_send(std::mem::take(&mut self.batch)) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(batch)) => {
                self.batch = batch;
                false
            }
        }
    }

    fn send(&mut self) -> bool {
        self.sender.blocking_send(std::mem::take(&mut self.batch)).is_ok()
    }
}
