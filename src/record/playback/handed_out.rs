//! What each session has been given of each key.

use std::sync::Arc;

use smallvec::SmallVec;

use super::policy::Policy;
use super::tape::{At, Given, Position, Taped, Tapes};

/// A session, by its place in the list of those that have asked.
pub(super) type SessionIndex = usize;

/// The recordings of one key, and how far each session has come in them.
#[derive(Debug, Default)]
pub(super) struct Handed {
    tapes: Tapes,
    /// By session. Most keys are asked by few.
    sessions: SmallVec<[(SessionIndex, Progress); 1]>,
}

/// How far a session has come in the recordings of a key.
#[derive(Debug, Default)]
struct Progress {
    /// The recordings that it is given; `None` where they have to be looked up anew.
    given: Option<Given>,
    /// How many requests have been answered or sent, each for a place of its own.
    asked: usize,
    /// The occurrence of the next request that is sent, at least.
    next_live: u32,
    /// What the next requests are for. Few sessions have any, and there are many keys.
    open: Option<Box<Open>>,
}

/// Occurrences that were to be recorded and brought nothing that stands, the first one last.
#[derive(Debug, Default)]
struct Open(Vec<u32>);

/// What is there for a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A recording.
    Recorded(Taped),
    /// Nothing: this would be the occurrence of what is sent, and so many recordings there are, all of
    /// which have been handed out; none where it is to take the place of one.
    Nothing { occurrence: u32, recorded: usize },
}

impl Handed {
    pub(super) fn new(tapes: Tapes) -> Self {
        Self { tapes, sessions: SmallVec::new() }
    }

    /// What a session's next request for the key is given.
    pub(super) fn next(&mut self, index: SessionIndex, name: Option<&Arc<str>>, policy: Policy) -> Next {
        let (progress, tapes, picked) = self.look(index, name, policy);
        let open = progress.open.as_mut().and_then(|open| open.0.pop());
        progress.asked += usize::from(open.is_none());
        if let Some(position) = picked {
            let found = tapes.taped(position);
            if found.answers {
                tapes.count_use(position);
                return Next::Recorded(found);
            }
            return Next::Nothing { occurrence: found.occurrence, recorded: 0 };
        }
        if let Some(occurrence) = open {
            return Next::Nothing { occurrence, recorded: 0 };
        }
        let given = progress.given.as_deref().unwrap_or_default();
        let behind = given.last().map_or(0, |last| tapes.taped(*last).occurrence + 1);
        let occurrence = progress.next_live.max(behind);
        progress.next_live = occurrence + 1;
        let recorded = given.iter().filter(|position| tapes.taped(**position).answers).count();
        Next::Nothing { occurrence, recorded }
    }

    /// The recording that a session's next request for the key would be given.
    pub(super) fn peek(&mut self, index: SessionIndex, name: Option<&Arc<str>>, policy: Policy) -> Option<Taped> {
        let (_, tapes, picked) = self.look(index, name, policy);
        picked.map(|position| tapes.taped(position)).filter(|taped| taped.answers)
    }

    /// Whether there is no recording of the key.
    pub(super) fn is_unrecorded(&self) -> bool {
        self.tapes.is_empty()
    }

    /// How many requests each of the recordings has answered that have answered any.
    pub(super) fn uses(&self) -> impl Iterator<Item = (At, u64)> {
        self.tapes.uses()
    }

    fn look(
        &mut self,
        index: SessionIndex,
        name: Option<&Arc<str>>,
        policy: Policy,
    ) -> (&mut Progress, &mut Tapes, Option<Position>) {
        let at = self.sessions.binary_search_by_key(&index, |(index, _)| *index).unwrap_or_else(|place| {
            self.sessions.insert(place, (index, Progress::default()));
            place
        });
        let progress = &mut self.sessions[at].1;
        let given = progress.given.get_or_insert_with(|| self.tapes.for_session(name));
        let picked = match progress.open.as_ref().and_then(|open| open.0.last()) {
            // Meanwhile somebody else may have recorded what it is lent there.
            Some(open) => given.iter().copied().find(|position| self.tapes.taped(*position).occurrence == *open),
            None => policy.pick(progress.asked, given.len()).map(|picked| given[picked]).or_else(|| {
                // Whoever asks a replay again gets no other, where the last one does not stand.
                let is_final = |taped: Taped| taped.answers && !taped.stands;
                given.last().copied().filter(|last| is_final(self.tapes.taped(*last)))
            }),
        };
        (progress, &mut self.tapes, picked)
    }

    /// Opens an occurrence that was to be recorded and brought nothing that stands: the session's next
    /// request for the key is for it.
    pub(super) fn open(&mut self, index: SessionIndex, occurrence: u32) {
        let found = self.sessions.iter_mut().find(|(of, _)| *of == index);
        let Some((_, progress)) = found else { return };
        let Open(open) = progress.open.get_or_insert_default().as_mut();
        if let Err(place) = open.binary_search_by(|open| occurrence.cmp(open)) {
            open.insert(place, occurrence);
        }
    }

    /// Adds what was just recorded; other sessions may be given it from now on.
    pub(super) fn add(&mut self, session: Option<Arc<str>>, taped: Taped) {
        self.tapes.add(session, taped);
        for (_, progress) in &mut self.sessions {
            progress.given = None;
        }
    }
}
