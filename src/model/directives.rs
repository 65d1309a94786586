//! What a gateway and a router are told beside the request itself.

use std::time::Duration;

use serde_json::{Map, Value};

/// What a Cloudflare gateway is told of every request of a run. None of it changes what is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Directives {
    /// How long an answer stays in the gateway's cache, in whole seconds; zero keeps it out.
    pub cache_ttl: Option<Duration>,
    /// A name for this job's answers in the gateway's cache. Each request's own key is put behind
    /// it: one name for all would give every row the answer of the first.
    pub cache_key: Option<String>,
    /// What a token costs, for the gateway's log alone.
    pub custom_cost: Option<CustomCost>,
    /// Whether the gateway logs the request at all.
    pub collect_log: Option<bool>,
    /// Whether its log keeps the bodies.
    pub collect_log_payload: Option<bool>,
    /// Which of the provider keys that the gateway stores is used.
    pub byok_alias: Option<String>,
    /// How long the gateway waits for the first byte of an answer.
    pub request_timeout: Option<Duration>,
    /// Entries of the gateway's log beside run, item and attempt: texts, numbers and booleans.
    pub metadata: Map<String, Value>,
}

/// What a token costs in a gateway's log, in USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CustomCost {
    /// A token of the prompt.
    pub per_token_in: f64,
    /// A token of the answer.
    pub per_token_out: f64,
    /// A token of the prompt that was read from the provider's cache.
    pub per_cache_read_token: Option<f64>,
    /// A token of the prompt that was written to the provider's cache.
    pub per_cache_write_token: Option<f64>,
}

/// What `OpenRouter` is told of who asks, and whether it tells how it routed a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribution {
    /// The address of the program or the project that asks. Without it the others do not count.
    pub referer: Option<String>,
    /// Its name.
    pub title: Option<String>,
    /// What kind of program it is, two words at most.
    pub categories: Vec<String>,
    /// Whether replies say how they were routed.
    pub router_metadata: bool,
}

impl Directives {
    /// Whether the gateway may answer from its cache.
    #[must_use]
    pub fn caches(&self) -> bool {
        match self.cache_ttl {
            Some(ttl) => !ttl.is_zero(),
            None => self.cache_key.is_some(),
        }
    }

    /// The names of those that are given.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("cache_ttl", self.cache_ttl.is_some()),
            ("cache_key", self.cache_key.is_some()),
            ("custom_cost", self.custom_cost.is_some()),
            ("collect_log", self.collect_log.is_some()),
            ("collect_log_payload", self.collect_log_payload.is_some()),
            ("byok_alias", self.byok_alias.is_some()),
            ("request_timeout", self.request_timeout.is_some()),
            ("metadata", !self.metadata.is_empty()),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

impl Attribution {
    /// The names of those that are given.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let all = [
            ("referer", self.referer.is_some()),
            ("title", self.title.is_some()),
            ("categories", !self.categories.is_empty()),
            ("router_metadata", self.router_metadata),
        ];
        all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_or_a_key_lets_the_gateway_answer_from_its_cache_and_a_ttl_of_zero_never_does() {
        let (minute, zero) = (Some(Duration::from_mins(1)), Some(Duration::ZERO));
        for (cache_ttl, key, caches) in [
            (None, None, false),
            (minute, None, true),
            (None, Some("k"), true),
            (minute, Some("k"), true),
            (zero, None, false),
            (zero, Some("k"), false),
        ] {
            let directives = Directives { cache_ttl, cache_key: key.map(str::to_owned), ..Directives::default() };
            assert_eq!(directives.caches(), caches, "{cache_ttl:?} {key:?}");
        }
    }
}
