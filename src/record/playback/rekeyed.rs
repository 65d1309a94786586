//! Recordings whose key was made by other rules than those that requests are looked up by.

use std::collections::HashMap;

use serde::Deserialize;

use crate::model::{Key, KeyRules};
use crate::store::{Place, Run, StoreError};

use super::source::Source;

/// The recordings whose key is another one by the rules of this session.
pub(super) struct Rekeyed {
    /// Whether there may be any.
    may_be: bool,
    /// By that key; read when the first of them is looked for.
    places: Option<HashMap<Key, Vec<Vec<Place>>>>,
}

impl Rekeyed {
    pub(super) fn new(sources: &[Source], rules: &KeyRules) -> Result<Self, StoreError> {
        let mut may_be = *rules != KeyRules::default();
        for source in sources {
            may_be = may_be || source.recordings.runs()?.iter().any(has_rules);
        }
        Ok(Self { may_be, places: None })
    }

    /// Where the recordings of a key lie, in each store.
    pub(super) fn of(
        &mut self,
        key: &Key,
        sources: &mut [Source],
        rules: &KeyRules,
    ) -> Result<Option<&Vec<Vec<Place>>>, StoreError> {
        if self.may_be && self.places.is_none() {
            self.places = Some(read(sources, rules)?);
        }
        Ok(self.places.as_ref().and_then(|places| places.get(key)))
    }
}

/// Reads every request of every store.
fn read(sources: &mut [Source], rules: &KeyRules) -> Result<HashMap<Key, Vec<Vec<Place>>>, StoreError> {
    let mut places = HashMap::new();
    let stores = sources.len();
    for (index, source) in sources.iter_mut().enumerate() {
        source.visit_requests(|request| {
            // What is no JSON was never asked for by a client, and nobody will.
            let Ok(key) = Key::of(request.endpoint, &request.body, rules) else { return };
            places.entry(key).or_insert_with(|| vec![Vec::new(); stores])[index].push(request.place);
        })?;
    }
    places.values_mut().flatten().for_each(|places| number(places));
    Ok(places)
}

/// Requests that had different keys may have one in common now, and so the same occurrences: they
/// are numbered anew in each session of each run, in the order in which they were asked.
fn number(places: &mut [Place]) {
    places.sort_by_key(|place| place.exchange);
    let mut counts = HashMap::new();
    for place in places {
        let count = counts.entry((place.exchange.item().run(), place.session.clone())).or_insert(0);
        place.occurrence = *count;
        *count += 1;
    }
}

/// Whether the keys of a run leave anything out.
fn has_rules(run: &Run) -> bool {
    #[derive(Deserialize)]
    struct Identity {
        record: Option<Rules>,
    }
    #[derive(Deserialize)]
    struct Rules {
        #[serde(default)]
        ignore: Vec<String>,
        #[serde(default)]
        normalise: Vec<String>,
    }
    let identity = serde_json::from_str::<Identity>(&run.begun.job_identity).ok();
    identity
        .and_then(|identity| identity.record)
        .is_some_and(|rules| !(rules.ignore.is_empty() && rules.normalise.is_empty()))
}
