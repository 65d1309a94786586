//! An item with all that was recorded of it.

use nightreel::gateway::classify;
use nightreel::model::Outcome;
use nightreel::store::{ItemId, ItemView, Reader, StoreError};

use super::exchange::Exchange;

/// How many items are read to find the exchanges of one: its own come first.
const PAGE: usize = 1;

/// An item with all that was recorded of it.
#[derive(Debug)]
pub(super) struct Item {
    /// Which one it is.
    pub(super) id: ItemId,
    /// What came of it; `None` while it is not settled.
    pub(super) view: Option<ItemView>,
    /// Its exchanges by step.
    pub(super) exchanges: Vec<Exchange>,
}

impl Item {
    /// Reads an item.
    pub(super) fn read(reader: &mut Reader, id: ItemId) -> Result<Self, StoreError> {
        let mut view = reader.items(id.run(), id.position(), 1)?.pop().filter(|view| view.item == id);
        let progress = reader.progress(id.run(), id.position(), PAGE)?;
        let states = progress.into_iter().next().filter(|progress| progress.item == id);
        let states = states.map(|progress| progress.exchanges).unwrap_or_default();
        let attempts = reader.attempts(id)?;
        let mut exchanges = Vec::with_capacity(states.len());
        for (step, state) in (0_u8..).zip(states) {
            let request = reader.request(id.exchange(step))?.unwrap_or_default();
            let attempts = attempts.iter().filter(|attempt| attempt.exchange.step() == step).cloned().collect();
            let endpoint = view.as_ref().and_then(|view| view.steps.get(usize::from(step))).map(|step| step.endpoint);
            exchanges.push(Exchange { step, state, endpoint, request, attempts });
        }
        if let Some(view) = view.as_mut().filter(|view| view.error.is_none()) {
            view.error = reason(view.outcome, &exchanges);
        }
        Ok(Self { id, view, exchanges })
    }

    /// Whether nothing was ever recorded of it.
    pub(super) fn is_unknown(&self) -> bool {
        self.view.is_none() && self.exchanges.is_empty()
    }
}

/// Why an item failed of which the store has no reason, as of one that was imported.
fn reason(outcome: Outcome, exchanges: &[Exchange]) -> Option<String> {
    let Outcome::Failed(_) = outcome else { return None };
    let last = exchanges.last()?;
    let settling = last.attempts.iter().rfind(|attempt| attempt.settling)?;
    classify(last.endpoint?, &settling.attempt.reply, true).message
}
