//! Recordings whose key was made by other rules than those that requests are looked up by.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::model::{IgnorePath, Key, KeyRules, Mode, Normaliser};
use crate::store::{Place, Run, RunId, StoreError};

use super::numbering::{Arranged, Counted, Found, number};
use super::source::Source;

/// The recordings whose key was made by other rules than those of this session.
pub(super) struct Rekeyed {
    /// The runs of each store that recorded by other rules.
    foreign: Vec<HashMap<RunId, Counted>>,
    /// Their recordings in each store, by the key that they have by the rules of now; read when a key is
    /// first looked for.
    places: Option<HashMap<Key, Vec<Vec<Place>>>>,
}

impl Rekeyed {
    pub(super) fn new(sources: &[Source], rules: &KeyRules) -> Result<Self, StoreError> {
        let foreign = |source: &Source| Ok(counted(&source.recordings.runs()?, |run| !is_made_by(run, rules)));
        Ok(Self { foreign: sources.iter().map(foreign).collect::<Result<_, StoreError>>()?, places: None })
    }

    /// Takes what was recorded by other rules out of the recordings of a key in each store, and puts
    /// in what has the key by the rules of now.
    pub(super) fn correct(
        &mut self,
        key: &Key,
        places: &mut [Vec<Place>],
        sources: &mut [Source],
        rules: &KeyRules,
    ) -> Result<(), StoreError> {
        if self.foreign.iter().all(HashMap::is_empty) {
            return Ok(());
        }
        if self.places.is_none() {
            self.places = Some(read(sources, &self.foreign, rules)?);
        }
        for (places, foreign) in places.iter_mut().zip(&self.foreign) {
            places.retain(|place| !foreign.contains_key(&place.exchange.item().run()));
        }
        let found = self.places.as_ref().and_then(|found| found.get(key));
        for (places, found) in places.iter_mut().zip(found.into_iter().flatten()) {
            places.extend(found.iter().cloned());
            places.sort_by_key(|place| place.exchange);
        }
        Ok(())
    }
}

/// How the recordings of those runs of a store are counted that are wanted.
fn counted(runs: &[Run], is_wanted: impl Fn(&Run) -> bool) -> HashMap<RunId, Counted> {
    let mut servers = HashMap::new();
    let mut counted = HashMap::new();
    for run in runs {
        let arranged = if run.is_of_fixture() { Arranged::ByKey } else { Arranged::AsAsked };
        let mut since = run.id;
        if run.is_of_server() {
            let first = servers.entry((&run.begun.job, run.begun.simulated)).or_insert(run.id);
            if run.begun.mode == Mode::Record.as_str() {
                *first = run.id;
            }
            since = *first;
        }
        if is_wanted(run) {
            counted.insert(run.id, Counted { arranged, since });
        }
    }
    counted
}

/// Reads every request of the foreign runs of every store.
fn read(
    sources: &mut [Source],
    foreign: &[HashMap<RunId, Counted>],
    rules: &KeyRules,
) -> Result<HashMap<Key, Vec<Vec<Place>>>, StoreError> {
    let mut found: HashMap<Key, Vec<Vec<Found>>> = HashMap::new();
    let mut slots = HashSet::new();
    let stores = sources.len();
    for (index, (source, foreign)) in sources.iter_mut().zip(foreign).enumerate() {
        if foreign.is_empty() {
            continue;
        }
        source.visit_requests(|request| {
            let run = request.place.exchange.item().run();
            let Some(counted) = foreign.get(&run) else { return };
            // Of what was recorded several times in one place the newest counts, which comes first.
            let slot = (index, counted.since, request.place.session.clone(), request.key, request.place.occurrence);
            if !slots.insert(slot) {
                return;
            }
            // What is no JSON was never asked for by a client, and nobody will.
            let Ok(key) = Key::of(request.endpoint, &request.body, rules) else { return };
            let of_key = found.entry(key).or_insert_with(|| (0..stores).map(|_| Vec::new()).collect());
            of_key[index].push(Found::of(request, *counted));
        })?;
    }
    let numbered = |of_key: Vec<Vec<Found>>| of_key.into_iter().map(number).collect();
    Ok(found.into_iter().map(|(key, of_key)| (key, numbered(of_key))).collect())
}

/// Whether the keys of a run were made by some rules. A run that does not say so, such as a fixture's,
/// is taken for one that had none.
fn is_made_by(run: &Run, rules: &KeyRules) -> bool {
    #[derive(Deserialize)]
    struct Identity {
        #[serde(default)]
        record: Recorded,
    }
    #[derive(Deserialize, Default)]
    struct Recorded {
        #[serde(default)]
        ignore: Vec<String>,
        #[serde(default)]
        normalise: Vec<String>,
    }
    let Ok(Identity { record }) = serde_json::from_str(&run.begun.job_identity) else { return false };
    let ignored: Option<Vec<IgnorePath>> = record.ignore.iter().map(|path| path.parse().ok()).collect();
    let normalised: Option<Vec<Normaliser>> = record.normalise.iter().map(|name| name.parse().ok()).collect();
    let Some((ignored, normalised)) = ignored.zip(normalised) else { return false };
    let ignores_alike = ignored.iter().all(|path| rules.ignore.contains(path))
        && rules.ignore.iter().all(|path| ignored.contains(path));
    ignores_alike && normalised == rules.normalise
}
