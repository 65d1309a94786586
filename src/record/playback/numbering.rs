//! The order of recordings that had different keys, and have one in common under the rules of now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::model::Key;
use crate::store::{ExchangeId, KeptRequest, Place};

/// A recording of a key that recordings have in common which had others.
pub(super) struct Found {
    /// Which store it is in, by its place in the list of them.
    source: usize,
    place: Place,
    /// The key that it was recorded under.
    recorded_as: Key,
    /// What tells which of two was asked first: a time by which it was, and where it lies.
    asked: (i64, usize, ExchangeId),
}

/// Who counts occurrences: a session, of those whom the simulated gateway answered or of the others.
type Counter = (Option<Arc<str>>, bool);

impl Found {
    /// A recording of a store that was asked no later than at `asked_by_ms`.
    pub(super) fn of(source: usize, request: KeptRequest, asked_by_ms: i64) -> Self {
        let KeptRequest { place, key, .. } = request;
        Self { source, recorded_as: key, asked: (asked_by_ms, source, place.exchange), place }
    }

    fn counter(&self) -> Counter {
        (self.place.session.clone(), self.place.simulated)
    }

    /// Where the key that it was recorded under was counted.
    fn counted_in(&self) -> (Option<&str>, bool, Key) {
        (self.place.session.as_deref(), self.place.simulated, self.recorded_as)
    }
}

/// Requests that had different keys may have `key` in common now, and so the same occurrences: they
/// are numbered anew in each session, in the order in which they were asked, whichever run and store
/// they are of. What had one key keeps its order, and its numbers where nothing falls together with it.
/// Of each key and occurrence that was recorded there must be one alone.
pub(super) fn number(key: &Key, mut found: Vec<Found>, stores: usize) -> Vec<Vec<Place>> {
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
    let mut numbers = Numbers::of(key, &found);
    let mut numbered: Vec<Found> = Vec::with_capacity(found.len());
    let mut failed = HashMap::new();
    for next in found {
        let is_by_rules_of_now = next.recorded_as == *key;
        // What does not stand is recorded in its place, by the rules of now.
        let place = Some((next.counter(), next.place.occurrence)).filter(|_| is_by_rules_of_now);
        if let Some(at) = place.and_then(|place| failed.remove(&place)) {
            numbered[at] = next;
            continue;
        }
        let next = numbers.number(key, next);
        if !is_by_rules_of_now && !next.place.stands {
            failed.insert((next.counter(), next.place.occurrence), numbered.len());
        }
        numbered.push(next);
    }
    let mut places: Vec<_> = (0..stores).map(|_| Vec::new()).collect();
    for Found { source, place, .. } in numbered {
        // What no longer counts is not among them.
        places[source].push(Place { anew: false, ..place });
    }
    places
}

/// The numbers that each session has given, and the next occurrence of each key that it asked.
#[derive(Default)]
struct Numbers {
    next: HashMap<Counter, u32>,
    next_of_key: HashMap<(Counter, Key), u32>,
}

impl Numbers {
    /// Those of a session begin behind what it was given of its keys before it recorded any.
    fn of(key: &Key, found: &[Found]) -> Self {
        let mut numbers = Self::default();
        for found in found.iter().filter(|found| found.recorded_as != *key) {
            let (counter, occurrence) = (found.counter(), found.place.occurrence);
            if let Entry::Vacant(first) = numbers.next_of_key.entry((counter.clone(), found.recorded_as)) {
                first.insert(occurrence);
                let next = numbers.next.entry(counter).or_default();
                *next = next.saturating_add(occurrence);
            }
        }
        numbers
    }

    fn number(&mut self, key: &Key, found: Found) -> Found {
        let counter = found.counter();
        let next = self.next.entry(counter.clone()).or_default();
        let recorded = found.place.occurrence;
        let occurrence = if found.recorded_as == *key {
            // Its number counts already what the session was given of the others.
            recorded.max(*next)
        } else {
            let next_of_key = self.next_of_key.entry((counter, found.recorded_as)).or_default();
            // What was given to it in between, it did not record.
            let skipped = recorded.saturating_sub(*next_of_key);
            *next_of_key = recorded.saturating_add(1);
            next.saturating_add(skipped)
        };
        *next = occurrence.saturating_add(1);
        Found { place: Place { occurrence, ..found.place }, ..found }
    }
}
