//! A request that nothing answers, explained.

use std::sync::Arc;

use super::{AskedFor, Candidate, MissReason, Nearest, Search, Wording};
use crate::model::{Endpoint, Key};

/// A request that nothing answers: why, and what comes nearest to it.
///
/// The texts of both requests are in it, shortened. Whoever shows it to others strikes what must
/// not be shown, as from every text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// Why nothing answers it.
    pub reason: MissReason,
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// The model that it asks for.
    pub model: Arc<str>,
    /// Its key.
    pub key: Key,
    /// The session that asks; empty where it has no name.
    pub session: String,
    /// The how-manieth time the session asks it, from 0.
    pub occurrence: u32,
    /// The recordings that come nearest, at most three: first the one that the reason speaks of.
    pub nearest: Vec<Nearest>,
    /// How many recordings were compared, the newest ones, where there may be more.
    pub newest: Option<usize>,
    /// The command that would record it; empty where something would be kept that was struck before.
    pub record_with: String,
    /// What settings are called where it is told.
    pub wording: Wording,
}

impl Miss {
    /// Explains why no recording answers a request, from all the recordings there are. Give those
    /// first that are likeliest to be near, such as those of its model: see [`Search`] for how much
    /// is looked at.
    #[must_use]
    pub fn explain(asked: AskedFor<'_>, candidates: impl IntoIterator<Item = Candidate>) -> Self {
        let mut search = Search::new(asked);
        _ = candidates.into_iter().try_for_each(|candidate| search.look_at(candidate));
        search.finish()
    }

    pub(super) fn new(asked: &AskedFor<'_>, reason: MissReason, nearest: Vec<Nearest>) -> Self {
        // Recorded as it is asked it would hold what was struck then.
        let is_recordable = !matches!(reason, MissReason::Redaction { .. });
        Self {
            reason,
            endpoint: asked.request.endpoint,
            model: Arc::clone(&asked.request.model),
            key: asked.request.key,
            session: asked.session.to_owned(),
            occurrence: asked.occurrence,
            nearest,
            newest: None,
            record_with: if is_recordable { asked.record_with.to_owned() } else { String::new() },
            wording: Wording::default(),
        }
    }
}
