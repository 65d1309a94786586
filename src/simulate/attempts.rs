//! Which attempt at a body this one is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use serde::Deserialize;

use super::digest::BodyDigest;

/// How many bodies one generation remembers.
const GENERATION: usize = 65_536;

/// Counts attempts by body, in memory that does not grow with the number of requests: the bodies
/// asked last are remembered, at least [`GENERATION`] of them, at most twice as many.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Generations>);

/// A full `recent` becomes `older`, and what was older is forgotten.
#[derive(Debug, Default)]
struct Generations {
    recent: HashMap<u64, u32>,
    older: HashMap<u64, u32>,
}

#[derive(Deserialize)]
struct Metadata {
    attempt: u32,
}

impl Attempts {
    /// The number of this attempt, from 1: what `cf-aig-metadata` says, else how many times this
    /// body has come.
    pub(super) fn number(&self, headers: &HeaderMap, digest: &BodyDigest) -> u32 {
        stated(headers).unwrap_or_else(|| self.count(digest.word()))
    }

    fn count(&self, body: u64) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count(body)
    }
}

fn stated(headers: &HeaderMap) -> Option<u32> {
    let metadata = headers.get("cf-aig-metadata")?.as_bytes();
    serde_json::from_slice::<Metadata>(metadata).ok().map(|metadata| metadata.attempt)
}

impl Generations {
    fn count(&mut self, body: u64) -> u32 {
        if let Some(count) = self.recent.get_mut(&body) {
            *count = count.saturating_add(1);
            return *count;
        }
        let count = self.older.remove(&body).unwrap_or(0).saturating_add(1);
        if self.recent.len() == GENERATION {
            std::mem::swap(&mut self.recent, &mut self.older);
            self.recent.clear();
        }
        self.recent.insert(body, count);
        count
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_metadata_names_the_attempt() {
        let (attempts, digest) = (Attempts::default(), BodyDigest::of(b"{}"));
        let mut headers = HeaderMap::new();
        headers.insert("cf-aig-metadata", HeaderValue::from_static(r#"{"run":"a","attempt":7}"#));
        assert_eq!(attempts.number(&headers, &digest), 7);
        for unusable in [r#"{"attempt":"x"}"#, "[", r#"{"attempt":-1}"#, "{}"] {
            headers.insert("cf-aig-metadata", HeaderValue::from_static(unusable));
            Attempts::default().number(&headers, &digest);
            assert_eq!(Attempts::default().number(&headers, &digest), 1, "{unusable}");
        }
    }

    #[test]
    fn without_metadata_the_bodies_are_counted() {
        let (attempts, headers) = (Attempts::default(), HeaderMap::new());
        let (one, other) = (BodyDigest::of(b"1"), BodyDigest::of(b"2"));
        let numbers = [one, one, other, one].map(|digest| attempts.number(&headers, &digest));
        assert_eq!(numbers, [1, 2, 1, 3]);
    }

    #[test]
    fn memory_is_bounded_and_a_body_still_asked_is_not_forgotten() {
        let mut generations = Generations::default();
        for round in 1..=4 {
            assert_eq!(generations.count(u64::MAX), round);
            let rounds = u64::from(round) * 1_000_000;
            for body in rounds..rounds + 60_000 {
                generations.count(body);
            }
        }
        assert!(generations.recent.len() + generations.older.len() <= 2 * GENERATION);
    }
}
