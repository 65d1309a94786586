//! A recording that comes near to a request.

use std::fmt;
use std::sync::Arc;

use super::Candidate;
use crate::model::Key;
use crate::record::Comparison;
use crate::store::ExchangeId;

/// A recording that comes near to a request, and where it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Which one it is.
    pub id: ExchangeId,
    /// The model that it asked for.
    pub model: Arc<str>,
    /// Its key.
    pub key: Key,
    /// The session that it was recorded in; `None` where there was none.
    pub session: Option<Arc<str>>,
    /// Which of the recordings of its key it is, from 0.
    pub occurrence: u32,
    /// Where it differs, under the rules of the key: what they look past is no difference.
    pub comparison: Comparison,
    per_cent: u8,
}

impl Nearest {
    pub(super) fn new(candidate: &Candidate, similarity: f64, comparison: Comparison) -> Self {
        let similarity = similarity * 100.0;
        let rounded = (0..=100).rev().find(|number| f64::from(*number) <= similarity).unwrap_or(0);
        Self {
            id: candidate.id,
            model: Arc::clone(&candidate.model),
            key: candidate.key,
            session: candidate.session.clone(),
            occurrence: candidate.occurrence,
            per_cent: if comparison.count() > 0 { rounded.min(99) } else { rounded },
            comparison,
        }
    }

    /// How alike the two are, in per cent: 100 only where they are the same. The texts of the prompt
    /// count by the words that they share, the other members by whether they are the same.
    #[must_use]
    pub const fn per_cent(&self) -> u8 {
        self.per_cent
    }
}

impl fmt::Display for Nearest {
    /// `run 1, item 3, session "x", occurrence 0 of key 0123456789abcdef, 97 % alike`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let item = self.id.item();
        write!(f, "run {}, item {}", item.run(), item.position())?;
        if let Some(session) = self.session.as_deref().filter(|session| !session.is_empty()) {
            write!(f, ", session {session:?}")?;
        }
        let key = self.key.to_string();
        write!(f, ", occurrence {} of key {}, {} % alike", self.occurrence, &key[..16], self.per_cent())
    }
}
