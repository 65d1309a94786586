//! What has been handed out so far, and what came of the rest.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use crate::model::{Attempt, Endpoint, Key, KeyRules, Mode};
use crate::record::{Listed, Missed, Refused, SessionCounts};
use crate::store::{Place, StoreError};

use super::handed_by_key::HandedByKey;
use super::handed_out::{Handed, SessionIndex};
use super::playback::{Live, PlaybackOptions};
use super::rekeyed::Rekeyed;
use super::source::Source;
use super::tape::{At, Taped, Tapes};

/// What has been handed out so far, by whom it was asked for, and from where.
pub(super) struct State {
    pub(super) sources: Vec<Source>,
    /// Whether the sources hold their stores, which nobody can begin to write meanwhile.
    held: bool,
    /// What was handed out of each key that was asked for.
    handed: HandedByKey,
    /// The recordings that have another key under the rules of now.
    rekeyed: Rekeyed,
    pub(super) sessions: Sessions,
    /// What was recorded by now, each for the request that it was recorded for.
    live: Vec<At>,
    /// What was said of models in `record`, the newest to each request of a session.
    models: HashMap<(SessionIndex, Key), At>,
    /// What nothing answered, in the order in which it first came.
    pub(super) missed: Vec<Missed>,
    missed_index: HashMap<(SessionIndex, Key), usize>,
    /// What could not be sent, and was not recorded since.
    unsent: HashSet<(SessionIndex, Key)>,
    /// What was refused, in the order in which it first came.
    pub(super) refused: Listed<Refused>,
    pub(super) totals: Totals,
}

/// The sessions that have asked.
#[derive(Default)]
pub(super) struct Sessions {
    indexes: HashMap<Arc<str>, SessionIndex>,
    pub(super) counts: Vec<SessionCounts>,
}

/// What is counted over all sessions.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) derived: u64,
    pub(super) exhausted: u64,
    pub(super) cost_avoided_usd: f64,
    pub(super) unpriced_hits: u64,
    pub(super) live_cost_usd: f64,
    pub(super) unpriced_live: u64,
    pub(super) refusals: u64,
    pub(super) cut: u64,
    pub(super) account_failures: u64,
}

impl Sessions {
    /// A session's place in the list, and its name where it has one.
    pub(super) fn of(&mut self, name: &str) -> (SessionIndex, Option<Arc<str>>) {
        let found = self.indexes.get_key_value(name).map(|(name, index)| (*index, Arc::clone(name)));
        let (index, name) = found.unwrap_or_else(|| self.add(name));
        (index, Some(name).filter(|name| !name.is_empty()))
    }

    fn add(&mut self, name: &str) -> (SessionIndex, Arc<str>) {
        let (index, shared) = (self.counts.len(), Arc::<str>::from(name));
        self.counts.push(SessionCounts { name: name.to_owned(), hits: 0, misses: 0, live: 0 });
        self.indexes.insert(Arc::clone(&shared), index);
        (index, shared)
    }
}

impl State {
    pub(super) fn new(sources: Vec<Source>, rules: &KeyRules) -> Result<Self, StoreError> {
        Ok(Self {
            rekeyed: Rekeyed::new(&sources, rules)?,
            sources,
            held: false,
            handed: HandedByKey::default(),
            sessions: Sessions::default(),
            live: Vec::new(),
            models: HashMap::new(),
            missed: Vec::new(),
            missed_index: HashMap::new(),
            unsent: HashSet::new(),
            refused: Listed::default(),
            totals: Totals::default(),
        })
    }

    /// Takes hold of the stores, unless they are held: a replay costs no lock of its own then. Says
    /// whether somebody has to let go of them.
    pub(super) fn hold(&mut self) -> Result<bool, StoreError> {
        if self.held {
            return Ok(false);
        }
        let held = self.sources.iter_mut().try_for_each(Source::hold);
        self.held = held.is_ok();
        held.map(|()| true)
    }

    /// Lets others write the stores, and sees from now on what they have written.
    pub(super) fn let_go(&mut self) {
        self.held = false;
        for source in &self.sources {
            // One that cannot be let go of cannot be read either: the next to ask is told.
            _ = source.let_go();
        }
    }

    /// Closes the stores.
    pub(super) fn close(&mut self) {
        self.sources.clear();
    }

    /// The recordings of a key, and who has been given them.
    pub(super) fn handed(&mut self, key: &Key, options: &PlaybackOptions) -> Result<&mut Handed, StoreError> {
        let Self { handed, sources, rekeyed, .. } = self;
        handed.get_or_insert_with(key, || {
            places(sources, rekeyed, key, &options.rules).map(|places| Handed::new(Tapes::of(places, options.mode)))
        })
    }

    /// The newest of the recordings of a key that a session would be given.
    pub(super) fn newest(
        &mut self,
        (index, session): (SessionIndex, Option<&Arc<str>>),
        key: &Key,
        options: &PlaybackOptions,
    ) -> Result<Option<Taped>, StoreError> {
        if let Some(at) = self.models.get(&(index, *key)) {
            return Ok(Some(Taped { occurrence: 0, at: *at, attempt_id: None, answers: true, stands: true }));
        }
        let places = places(&mut self.sources, &mut self.rekeyed, key, &options.rules)?;
        let tapes = Tapes::of(places, Mode::Auto);
        let mut given = tapes.for_session(session).into_iter().rev().map(|position| tapes.taped(position));
        Ok(given.find(|taped| taped.answers))
    }

    /// Forgets that a key was asked for of which there is no recording: somebody else may record it
    /// before it is asked for again.
    pub(super) fn forget_unrecorded(&mut self, key: &Key) {
        if self.handed.get(key).is_some_and(|handed| handed.is_unrecorded()) {
            self.handed.forget(key);
        }
    }

    /// Reads a recording, and counts that it answers a request of an endpoint.
    pub(super) fn replay(
        &mut self,
        session: SessionIndex,
        taped: Taped,
        endpoint: Endpoint,
    ) -> Result<Attempt, StoreError> {
        let attempt = self.read(taped)?;
        self.count_hit(session, endpoint, &attempt);
        Ok(attempt)
    }

    pub(super) fn read(&mut self, taped: Taped) -> Result<Attempt, StoreError> {
        self.sources.get_mut(taped.at.source).ok_or(StoreError::Closed)?.attempt(taped)
    }

    /// Counts that a recording answers a request of an endpoint.
    pub(super) fn count_hit(&mut self, session: SessionIndex, endpoint: Endpoint, attempt: &Attempt) {
        self.sessions.counts[session].hits += 1;
        match attempt.cost_usd {
            Some(cost_usd) => self.totals.cost_avoided_usd += cost_usd,
            None if attempt.may_have_cost() && endpoint != Endpoint::Models => self.totals.unpriced_hits += 1,
            None => {}
        }
    }

    /// Counts a request that no recording answers, of which there were so many.
    pub(super) fn count_unanswered(&mut self, session: SessionIndex, sends: bool, recorded: usize) {
        let counts = &mut self.sessions.counts[session];
        let count = if sends { &mut counts.live } else { &mut counts.misses };
        *count += 1;
        self.totals.exhausted += u64::from(recorded > 0);
    }

    /// Counts what a request that was sent has cost: what cost nothing says so.
    pub(super) fn count_cost(&mut self, cost_usd: Option<f64>) {
        match cost_usd {
            Some(cost_usd) => self.totals.live_cost_usd += cost_usd,
            None => self.totals.unpriced_live += 1,
        }
    }

    /// Counts a request that was sent and is on record now.
    pub(super) fn count_live(&mut self, live: &Live) {
        self.count_cost(live.cost_usd);
        self.live.push(At { source: 0, exchange: live.exchange });
    }

    /// How many requests each of the recordings has answered that have answered any.
    pub(super) fn uses(&self) -> HashMap<At, u64> {
        let mut uses = HashMap::new();
        let live = self.live.iter().map(|at| (*at, 1));
        for (at, count) in self.handed.iter().flat_map(Handed::uses).chain(live) {
            *uses.entry(at).or_default() += count;
        }
        uses
    }

    /// Notes that a request is on record now that was to be.
    pub(super) fn has_sent(&mut self, session: SessionIndex, key: &Key) {
        self.unsent.remove(&(session, *key));
    }

    pub(super) fn count_unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Takes back that a request was sent.
    pub(super) fn not_sent(&mut self, session: SessionIndex, key: &Key, occurrence: u32) {
        self.unsent.insert((session, *key));
        let counts = &mut self.sessions.counts[session];
        counts.live = counts.live.saturating_sub(1);
        if let Some(handed) = self.handed.get(key) {
            handed.open(session, occurrence);
        }
    }

    /// Adds what is on record now to what is handed out. Where it does not stand, the session's next
    /// request for the key is sent in its place.
    pub(super) fn add(&mut self, (index, session): (SessionIndex, Option<Arc<str>>), live: &Live) {
        // Else it would not be found.
        self.let_go();
        let at = At { source: 0, exchange: live.exchange };
        let begin = || Ok::<_, Infallible>(Handed::default());
        let Ok(handed) = self.handed.get_or_insert_with(&live.key, begin);
        let Live { occurrence, stands, .. } = *live;
        handed.add(session, Taped { occurrence, at, attempt_id: None, answers: stands, stands });
        if !live.stands {
            handed.open(index, live.occurrence);
        }
    }

    /// Keeps what was just recorded of models, to be lent where nothing else is.
    pub(super) fn keep_models(&mut self, session: SessionIndex, live: &Live) {
        // Else it would not be found.
        self.let_go();
        self.models.insert((session, live.key), At { source: 0, exchange: live.exchange });
    }

    /// Notes why a session's request was not answered; one that is asked again is counted.
    pub(super) fn note_missed(&mut self, key: Key, missed: Missed) {
        let (index, _) = self.sessions.of(&missed.session);
        if let Some(known) = self.missed_index.get(&(index, key)) {
            self.missed[*known].count += 1;
            return;
        }
        self.missed_index.insert((index, key), self.missed.len());
        self.missed.push(missed);
    }

    /// Notes that a request was refused; one that was for the same reason is counted.
    pub(super) fn note_refused(&mut self, refused: Refused) {
        self.totals.refusals += 1;
        match self.refused.shown.iter_mut().find(|known| known.is_like(&refused)) {
            Some(known) => known.count += 1,
            None => self.refused.push(|| refused),
        }
    }

    pub(super) fn models(&self) -> Result<Vec<String>, StoreError> {
        let models: Vec<_> = self.sources.iter().map(|source| source.recordings.models()).collect::<Result<_, _>>()?;
        let mut models = models.concat();
        models.sort_unstable();
        models.dedup();
        Ok(models)
    }

    pub(super) fn count_recordings(&self) -> Result<u64, StoreError> {
        let counts = self.sources.iter().map(|source| Ok(source.recordings.count_recordings()?.total().recordings));
        counts.sum()
    }
}

/// Where the recordings lie in each store that have a key by the rules of now.
fn places(
    sources: &mut [Source],
    rekeyed: &mut Rekeyed,
    key: &Key,
    rules: &KeyRules,
) -> Result<Vec<Vec<Place>>, StoreError> {
    let mut places: Vec<_> = sources.iter_mut().map(|source| source.places(key)).collect::<Result<_, _>>()?;
    rekeyed.correct(key, &mut places, sources, rules)?;
    Ok(places)
}
