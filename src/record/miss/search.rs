//! Looking for what comes nearest to a request, one recording after another.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fingerprint::{Fingerprint, text_closeness};
use super::verdict::{Compared, Known, is_one_model, verdict};
use super::{AskedFor, Candidate, Miss, MissReason, Nearest};
use crate::model::Endpoint;
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
/// How many models are noted.
const MODELS: usize = 1_000;
/// A recording for another model must be so much nearer to come before one for the same.
const OTHER_MODEL: f64 = 0.9;

/// Looks for what comes nearest to a request, one recording after another.
///
/// Each recording costs time in proportion to its body, up to 8 MiB of bodies; from there on to
/// what it has in common with the request before they differ and after, up to 1 GiB; from there on
/// nothing but its name, model and key are looked at. Eight recordings are held at most.
pub struct Search<'a> {
    asked: AskedFor<'a>,
    fingerprint: Fingerprint,
    endpoints: BTreeSet<Endpoint>,
    models: BTreeSet<Arc<str>>,
    same: Same,
    kept: Vec<Kept>,
    looked_at: usize,
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
        }
    }

    /// Looks at a recording.
    pub fn look_at(&mut self, candidate: Candidate) {
        self.endpoints.insert(candidate.endpoint);
        if candidate.endpoint != self.asked.request.endpoint {
            return;
        }
        if self.models.len() < MODELS && !self.models.contains(&candidate.model) {
            self.models.insert(Arc::clone(&candidate.model));
        }
        if candidate.key == self.asked.request.key {
            self.note_same(&candidate);
        }
        // Recordings of one key have one body, as far as the key goes.
        if self.looked_at < LOOKED_AT && !self.kept.iter().any(|kept| kept.candidate.key == candidate.key) {
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
        Miss::new(&self.asked, reason, compared.into_iter().map(|compared| compared.nearest).collect())
    }

    /// The nearest recordings, compared place by place, the nearest one first.
    fn compared(&mut self) -> Vec<Compared> {
        let kept = std::mem::take(&mut self.kept);
        let mut compared: Vec<_> = kept.into_iter().map(|kept| self.compare(kept.candidate)).collect();
        let rank = |compared: &Compared| {
            let similarity = compared.nearest.comparison.similarity();
            if self.is_for_the_model(&compared.nearest.model) { similarity } else { similarity * OTHER_MODEL }
        };
        compared.sort_by(|left, right| rank(right).total_cmp(&rank(left)));
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
        Compared { nearest: Nearest::new(&candidate, comparison), body: candidate.body }
    }
}

impl Same {
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
