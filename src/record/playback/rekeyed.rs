//! Recordings whose key was made by other rules than those that requests are looked up by.

use std::collections::HashMap;

use crate::model::{Key, KeyRules};
use crate::store::{KeptRequest, Place, StoreError};

use super::source::Source;

/// The recordings whose key is another one by the rules of this session, by that key: their places
/// in each store.
#[derive(Debug, Default)]
pub(super) struct Rekeyed {
    places: HashMap<Key, Vec<Vec<Place>>>,
}

impl Rekeyed {
    /// Reads every request of every store.
    pub(super) fn read(sources: &mut [Source], rules: &KeyRules) -> Result<Self, StoreError> {
        let mut rekeyed = Self::default();
        let stores = sources.len();
        for (index, source) in sources.iter_mut().enumerate() {
            source.visit_requests(|request| rekeyed.add(request, index, stores, rules))?;
        }
        rekeyed.number();
        Ok(rekeyed)
    }

    /// Where the recordings of a key lie, in each store.
    pub(super) fn of(&self, key: &Key) -> Option<&Vec<Vec<Place>>> {
        self.places.get(key)
    }

    fn add(&mut self, request: KeptRequest, source: usize, stores: usize, rules: &KeyRules) {
        // What is no JSON was never asked for by a client, and nobody will.
        let Ok(key) = Key::of(request.endpoint, &request.body, rules) else { return };
        let places = self.places.entry(key).or_insert_with(|| vec![Vec::new(); stores]);
        places[source].push(request.place);
    }

    /// Requests that had different keys may have one in common now, and so the same occurrences:
    /// they are numbered anew in each session of each run, in the order in which they were asked.
    fn number(&mut self) {
        for places in self.places.values_mut().flatten() {
            places.sort_by_key(|place| place.exchange);
            let mut counts = HashMap::new();
            for place in places {
                let count = counts.entry((place.exchange.item().run(), place.session.clone())).or_insert(0);
                place.occurrence = *count;
                *count += 1;
            }
        }
    }
}
