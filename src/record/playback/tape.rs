//! The recordings of one key in the order in which a session is given them.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::model::Mode;
use crate::store::{ExchangeId, Place, RunId};

/// A recording of one of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct At {
    /// Which store, by its place in the list of them.
    pub(super) source: usize,
    /// The exchange.
    pub(super) exchange: ExchangeId,
}

/// A recording with the place that it has among those of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taped {
    pub(super) occurrence: u32,
    pub(super) at: At,
    /// The attempt that answers; `None` where it was not read yet.
    pub(super) attempt_id: Option<i64>,
    /// Whether it answers; else what asks for it is sent, and recorded in its place.
    pub(super) answers: bool,
    /// Whether it [stands](crate::model::Attempt::stands).
    pub(super) stands: bool,
}

/// The recordings of one key: by the session that they were recorded in, those without one first,
/// and by occurrence.
#[derive(Debug, Default)]
pub(super) struct Tapes {
    /// Most keys have one, and there are many keys: what is kept of one is kept in one place.
    sorted: SmallVec<[Recorded; 1]>,
    /// Whether a named session is lent what another one recorded. Where both of them record as well,
    /// who was lent what would depend on who was first.
    lends_named: bool,
}

/// A recording of a key, by its place in the list of them.
pub(super) type Position = usize;

/// The recordings that a session is given, in order. Most are given one.
pub(super) type Given = SmallVec<[Position; 2]>;

#[derive(Debug)]
struct Recorded {
    session: Option<Arc<str>>,
    taped: Taped,
    /// How many requests it has answered.
    uses: u64,
}

impl Recorded {
    fn slot(&self) -> (&Option<Arc<str>>, u32) {
        (&self.session, self.taped.occurrence)
    }
}

impl Tapes {
    /// The recordings that a mode has a use for, of the places in each store, the stores in the order in
    /// which they count. Of two with the same session and occurrence that of the earlier store
    /// stands, and within a store the newer one. Behind a run that recorded a session anew, older
    /// ones of the store count no more.
    pub(super) fn of(places: Vec<Vec<Place>>, mode: Mode) -> Self {
        let has_real = places.iter().flatten().any(|place| !place.simulated);
        let mut tapes = Self { sorted: SmallVec::new(), lends_named: mode == Mode::Replay };
        for (source, places) in places.into_iter().enumerate() {
            for place in standing(places) {
                let answers = match Lent::of(&place, mode, has_real) {
                    Lent::Answers => true,
                    Lent::SentAgain => false,
                    Lent::PassedOver => continue,
                };
                let at = At { source, exchange: place.exchange };
                let Place { session, occurrence, attempt_id, stands, .. } = place;
                let recorded = Taped { occurrence, at, attempt_id: Some(attempt_id), answers, stands };
                tapes.sorted.push(Recorded { session, taped: recorded, uses: 0 });
            }
        }
        // Stable: what came first stands.
        tapes.sorted.sort_by(|left, right| left.slot().cmp(&right.slot()));
        tapes.sorted.dedup_by(|next, first| next.slot() == first.slot());
        tapes
    }

    /// Adds what was just recorded. The positions of others may change.
    pub(super) fn add(&mut self, session: Option<Arc<str>>, taped: Taped) {
        let added = Recorded { session, taped, uses: 0 };
        match self.sorted.binary_search_by(|recorded| recorded.slot().cmp(&added.slot())) {
            Ok(there) => self.sorted[there] = added,
            Err(place) => self.sorted.insert(place, added),
        }
    }

    /// The recordings that a session is given, in order: its own. Where it was given others before
    /// its first own one was recorded, these stand before that; where it has none, it is given only
    /// others. Those of the unnamed session are lent by the first session that has a name. Those of a
    /// named one are what the unnamed session is given, as far as it may be lent them.
    pub(super) fn for_session(&self, session: Option<&Arc<str>>) -> Given {
        let unnamed = self.of_session(None);
        let first_named = self.sorted.get(unnamed.end).and_then(|first| first.session.as_ref());
        let lent = first_named.map_or_else(Range::default, |first| self.of_session(Some(first)));
        let of_unnamed = self.with_lent(unnamed.clone(), lent);
        if session.is_none() {
            return of_unnamed;
        }
        // Not what stands behind what is not lent: a replay, which lends it, would give that first.
        let is_lent = |position: &Position| self.lends_named || unnamed.contains(position);
        self.with_lent(self.of_session(session), of_unnamed.into_iter().take_while(is_lent))
    }

    /// A session's own recordings, with those that it was lent before its last own one.
    fn with_lent(&self, own: Range<Position>, lent: impl IntoIterator<Item = Position>) -> Given {
        let occurrence = |position: &Position| self.taped(*position).occurrence;
        let last = own.clone().last();
        let lent = lent.into_iter().take_while(|lent| last.is_none_or(|last| occurrence(lent) < occurrence(&last)));
        let mut given: Given = own.chain(lent).collect();
        given.sort_by_key(occurrence);
        // Stable: its own stands.
        given.dedup_by_key(|position| occurrence(position));
        given
    }

    fn of_session(&self, session: Option<&Arc<str>>) -> Range<Position> {
        let from = self.sorted.partition_point(|recorded| recorded.session.as_ref() < session);
        let count = self.sorted[from..].partition_point(|recorded| recorded.session.as_ref() == session);
        from..from + count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// A recording of those that a session is given.
    pub(super) fn taped(&self, position: Position) -> Taped {
        self.sorted[position].taped
    }

    /// Counts that a recording answers a request.
    pub(super) fn count_use(&mut self, position: Position) {
        self.sorted[position].uses += 1;
    }

    /// The recordings that have answered requests, and how many each.
    pub(super) fn uses(&self) -> impl Iterator<Item = (At, u64)> {
        self.sorted.iter().filter(|recorded| recorded.uses > 0).map(|recorded| (recorded.taped.at, recorded.uses))
    }
}

/// The runs that recorded a key anew, the newest for each session. Behind such a run older recordings
/// of the session count no more; simulated answers take no real one's place.
#[derive(Debug, Default)]
pub(super) struct Anew(Vec<(Option<Arc<str>>, bool, RunId)>);

impl Anew {
    /// Whether a recording of the key still counts; they are looked at from the newest on.
    pub(super) fn lets_stand(&mut self, place: &Place) -> bool {
        let is_left = self.leaves(place);
        if place.anew && self.newest(place).is_none() {
            self.0.push((place.session.clone(), place.simulated, place.exchange.item().run()));
        }
        is_left
    }

    /// Whether none of the runs so far was behind that of a recording and recorded its session anew.
    pub(super) fn leaves(&self, place: &Place) -> bool {
        self.newest(place).is_none_or(|newest| newest == place.exchange.item().run())
    }

    fn newest(&self, place: &Place) -> Option<RunId> {
        let mut alike = self.0.iter().filter(|(session, ..)| *session == place.session);
        alike.find(|(_, simulated, _)| *simulated == place.simulated).map(|(.., run)| *run)
    }
}

/// The places that stand, the newest first.
fn standing(mut places: Vec<Place>) -> Vec<Place> {
    places.reverse();
    let mut anew = Anew::default();
    places.retain(|place| anew.lets_stand(place));
    places
}

/// What a recording is to a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lent {
    /// It answers what asks for it.
    Answers,
    /// What asks for it is sent, and recorded in its place.
    SentAgain,
    /// It is as if it were not there.
    PassedOver,
}

impl Lent {
    /// What a recording is to a mode. A replay lends whatever was recorded, simulated answers where
    /// nothing else is there. `auto` sends again what failed by the account, or was given up: it keeps
    /// its place, so that what comes behind it is what a replay has there.
    pub(super) const fn of(place: &Place, mode: Mode, has_real: bool) -> Self {
        match mode {
            Mode::Replay if place.simulated && has_real => Self::PassedOver,
            Mode::Replay => Self::Answers,
            Mode::Auto if place.simulated => Self::PassedOver,
            Mode::Auto if place.stands => Self::Answers,
            Mode::Auto => Self::SentAgain,
            Mode::Record => Self::PassedOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(run: u32, session: &str, occurrence: u32) -> Place {
        Place {
            exchange: RunId(run).item(occurrence).exchange(0),
            session: Some(session).filter(|session| !session.is_empty()).map(Arc::from),
            occurrence,
            attempt_id: 1,
            stands: true,
            simulated: false,
            anew: false,
        }
    }

    /// The recordings that a session is given, each as store, run and occurrence.
    fn given(tapes: &Tapes, session: &str) -> Vec<(usize, u32, u32)> {
        let session = Some(session).filter(|session| !session.is_empty()).map(Arc::from);
        let given = tapes.for_session(session.as_ref());
        let given = given.into_iter().map(|position| tapes.taped(position));
        given.map(|taped| (taped.at.source, taped.at.exchange.item().run().0, taped.occurrence)).collect()
    }

    #[test]
    fn newer_runs_and_earlier_stores_come_first_for_each_occurrence() {
        let first = vec![place(1, "", 0), place(1, "", 1), place(2, "", 0)];
        let second = vec![place(9, "", 1), place(9, "", 2)];
        let tapes = Tapes::of(vec![first, second], Mode::Replay);
        assert_eq!(given(&tapes, ""), [(0, 2, 0), (0, 1, 1), (1, 9, 2)]);
    }

    #[test]
    fn a_session_is_given_its_own_recordings_and_others_only_where_it_has_none() {
        let places = vec![place(1, "", 0), place(1, "", 1), place(1, "", 2), place(2, "a", 0), place(3, "b", 1)];
        let tapes = Tapes::of(vec![places], Mode::Replay);
        assert_eq!(given(&tapes, "a"), [(0, 2, 0)]);
        assert_eq!(given(&tapes, "b"), [(0, 1, 0), (0, 3, 1)], "it was given the first one before");
        assert_eq!(given(&tapes, "c"), [(0, 1, 0), (0, 1, 1), (0, 1, 2)]);
        assert_eq!(given(&tapes, ""), [(0, 1, 0), (0, 1, 1), (0, 1, 2)]);
        let named_alone = Tapes::of(vec![vec![place(1, "z", 0), place(2, "y", 0)]], Mode::Replay);
        assert_eq!(given(&named_alone, ""), [(0, 2, 0)]);
        assert_eq!(given(&named_alone, "x"), [(0, 2, 0)]);
    }

    #[test]
    fn what_a_session_was_lent_before_its_own_is_lent_with_it() {
        let (both, named) = ([("alpha", 0), ("alpha", 1), ("", 2), ("", 3)], [("alpha", 0), ("alpha", 1), ("zz", 0)]);
        let own_first = [("alpha", 0), ("alpha", 1), ("", 0)];
        let lent_in_between = [("", 0), ("alpha", 1), ("", 2)];
        let (replay, auto) = (Mode::Replay, Mode::Auto);
        for (recorded, mode, session, expected) in [
            (&both[..], replay, "", "alpha0 alpha1 2 3"),
            (&both, auto, "", "alpha0 alpha1 2 3"),
            (&both, replay, "zz", "alpha0 alpha1 2 3"),
            (&both, auto, "zz", ""),
            (&both, replay, "alpha", "alpha0 alpha1"),
            (&both, auto, "alpha", "alpha0 alpha1"),
            (&named, replay, "zz", "zz0"),
            (&named, replay, "", "alpha0 alpha1"),
            (&named, auto, "", "alpha0 alpha1"),
            (&own_first, replay, "", "0"),
            (&own_first, auto, "zz", "0"),
            (&lent_in_between, replay, "zz", "0 alpha1 2"),
            (&lent_in_between, auto, "zz", "0"),
        ] {
            let places = recorded.iter().map(|(session, occurrence)| place(1, session, *occurrence)).collect();
            let tapes = Tapes::of(vec![places], mode);
            let asking = Some(session).filter(|session| !session.is_empty()).map(Arc::from);
            let told = |recorded: &Recorded| {
                format!("{}{}", recorded.session.as_deref().unwrap_or_default(), recorded.taped.occurrence)
            };
            let given = tapes.for_session(asking.as_ref()).into_iter().map(|position| told(&tapes.sorted[position]));
            assert_eq!(given.collect::<Vec<_>>().join(" "), expected, "{recorded:?} {mode:?} {session:?}");
        }
    }

    #[test]
    fn what_was_recorded_anew_is_all_there_is_of_its_session() {
        let anew = |place| Place { anew: true, ..place };
        let old = vec![place(1, "", 0), place(1, "", 1), place(1, "a", 0), place(1, "a", 1)];
        let places = old.into_iter().chain([anew(place(2, "", 0)), place(3, "", 1)]).collect();
        let tapes = Tapes::of(vec![places], Mode::Replay);
        assert_eq!(given(&tapes, ""), [(0, 2, 0), (0, 3, 1)]);
        let simulated = Place { simulated: true, ..anew(place(2, "", 0)) };
        let rehearsed = Tapes::of(vec![vec![place(1, "", 0), simulated]], Mode::Replay);
        assert_eq!(given(&rehearsed, ""), [(0, 1, 0)], "a rehearsal takes no answer's place");
        assert_eq!(given(&tapes, "a"), [(0, 1, 0), (0, 1, 1)]);
    }

    #[test]
    fn a_recording_is_to_each_mode_what_its_table_says() {
        let answer = place(1, "", 0);
        let simulated = Place { simulated: true, ..place(1, "", 0) };
        let failed = Place { stands: false, ..place(1, "", 0) };
        for (mode, expected) in [
            (Mode::Replay, [Lent::Answers, Lent::PassedOver, Lent::Answers]),
            (Mode::Auto, [Lent::Answers, Lent::PassedOver, Lent::SentAgain]),
            (Mode::Record, [Lent::PassedOver; 3]),
        ] {
            let lent = [&answer, &simulated, &failed].map(|place| Lent::of(place, mode, true));
            assert_eq!(lent, expected, "{mode:?}");
        }
        let alone = Lent::of(&simulated, Mode::Replay, false);
        assert_eq!(alone, Lent::Answers, "simulated answers are better than none");
    }
}
