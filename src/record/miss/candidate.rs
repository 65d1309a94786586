//! What is asked, and what it is compared with.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Endpoint, Key, KeyRules, Request};
use crate::store::{ExchangeId, KeptRequest, SeenRequest};

/// A request that nothing answers.
#[derive(Debug, Clone, Copy)]
pub struct AskedFor<'a> {
    /// The request, as it would be kept: with everything struck that must not be.
    pub request: &'a Request,
    /// The session that asks; empty where it has no name.
    pub session: &'a str,
    /// The how-manieth time the session asks this key, from 0.
    pub occurrence: u32,
    /// How many recordings of this key the session has been given; 0 where there are none for it.
    pub recorded: usize,
    /// What its key leaves out.
    pub rules: &'a KeyRules,
    /// What stands where the rules of those who recorded, or of those who ask, struck something.
    pub struck_as: &'a [String],
    /// The command that would record it.
    pub record_with: &'a str,
}

/// A recording that may be near to it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which one it is.
    pub id: ExchangeId,
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// The model that it asked for.
    pub model: Arc<str>,
    /// Its key.
    pub key: Key,
    /// The session that it was recorded in; `None` where there was none.
    pub session: Option<Arc<str>>,
    /// Which of the recordings of its key it is, from 0.
    pub occurrence: u32,
    /// Whether it has answered a request already.
    pub was_handed_out: bool,
    /// The body of its request, as it was kept.
    pub body: Bytes,
}

impl From<KeptRequest> for Candidate {
    fn from(kept: KeptRequest) -> Self {
        Self {
            id: kept.place.exchange,
            endpoint: kept.endpoint,
            model: kept.model,
            key: kept.key,
            session: kept.place.session,
            occurrence: kept.place.occurrence,
            was_handed_out: false,
            body: kept.body,
        }
    }
}

impl From<SeenRequest> for Candidate {
    fn from(seen: SeenRequest) -> Self {
        Self {
            id: seen.exchange,
            endpoint: seen.endpoint,
            model: seen.model,
            key: seen.key,
            session: seen.session,
            occurrence: seen.occurrence,
            was_handed_out: false,
            body: seen.body,
        }
    }
}
