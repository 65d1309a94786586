//! The nearest recordings → why none of them answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::redaction::Struck;
use super::remedy::top_member;
use super::{AskedFor, MissReason, Nearest, Remedy};
use crate::model::{Endpoint, KeyRules, Normaliser, undated};
use crate::record::compare::PROMPTS;

/// So many bytes of the nearest recordings are tried under other rules, which takes longer than all
/// else, and so many recordings at least.
const TRIED: usize = 1 << 20;
const TRIED_ALWAYS: usize = 2;

/// A recording that was compared with what is asked.
pub(super) struct Compared {
    pub(super) nearest: Nearest,
    pub(super) body: Bytes,
}

/// What there are recordings of: endpoints, and the models of the one that is asked.
pub(super) struct Known<'a> {
    pub(super) endpoints: &'a BTreeSet<Endpoint>,
    pub(super) models: &'a BTreeSet<Arc<str>>,
}

/// What a verdict rests on beside the nearest recordings.
pub(super) struct Verdict<'a> {
    pub(super) asked: &'a AskedFor<'a>,
    pub(super) known: &'a Known<'a>,
    pub(super) struck: &'a Struck,
}

impl Verdict<'_> {
    /// Why a request that was never recorded is not answered. The recording that says so comes first
    /// afterwards.
    pub(super) fn reason(&self, compared: &mut [Compared]) -> MissReason {
        let Self { asked, known, .. } = self;
        if known.endpoints.is_empty() {
            return MissReason::NothingRecorded;
        }
        if !known.endpoints.contains(&asked.request.endpoint) {
            let recorded = known.endpoints.iter().copied().collect();
            return MissReason::EndpointNotRecorded { asked: asked.request.endpoint, recorded };
        }
        let but_for_rules = compared[..tried(compared)]
            .iter()
            .enumerate()
            .find_map(|(at, compared)| Some((at, self.match_by_rules(compared)?)));
        if let Some((at, reason)) = but_for_rules {
            compared[..=at].rotate_right(1);
            return reason;
        }
        other_model(asked, known, compared).unwrap_or_else(|| changed(compared))
    }

    /// Why a recording does not answer that would under other rules.
    fn match_by_rules(&self, compared: &Compared) -> Option<MissReason> {
        let Some(first) = compared.nearest.comparison.differences.first() else { return Some(MissReason::OtherRules) };
        let (path, recorded, body) = (first.path.clone(), &compared.body, &self.asked.request.body);
        if self.struck.explains(self.asked.rules, recorded, body) {
            return Some(MissReason::Redaction { path });
        }
        Remedy::find(self.asked.rules, recorded, body).map(|remedy| MissReason::Normaliser { path, remedy })
    }
}

/// How many of the nearest recordings are tried under other rules.
fn tried(compared: &[Compared]) -> usize {
    let lengths = compared.iter().scan(0_usize, |length, compared| {
        *length = length.saturating_add(compared.body.len());
        Some(*length)
    });
    lengths.take_while(|length| *length <= TRIED).count().max(TRIED_ALWAYS).min(compared.len())
}

/// Whether it is the model that has no recordings: none at all, or none of this request.
fn other_model(asked: &AskedFor<'_>, known: &Known<'_>, compared: &[Compared]) -> Option<MissReason> {
    let model = &*asked.request.model;
    let differs_in_it = |compared: &&Compared| {
        let comparison = &compared.nearest.comparison;
        comparison.count() == 1 && comparison.differences.iter().all(|difference| difference.path == "$.model")
    };
    let mut recorded: Vec<&str> = if compared.first().as_ref().is_some_and(differs_in_it) {
        compared.iter().filter(differs_in_it).map(|compared| &*compared.nearest.model).collect()
    } else if model.is_empty() || known.models.iter().any(|other| is_one_model(asked.rules, model, other)) {
        return None;
    } else {
        known.models.iter().map(|model| &**model).collect()
    };
    let likeness = |other: &str| strsim::jaro_winkler(model, other);
    recorded.sort_by(|left, right| likeness(right).total_cmp(&likeness(left)));
    let recorded = recorded.into_iter().map(ToOwned::to_owned).collect();
    Some(MissReason::ModelNotRecorded { asked: model.to_owned(), recorded })
}

fn changed(compared: &[Compared]) -> MissReason {
    let first = compared.first().and_then(|compared| compared.nearest.comparison.differences.first());
    let path = first.map_or_else(|| "$".to_owned(), |difference| difference.path.clone());
    let of_prompt = path == "$" || PROMPTS.contains(&top_member(&path));
    if of_prompt { MissReason::PromptChanged { path } } else { MissReason::ParameterChanged { path } }
}

/// Whether two names are of one model, as far as the rules tell dated names apart.
fn is_one_model(rules: &KeyRules, one: &str, other: &str) -> bool {
    one == other || (rules.normalise.contains(&Normaliser::ModelDates) && undated(one) == undated(other))
}
