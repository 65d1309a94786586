//! The order of recordings that had different keys, and have one in common under the rules of now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::model::Key;
use crate::store::{ExchangeId, KeptRequest, Place, RunId};

/// How the exchanges of a run lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arranged {
    /// In the order in which they were asked.
    AsAsked,
    /// By their keys, as a fixture has them: when they were sent tells in what order they were asked.
    ByKey,
}

/// How the recordings of a run are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// How they lie.
    pub(super) arranged: Arranged,
    /// The first of the runs that they are counted with: a server goes on with its sessions in each run of
    /// it, until one records anew.
    pub(super) since: RunId,
}

/// A recording that has another key under the rules of now.
pub(super) struct Found {
    place: Place,
    /// The first of the runs that it is counted with.
    since: RunId,
    /// The key that it was recorded under.
    recorded_as: Key,
    /// What tells which of two was asked first: when it was sent, where its run is arranged by keys, and
    /// its place in the run.
    asked: (i64, ExchangeId),
}

impl Found {
    pub(super) fn of(request: KeptRequest, counted: Counted) -> Self {
        let KeptRequest { place, key, sent_at_ms, .. } = request;
        let sent_at_ms = if counted.arranged == Arranged::ByKey { sent_at_ms } else { 0 };
        Self { since: counted.since, recorded_as: key, asked: (sent_at_ms, place.exchange), place }
    }

    /// Where the key that it was recorded under was counted.
    fn counted_in(&self) -> (RunId, Option<&str>, Key) {
        (self.since, self.place.session.as_deref(), self.recorded_as)
    }
}

/// Requests that had different keys may have one in common now, and so the same occurrences: they
/// are numbered anew in each session, in the order in which they were asked. What had one key keeps its
/// order, and its numbers where nothing falls together with it.
pub(super) fn number(mut found: Vec<Found>) -> Vec<Place> {
    // What was recorded anew in its place was sent later than what was asked behind it.
    found.sort_by(|left, right| {
        let by_key = left.counted_in().cmp(&right.counted_in());
        by_key.then(right.place.occurrence.cmp(&left.place.occurrence))
    });
    for at in 1..found.len() {
        if found[at].counted_in() == found[at - 1].counted_in() {
            found[at].asked = found[at].asked.min(found[at - 1].asked);
        }
    }
    found.sort_by_key(|found| (found.asked, found.place.occurrence));
    let mut numbers = Numbers::of(&found);
    let mut places: Vec<_> = found.into_iter().map(|found| numbers.number(found)).collect();
    places.sort_by_key(|place| place.exchange);
    places
}

/// The numbers that each session has given, and the next occurrence of each key that it asked.
#[derive(Default)]
struct Numbers {
    next: HashMap<(RunId, Option<Arc<str>>), u32>,
    next_of_key: HashMap<(RunId, Option<Arc<str>>, Key), u32>,
}

impl Numbers {
    /// Those of a session begin behind what it was given of its keys before it recorded any.
    fn of(found: &[Found]) -> Self {
        let mut numbers = Self::default();
        for Found { place, since, recorded_as, .. } in found {
            let session = (*since, place.session.clone());
            if let Entry::Vacant(first) = numbers.next_of_key.entry((session.0, session.1.clone(), *recorded_as)) {
                first.insert(place.occurrence);
                let next = numbers.next.entry(session).or_default();
                *next = next.saturating_add(place.occurrence);
            }
        }
        numbers
    }

    fn number(&mut self, found: Found) -> Place {
        let Found { place, since, recorded_as, .. } = found;
        let session = (since, place.session.clone());
        let next_of_key = self.next_of_key.entry((session.0, session.1.clone(), recorded_as)).or_default();
        let next = self.next.entry(session).or_default();
        // What was given to it in between, it did not record.
        let occurrence = next.saturating_add(place.occurrence.saturating_sub(*next_of_key));
        (*next, *next_of_key) = (occurrence.saturating_add(1), place.occurrence.saturating_add(1));
        Place { occurrence, ..place }
    }
}
