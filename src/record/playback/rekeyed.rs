//! Recordings whose key was made by other rules than those that requests are looked up by.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::model::{IgnorePath, Key, KeyRules, Normaliser};
use crate::store::{ExchangeId, KeptRequest, Place, Run, RunId, StoreError};

use super::numbering::{Found, number};
use super::source::Source;
use super::tape::Anew;

/// The recordings whose key was made by other rules than those of this session, and those that have
/// the same key by these rules.
pub(super) struct Rekeyed {
    /// The runs of each store, and how they recorded.
    runs: Vec<HashMap<RunId, Origin>>,
    /// Read when a key is first looked for.
    read: Option<Read>,
}

/// How a run recorded.
#[derive(Debug, Clone, Copy, Default)]
struct Origin {
    /// Whether its keys were made by other rules.
    is_foreign: bool,
    /// Whether its exchanges lie by their keys, as a fixture has them: when they were sent tells in what
    /// order they were asked. Else they lie in that order.
    is_by_key: bool,
}

/// What the stores held when they were read.
struct Read {
    /// The recordings in each store of each key, by the rules of now, that any was recorded of by others.
    places: HashMap<Key, Vec<Vec<Place>>>,
    /// The newest recording of each store.
    newest: Vec<Option<ExchangeId>>,
}

impl Rekeyed {
    pub(super) fn new(sources: &[Source], rules: &KeyRules) -> Result<Self, StoreError> {
        let origin = |run: &Run| Origin { is_foreign: !is_made_by(run, rules), is_by_key: run.is_of_fixture() };
        let runs = |source: &Source| Ok(source.recordings.runs()?.iter().map(|run| (run.id, origin(run))).collect());
        Ok(Self { runs: sources.iter().map(runs).collect::<Result<_, StoreError>>()?, read: None })
    }

    /// Takes what was recorded by other rules out of the recordings of a key in each store, and puts
    /// in what has the key by the rules of now, numbered together with the others.
    pub(super) fn correct(
        &mut self,
        key: &Key,
        places: &mut [Vec<Place>],
        sources: &mut [Source],
        rules: &KeyRules,
    ) -> Result<(), StoreError> {
        if !self.runs.iter().flat_map(HashMap::values).any(|origin| origin.is_foreign) {
            return Ok(());
        }
        if self.read.is_none() {
            self.read = Some(read(sources, &self.runs, rules)?);
        }
        for (places, runs) in places.iter_mut().zip(&self.runs) {
            places.retain(|place| !origin(runs, place).is_foreign);
        }
        let Some(read) = &self.read else { return Ok(()) };
        let Some(found) = read.places.get(key) else { return Ok(()) };
        for ((places, found), newest) in places.iter_mut().zip(found).zip(&read.newest) {
            // What was recorded since then is none of these.
            places.retain(|place| Some(place.exchange) > *newest);
            places.extend(found.iter().cloned());
            places.sort_by_key(|place| place.exchange);
        }
        Ok(())
    }
}

/// How a recording's run recorded. One that began since records by the rules of now.
fn origin(runs: &HashMap<RunId, Origin>, place: &Place) -> Origin {
    runs.get(&place.exchange.item().run()).copied().unwrap_or_default()
}

/// Reads every request of every store.
fn read(sources: &mut [Source], runs: &[HashMap<RunId, Origin>], rules: &KeyRules) -> Result<Read, StoreError> {
    let mut found: HashMap<Key, OfKey> = HashMap::new();
    let mut shadows = Shadows::default();
    let mut newest = Vec::new();
    for (index, (source, runs)) in sources.iter_mut().zip(runs).enumerate() {
        let (mut first, mut times) = (None, Times::default());
        source.visit_requests(|request| {
            first = first.or(Some(request.place.exchange));
            let origin = origin(runs, &request.place);
            let asked_by_ms = if origin.is_by_key { request.sent_at_ms } else { times.asked_by_ms(&request) };
            let key = if origin.is_foreign {
                // What is no JSON was never asked for by a client, and nobody will.
                let Ok(key) = Key::of(request.endpoint, &request.body, rules) else { return };
                key
            } else {
                request.key
            };
            if !shadows.let_stand(index, &request, (key, origin.is_foreign)) {
                return;
            }
            let of_key = found.entry(key).or_default();
            of_key.is_rekeyed |= origin.is_foreign;
            of_key.found.push(Found::of(index, request, asked_by_ms));
        })?;
        newest.push(first);
    }
    found.retain(|_, of_key| of_key.is_rekeyed);
    let stores = sources.len();
    let numbered = |(key, of_key): (Key, OfKey)| (key, number(&key, of_key.found, stores));
    Ok(Read { places: found.into_iter().map(numbered).collect(), newest })
}

/// The recordings of a key by the rules of now.
#[derive(Default)]
struct OfKey {
    found: Vec<Found>,
    /// Whether any of them was recorded by other rules.
    is_rekeyed: bool,
}

/// What makes two recordings one: the session, the key that it was recorded under, the occurrence,
/// and whether the simulated gateway answered, which takes no real answer's place.
type Slot = (Option<Arc<str>>, Key, u32, bool);

/// Which recordings others stand in front of, by the keys that they were recorded under: what rules that
/// came later make one of them hides none. A run that recorded anew by the rules of now knew what they
/// make one, and hides all of that.
#[derive(Default)]
struct Shadows {
    slots: HashSet<Slot>,
    anew: HashMap<(usize, Key), Anew>,
    anew_by_rules: HashMap<(usize, Key), Anew>,
}

impl Shadows {
    /// Whether a recording counts that has a key by the rules of now, and may be made by others; those of
    /// the first store are looked at first, and the newest first.
    fn let_stand(&mut self, source: usize, request: &KeptRequest, (by_rules, is_foreign): (Key, bool)) -> bool {
        let KeptRequest { place, key, .. } = request;
        let slot = (place.session.clone(), *key, place.occurrence, place.simulated);
        let anew_by_rules = self.anew_by_rules.entry((source, by_rules)).or_default();
        let is_left = if is_foreign { anew_by_rules.leaves(place) } else { anew_by_rules.lets_stand(place) };
        is_left && self.anew.entry((source, *key)).or_default().lets_stand(place) && self.slots.insert(slot)
    }
}

/// When the requests of each run were asked that lie in that order and are looked at from the newest on.
#[derive(Default)]
struct Times(HashMap<RunId, i64>);

impl Times {
    /// A time by which a request was asked: what lies behind it was asked later, though it may
    /// have been sent earlier.
    fn asked_by_ms(&mut self, request: &KeptRequest) -> i64 {
        let asked_by_ms = self.0.entry(request.place.exchange.item().run()).or_insert(request.sent_at_ms);
        *asked_by_ms = request.sent_at_ms.min(*asked_by_ms);
        *asked_by_ms
    }
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
