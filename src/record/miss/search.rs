//! Looking for what comes nearest to a request, one recording after another.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use super::likeness::{Likened, Likeness};
use super::profile::Profile;
use super::redaction::Struck;
use super::verdict::{Compared, Known, Verdict};
use super::{AskedFor, Candidate, Miss, MissReason, Nearest};
use crate::model::{Endpoint, Key, KeyRules};
use crate::record::Comparison;

/// How many of the nearest recordings are told.
const TOLD: usize = 3;
/// How many that look near are compared place by place.
const KEPT: usize = 8;
/// So many bytes of bodies are compared under the rules of the key; beyond them as they stand, and the
/// nearest ones again under the rules.
const UNDER_RULES: usize = 8 << 20;
/// So many bytes of bodies are looked at in all.
const LOOKED_AT: usize = 512 << 20;
/// So many recordings are.
const SEEN: usize = 200_000;
/// So many bytes of the bodies that look near are held, however many those are.
const HELD: usize = 4 << 20;
/// So many bytes of requests are tried with other models in them, and so many models at least.
const TRIED: usize = 4 << 20;
const TRIED_ALWAYS: usize = 8;
/// How many models are noted.
const MODELS: usize = 1_000;
/// So much nearer counts a recording of the very session that asks, and one that has not answered yet:
/// the session tells more.
const OWN_SESSION: f64 = 0.035;
const LEFT_OVER: f64 = 0.03;
/// So much counts a recording of the session that asks where it has been given all that it may have.
const OWN_BUT_GIVEN: f64 = 0.01;
/// That counts in full where so much is not alike, and less where less is; but always something.
const UNLIKE: f64 = 0.12;
const LEAST_WEIGHT: f64 = 1e-9;
/// So much nearer counts a recording of which all texts are the same.
const SAME_TEXTS: f64 = 0.2;

/// Looks for what comes nearest to a request, one recording after another.
///
/// Each recording costs time in proportion to its body, up to 512 MiB of bodies or 200,000
/// recordings. Eight of them are held at most, and no more than 4 MiB unless one alone has more.
/// Of two that are as near the one that is given first counts.
pub struct Search<'a> {
    asked: AskedFor<'a>,
    /// The body that is asked, as it stands.
    as_it_stands: Likened,
    /// The same under the rules of the key, where there are any.
    under_rules: Option<Likened>,
    /// The body that is looked at.
    profile: Profile,
    endpoints: BTreeSet<Endpoint>,
    models: BTreeSet<Arc<str>>,
    same: Same,
    kept: Vec<Kept>,
    looked_at: usize,
    seen: usize,
}

/// The recordings of the very request.
#[derive(Default)]
struct Same {
    usable: usize,
    other_session: Option<Arc<str>>,
}

/// A recording that looks near.
struct Kept {
    candidate: Candidate,
    likeness: Likeness,
    /// How near it counts.
    rank: f64,
    relation: Relation,
    /// How many were given before it.
    at: usize,
}

/// How a recording is related to the request: the nearest relation comes first, however alike others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    /// It is of the very request.
    Same,
    /// It was found by the key that the request has with another model.
    ButForModel,
    /// It is another request.
    Other,
}

impl<'a> Search<'a> {
    /// A search for what comes nearest to a request.
    #[must_use]
    pub fn new(asked: AskedFor<'a>) -> Self {
        let (body, rules) = (&asked.request.body, asked.rules);
        let has_rules = !rules.ignore.is_empty() || !rules.normalise.is_empty();
        Self {
            as_it_stands: Likened::new(&Profile::of(body)),
            under_rules: has_rules.then(|| Likened::new(&Profile::of(&comparable(rules, body)))),
            profile: Profile::default(),
            asked,
            endpoints: BTreeSet::new(),
            models: BTreeSet::new(),
            same: Same::default(),
            kept: Vec::new(),
            looked_at: 0,
            seen: 0,
        }
    }

    /// Looks at a recording, and says whether it would look at another.
    pub fn look_at(&mut self, candidate: Candidate) -> ControlFlow<()> {
        if self.is_full() {
            return ControlFlow::Break(());
        }
        self.seen += 1;
        let length = candidate.body.len();
        self.note(candidate);
        self.looked_at = self.looked_at.saturating_add(length);
        ControlFlow::Continue(())
    }

    /// Whether there may be recordings that it did not look at.
    pub(in crate::record) const fn is_full(&self) -> bool {
        self.seen >= SEEN || self.looked_at >= LOOKED_AT
    }

    /// Learns that there are recordings of an endpoint and a model, near or not.
    pub(in crate::record) fn know(&mut self, endpoint: Endpoint, model: &Arc<str>) {
        self.endpoints.insert(endpoint);
        if endpoint == self.asked.request.endpoint && self.models.len() < MODELS && !self.models.contains(model) {
            self.models.insert(Arc::clone(model));
        }
    }

    /// The keys that the request has with another model in its place, for the models that are known,
    /// the likeliest first: who has recorded one of them has recorded this, but for the model.
    pub(in crate::record) fn keys_of_other_models(&self) -> Vec<Key> {
        let AskedFor { request, rules, .. } = self.asked;
        let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else { return Vec::new() };
        if body.get("model").is_none_or(|model| !model.is_string()) {
            return Vec::new();
        }
        let mut models: Vec<_> = self.models.iter().filter(|model| **model != request.model).collect();
        let likeness = |other: &str| strsim::jaro_winkler(&request.model, other);
        models.sort_by(|left, right| likeness(right).total_cmp(&likeness(left)));
        let most = (TRIED / request.body.len().max(1)).max(TRIED_ALWAYS);
        let keys = models.into_iter().take(most).filter_map(|model| {
            body["model"] = Value::from(&**model);
            Key::of(request.endpoint, body.to_string().as_bytes(), rules).ok()
        });
        keys.collect()
    }

    /// Takes a recording for a near one that was looked up by its key.
    pub(in crate::record) fn take(&mut self, candidate: Candidate) {
        let relation = if candidate.key == self.asked.request.key { Relation::Same } else { Relation::ButForModel };
        if relation == Relation::Same && !self.same.is_known() {
            self.note_same(&candidate);
        }
        self.kept.retain(|kept| kept.candidate.key != candidate.key);
        let likeness = self.likeness(&candidate.body);
        let rank = self.rank(likeness, &candidate);
        let at = self.seen + self.kept.len();
        let behind = self.kept.partition_point(|kept| kept.relation <= relation);
        self.kept.insert(behind, Kept { candidate, likeness, rank, relation, at });
        self.kept.truncate(KEPT);
    }

    /// How much likelier meant a recording is than others of its request: one of the session that asks,
    /// and one that is left over.
    pub(in crate::record) fn preference(&self, session: Option<&str>, was_handed_out: bool) -> f64 {
        // A session that has been given all of its own needs another's.
        let of_own = if self.asked.recorded > 0 { OWN_BUT_GIVEN } else { OWN_SESSION };
        let own_session = if session.unwrap_or_default() == self.asked.session { of_own } else { 0.0 };
        own_session + if was_handed_out { 0.0 } else { LEFT_OVER }
    }

    fn note(&mut self, candidate: Candidate) {
        self.know(candidate.endpoint, &candidate.model);
        if candidate.endpoint != self.asked.request.endpoint {
            return;
        }
        if candidate.key == self.asked.request.key {
            self.note_same(&candidate);
        }
        self.keep(candidate);
    }

    fn note_same(&mut self, candidate: &Candidate) {
        match candidate.session.as_ref().filter(|session| !session.is_empty() && &***session != self.asked.session) {
            None => self.same.usable += 1,
            Some(session) => _ = self.same.other_session.get_or_insert_with(|| Arc::clone(session)),
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        // Recordings of one key have one body, as far as the key goes.
        let known = self.kept.iter().position(|kept| kept.candidate.key == candidate.key);
        let likeness = match known {
            Some(known) => self.kept[known].likeness,
            None if self.looked_at < UNDER_RULES => self.likeness(&candidate.body),
            None => self.likeness_as_it_stands(&candidate.body),
        };
        let rank = self.rank(likeness, &candidate);
        if let Some(known) = known {
            if self.kept[known].rank >= rank {
                return;
            }
            self.kept.remove(known);
        }
        let is_same = candidate.key == self.asked.request.key;
        let relation = if is_same { Relation::Same } else { Relation::Other };
        let is_before = |kept: &Kept| kept.relation < relation || (kept.relation == relation && kept.rank >= rank);
        let at = self.kept.partition_point(is_before);
        if at < KEPT {
            self.kept.truncate(KEPT - 1);
            self.kept.insert(at, Kept { candidate, likeness, rank, relation, at: self.seen });
            self.hold_no_more();
        }
    }

    fn hold_no_more(&mut self) {
        let mut held = 0_usize;
        let fits = self.kept.iter().take_while(|kept| {
            held = held.saturating_add(kept.candidate.body.len());
            held <= HELD
        });
        let fitting = fits.count().max(1);
        self.kept.truncate(fitting);
    }

    fn likeness(&mut self, body: &[u8]) -> Likeness {
        let Some(asked) = &mut self.under_rules else { return self.likeness_as_it_stands(body) };
        self.profile.read(&comparable(self.asked.rules, body));
        asked.likeness(&self.profile)
    }

    fn likeness_as_it_stands(&mut self, body: &[u8]) -> Likeness {
        self.profile.read(body);
        self.as_it_stands.likeness(&self.profile)
    }

    /// How near a recording counts: mostly by how alike it is. What else counts is no more than a part
    /// of what is not alike: requests about one long document are all alike, and still one is meant.
    fn rank(&self, likeness: Likeness, candidate: &Candidate) -> f64 {
        let preference = self.preference(candidate.session.as_deref(), candidate.was_handed_out);
        let weight = ((1.0 - likeness.similarity) / UNLIKE).clamp(LEAST_WEIGHT, 1.0);
        likeness.similarity + SAME_TEXTS * likeness.same_texts + weight * preference
    }

    /// What has come of it.
    #[must_use]
    pub fn finish(mut self) -> Miss {
        let mut compared = self.compared();
        let reason = self.same.reason(&self.asked).unwrap_or_else(|| {
            let known = Known { endpoints: &self.endpoints, models: &self.models };
            let struck = Struck::new(self.asked.struck_as);
            Verdict { asked: &self.asked, known: &known, struck: &struck }.reason(&mut compared)
        });
        // What has nothing in common with it is not near.
        let nearest = compared.into_iter().map(|compared| compared.nearest).filter(|nearest| nearest.per_cent() > 0);
        let nearest = nearest.take(TOLD).collect();
        Miss { newest: self.is_full().then_some(self.seen), ..Miss::new(&self.asked, reason, nearest) }
    }

    /// The nearest recordings, compared place by place, the nearest one first.
    fn compared(&mut self) -> Vec<Compared> {
        let mut kept = std::mem::take(&mut self.kept);
        for kept in &mut kept {
            kept.likeness = self.likeness(&kept.candidate.body);
            kept.rank = self.rank(kept.likeness, &kept.candidate);
        }
        let asked = comparable(self.asked.rules, &self.asked.request.body);
        let mut kept: Vec<_> = kept.into_iter().map(|kept| self.read(kept, &asked)).collect();
        kept.sort_by(|(left, left_text), (right, right_text)| {
            let by_rank = left.relation.cmp(&right.relation).then(right.rank.total_cmp(&left.rank));
            by_rank.then(left_text.changed.cmp(&right_text.changed)).then(left.at.cmp(&right.at))
        });
        kept.into_iter().map(|(kept, text)| self.compare(kept, &text.body, &asked)).collect()
    }

    /// What of a recording is compared with what is asked.
    fn read(&self, kept: Kept, asked: &[u8]) -> (Kept, Text) {
        let body = comparable(self.asked.rules, &kept.candidate.body);
        let changed = changed(&body, asked);
        (kept, Text { body, changed })
    }

    fn compare(&self, kept: Kept, recorded: &[u8], asked: &[u8]) -> Compared {
        let AskedFor { request, rules, .. } = self.asked;
        let Kept { candidate, likeness, .. } = kept;
        let mut comparison = Comparison::of(recorded, asked);
        if comparison.count() == 0 {
            // Ids may stand in the same places, and be others of each other.
            let canonical = |body: &[u8]| rules.canonical(body).unwrap_or_else(|_| body.to_vec());
            comparison = Comparison::of(&canonical(&candidate.body), &canonical(&request.body));
        }
        Compared { nearest: Nearest::new(&candidate, likeness.similarity, comparison), body: candidate.body }
    }
}

/// What of a recording is compared.
struct Text {
    body: Vec<u8>,
    /// How many bytes lie between what it has in common with what is asked at either end: of those
    /// that are as alike it tells which one was changed.
    changed: usize,
}

/// How much of a body is neither in the beginning that it has in common with another nor in the end.
fn changed(body: &[u8], other: &[u8]) -> usize {
    let front = body.iter().zip(other).take_while(|(left, right)| left == right).count();
    let (body, other) = (&body[front..], &other[front..]);
    let back = body.iter().rev().zip(other.iter().rev()).take_while(|(left, right)| left == right).count();
    body.len().max(other.len()) - back
}

/// What of a body is compared; what is no JSON as it stands.
fn comparable(rules: &KeyRules, body: &[u8]) -> Vec<u8> {
    rules.comparable(body).unwrap_or_else(|_| body.to_vec())
}

impl Same {
    const fn is_known(&self) -> bool {
        self.usable > 0 || self.other_session.is_some()
    }

    /// Why the recordings of the very request do not answer it. How many there were for the session
    /// whoever handed them out knows best.
    fn reason(&self, asked: &AskedFor<'_>) -> Option<MissReason> {
        let recorded = if asked.recorded > 0 { asked.recorded } else { self.usable };
        match &self.other_session {
            _ if recorded > 0 => {
                let asked = asked.occurrence.saturating_add(1);
                Some(MissReason::Exhausted { recorded: u32::try_from(recorded).unwrap_or(u32::MAX), asked })
            }
            Some(session) => Some(MissReason::OtherSession { session: session.to_string() }),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Request;
    use crate::store::RunId;

    #[test]
    fn large_recordings_do_not_fill_the_memory() {
        let rules = KeyRules::default();
        let body = |number: u32| format!(r#"{{"prompt":"{number}{}"}}"#, "x".repeat(1 << 20)).into();
        let request = Request::new(Endpoint::Completions, "m".into(), body(99), &rules).unwrap();
        let (session, occurrence, recorded, record_with) = ("", 0, 0, "");
        let (request, rules, struck_as) = (&request, &rules, &[][..]);
        let mut search =
            Search::new(AskedFor { request, session, occurrence, recorded, rules, struck_as, record_with });
        for number in 0..20 {
            let looked = search.look_at(Candidate {
                id: RunId(1).item(number).exchange(0),
                endpoint: Endpoint::Completions,
                model: "m".into(),
                key: Key::from_bytes([u8::try_from(number).unwrap(); 32]),
                session: None,
                occurrence: 0,
                was_handed_out: false,
                body: body(number),
            });
            assert!(looked.is_continue());
            let held: usize = search.kept.iter().map(|kept| kept.candidate.body.len()).sum();
            assert!(held <= HELD, "{held}");
        }
        assert_eq!(search.kept.len(), 3);
    }
}
