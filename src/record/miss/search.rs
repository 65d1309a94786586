//! Looking for what comes nearest to a request, one recording after another.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use super::fingerprint::{Fingerprint, text_closeness};
use super::verdict::{Compared, Known, is_one_model, verdict};
use super::{AskedFor, Candidate, Miss, MissReason, Nearest};
use crate::model::{Endpoint, Key};
use crate::record::Comparison;

/// How many of the nearest recordings are told.
const TOLD: usize = 3;
/// How many that look near are compared place by place.
const KEPT: usize = 8;
/// So many bytes of bodies are compared part by part; beyond them texts alone are, and only as far
/// as they are the same.
const BY_PARTS: usize = 8 << 20;
/// So many bytes of bodies are looked at in all.
const LOOKED_AT: usize = 1 << 30;
/// So many recordings are.
const SEEN: usize = 200_000;
/// So many bytes of the bodies that look near are held, however many those are.
const HELD: usize = 4 << 20;
/// So many bytes of requests are tried with other models in them, and so many models at least.
const TRIED: usize = 4 << 20;
const TRIED_ALWAYS: usize = 8;
/// How many models are noted.
const MODELS: usize = 1_000;
/// A recording for another model must be so much nearer to come before one for the same.
const OTHER_MODEL: f64 = 0.9;

/// Looks for what comes nearest to a request, one recording after another.
///
/// Each recording costs time in proportion to its body, up to 8 MiB of bodies; from there on to
/// what it has in common with the request before they differ and after, up to 1 GiB or 200,000
/// recordings. Eight of them are held at most, and no more than 4 MiB unless one alone has more.
pub struct Search<'a> {
    asked: AskedFor<'a>,
    fingerprint: Fingerprint,
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
    closeness: f64,
}

impl<'a> Search<'a> {
    /// A search for what comes nearest to a request.
    #[must_use]
    pub fn new(asked: AskedFor<'a>) -> Self {
        Self {
            fingerprint: Fingerprint::of(asked.rules, &asked.request.body),
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
        self.note(candidate);
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
        if candidate.key == self.asked.request.key {
            if !self.same.is_known() {
                self.note_same(&candidate);
            }
            return;
        }
        self.kept.retain(|kept| kept.candidate.key != candidate.key);
        let at = self.kept.partition_point(|kept| kept.closeness.is_infinite());
        self.kept.insert(at, Kept { candidate, closeness: f64::INFINITY });
        self.kept.truncate(KEPT);
    }

    fn note(&mut self, candidate: Candidate) {
        self.know(candidate.endpoint, &candidate.model);
        if candidate.endpoint != self.asked.request.endpoint {
            return;
        }
        if candidate.key == self.asked.request.key {
            self.note_same(&candidate);
        }
        // Recordings of one key have one body, as far as the key goes.
        if !self.kept.iter().any(|kept| kept.candidate.key == candidate.key) {
            self.keep(candidate);
        }
    }

    fn note_same(&mut self, candidate: &Candidate) {
        match candidate.session.as_ref().filter(|session| !session.is_empty() && &***session != self.asked.session) {
            None => self.same.usable += 1,
            Some(session) => _ = self.same.other_session.get_or_insert_with(|| Arc::clone(session)),
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        let closeness = self.closeness(&candidate);
        let at = self.kept.partition_point(|kept| kept.closeness >= closeness);
        if at < KEPT {
            self.kept.truncate(KEPT - 1);
            self.kept.insert(at, Kept { candidate, closeness });
            let mut held = 0_usize;
            let fits = self.kept.iter().take_while(|kept| {
                held = held.saturating_add(kept.candidate.body.len());
                held <= HELD
            });
            let fitting = fits.count().max(1);
            self.kept.truncate(fitting);
        }
    }

    fn closeness(&mut self, candidate: &Candidate) -> f64 {
        let by_parts = self.looked_at < BY_PARTS;
        self.looked_at = self.looked_at.saturating_add(candidate.body.len());
        let closeness = if by_parts {
            self.fingerprint.closeness(&Fingerprint::of(self.asked.rules, &candidate.body))
        } else {
            2.0 * text_closeness(&self.asked.request.body, &candidate.body)
        };
        if self.is_for_the_model(&candidate.model) { closeness } else { closeness * OTHER_MODEL }
    }

    fn is_for_the_model(&self, model: &str) -> bool {
        is_one_model(self.asked.rules, &self.asked.request.model, model)
    }

    /// What has come of it.
    #[must_use]
    pub fn finish(mut self) -> Miss {
        let mut compared = self.compared();
        let reason = self.same.reason(&self.asked).unwrap_or_else(|| {
            let known = Known { endpoints: &self.endpoints, models: &self.models };
            verdict(&self.asked, &known, &mut compared)
        });
        let nearest = compared.into_iter().map(|compared| compared.nearest).collect();
        Miss { newest: self.is_full().then_some(self.seen), ..Miss::new(&self.asked, reason, nearest) }
    }

    /// The nearest recordings, compared place by place, the nearest one first.
    fn compared(&mut self) -> Vec<Compared> {
        let kept = std::mem::take(&mut self.kept);
        let mut compared: Vec<_> = kept
            .into_iter()
            .map(|kept| Compared { but_for_model: kept.closeness.is_infinite(), ..self.compare(kept.candidate) })
            .collect();
        let rank = |compared: &Compared| {
            let similarity = compared.nearest.comparison.similarity();
            // What was found by its key is this request, but for its model.
            if compared.but_for_model || self.is_for_the_model(&compared.nearest.model) {
                similarity
            } else {
                similarity * OTHER_MODEL
            }
        };
        compared.sort_by(|left, right| {
            right.but_for_model.cmp(&left.but_for_model).then(rank(right).total_cmp(&rank(left)))
        });
        compared.truncate(TOLD);
        compared
    }

    fn compare(&self, candidate: Candidate) -> Compared {
        let AskedFor { request, rules, .. } = self.asked;
        let comparable = rules.comparable(&candidate.body).unwrap_or_else(|_| candidate.body.to_vec());
        let mut comparison = Comparison::of(&comparable, self.fingerprint.text());
        if comparison.count() == 0 {
            // Ids may stand in the same places, and be others of each other.
            let canonical = |body: &[u8]| rules.canonical(body).unwrap_or_else(|_| body.to_vec());
            comparison = Comparison::of(&canonical(&candidate.body), &canonical(&request.body));
        }
        Compared { nearest: Nearest::new(&candidate, comparison), body: candidate.body, but_for_model: false }
    }
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
    use crate::model::{KeyRules, Request};
    use crate::store::RunId;

    #[test]
    fn large_recordings_do_not_fill_the_memory() {
        let rules = KeyRules::default();
        let body = |number: u32| format!(r#"{{"prompt":"{number}{}"}}"#, "x".repeat(1 << 20)).into();
        let request = Request::new(Endpoint::Completions, "m".into(), body(99), &rules).unwrap();
        let (session, occurrence, recorded, record_with) = ("", 0, 0, "");
        let mut search =
            Search::new(AskedFor { request: &request, session, occurrence, recorded, rules: &rules, record_with });
        for number in 0..20 {
            let looked = search.look_at(Candidate {
                id: RunId(1).item(number).exchange(0),
                endpoint: Endpoint::Completions,
                model: "m".into(),
                key: Key::from_bytes([u8::try_from(number).unwrap(); 32]),
                session: None,
                occurrence: 0,
                body: body(number),
            });
            assert!(looked.is_continue());
            let held: usize = search.kept.iter().map(|kept| kept.candidate.body.len()).sum();
            assert!(held <= HELD, "{held}");
        }
        assert_eq!(search.kept.len(), 3);
    }
}
