//! What gateway and router are told by headers, beside the request.

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

use super::GatewayError;
use crate::model::{Attribution, CustomCost, Directives, Key};

/// The headers that tell a Cloudflare gateway what to do with every request of a run.
pub(super) fn directive_headers(directives: &Directives) -> Result<HeaderMap, GatewayError> {
    let mut headers = HeaderMap::new();
    // Repeats, and whose credit is used, are ours to decide.
    headers.insert("cf-aig-max-attempts", HeaderValue::from_static("1"));
    headers.insert("cf-aig-no-wholesale", HeaderValue::from_static("true"));
    if !directives.caches() {
        // A recording wants a fresh answer, whatever the gateway's own settings say.
        headers.insert("cf-aig-skip-cache", HeaderValue::from_static("true"));
    }
    let texts = [
        ("cf-aig-cache-ttl", directives.cache_ttl.map(|ttl| ttl.as_secs().to_string())),
        ("cf-aig-custom-cost", directives.custom_cost.as_ref().map(custom_cost)),
        ("cf-aig-collect-log", directives.collect_log.map(|on| on.to_string())),
        ("cf-aig-collect-log-payload", directives.collect_log_payload.map(|on| on.to_string())),
        ("cf-aig-byok-alias", directives.byok_alias.clone()),
        ("cf-aig-request-timeout", directives.request_timeout.map(|timeout| timeout.as_millis().to_string())),
    ];
    add(&mut headers, texts)?;
    Ok(headers)
}

/// The headers that tell `OpenRouter` who asks.
pub(super) fn attribution_headers(attribution: &Attribution) -> Result<HeaderMap, GatewayError> {
    let mut headers = HeaderMap::new();
    let categories = (!attribution.categories.is_empty()).then(|| attribution.categories.join(","));
    let texts = [
        ("http-referer", attribution.referer.clone()),
        ("x-openrouter-title", attribution.title.clone()),
        ("x-openrouter-categories", categories),
        ("x-openrouter-metadata", attribution.router_metadata.then(|| "enabled".to_owned())),
    ];
    add(&mut headers, texts)?;
    Ok(headers)
}

/// The names under which a gateway caches: the job's, with each request's own key behind it.
#[derive(Debug, Clone)]
pub(super) struct CacheName(String);

impl CacheName {
    /// The name that a job gives; `None` where the gateway is to choose its own key, or not to cache.
    pub(super) fn of(directives: &Directives) -> Result<Option<Self>, GatewayError> {
        let Some(name) = directives.cache_key.as_ref().filter(|_| directives.caches()) else { return Ok(None) };
        // What cannot be sent is refused before the first request.
        value("cf-aig-cache-key", name).map(|_| Some(Self(name.clone())))
    }

    /// The name of one request's answer.
    pub(super) fn of_request(&self, key: &Key) -> HeaderValue {
        HeaderValue::from_str(&format!("{}:{key}", self.0)).expect("the name was tried, and a key is hexadecimal")
    }
}

fn custom_cost(cost: &CustomCost) -> String {
    let mut costs = json!({ "per_token_in": cost.per_token_in, "per_token_out": cost.per_token_out });
    let cached =
        [("per_cache_read_token", cost.per_cache_read_token), ("per_cache_write_token", cost.per_cache_write_token)];
    for (name, cost) in cached.into_iter().filter_map(|(name, cost)| Some((name, cost?))) {
        costs[name] = json!(cost);
    }
    costs.to_string()
}

fn add<const N: usize>(
    headers: &mut HeaderMap,
    texts: [(&'static str, Option<String>); N],
) -> Result<(), GatewayError> {
    for (name, text) in texts {
        if let Some(text) = text {
            headers.insert(name, value(name, &text)?);
        }
    }
    Ok(())
}

fn value(name: &str, text: &str) -> Result<HeaderValue, GatewayError> {
    HeaderValue::from_str(text).map_err(|_| GatewayError::HeaderValue { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    const OWN: [&str; 2] = ["cf-aig-max-attempts: 1", "cf-aig-no-wholesale: true"];

    fn told(directives: &Directives) -> Vec<String> {
        let lines = lines(&directive_headers(directives).unwrap());
        assert!(OWN.iter().all(|own| lines.contains(&(*own).to_owned())), "{lines:?}");
        lines.into_iter().filter(|line| !OWN.contains(&line.as_str())).collect()
    }

    #[test]
    fn each_directive_has_its_header() {
        let none = Directives::default();
        let cost = CustomCost {
            per_token_in: 0.000_001,
            per_token_out: 2.0,
            per_cache_read_token: Some(0.0),
            per_cache_write_token: None,
        };
        for (directives, expected) in [
            (none.clone(), vec!["cf-aig-skip-cache: true"]),
            (Directives { cache_ttl: Some(Duration::from_mins(1)), ..none.clone() }, vec!["cf-aig-cache-ttl: 60"]),
            (
                Directives { cache_ttl: Some(Duration::ZERO), cache_key: Some("k".to_owned()), ..none.clone() },
                vec!["cf-aig-cache-ttl: 0", "cf-aig-skip-cache: true"],
            ),
            (Directives { cache_key: Some("k".to_owned()), ..none.clone() }, vec![]),
            (
                Directives { custom_cost: Some(cost), ..none.clone() },
                vec![
                    r#"cf-aig-custom-cost: {"per_token_in":1e-6,"per_token_out":2.0,"per_cache_read_token":0.0}"#,
                    "cf-aig-skip-cache: true",
                ],
            ),
            (
                Directives {
                    collect_log: Some(true),
                    collect_log_payload: Some(false),
                    byok_alias: Some("team".to_owned()),
                    request_timeout: Some(Duration::from_millis(2500)),
                    ..none.clone()
                },
                vec![
                    "cf-aig-byok-alias: team",
                    "cf-aig-collect-log-payload: false",
                    "cf-aig-collect-log: true",
                    "cf-aig-request-timeout: 2500",
                    "cf-aig-skip-cache: true",
                ],
            ),
        ] {
            assert_eq!(told(&directives), expected, "{directives:?}");
        }
    }

    #[test]
    fn requests_that_differ_never_share_a_cached_answer() {
        let named = Directives { cache_key: Some("v1".to_owned()), ..Directives::default() };
        let name = CacheName::of(&named).unwrap().unwrap();
        let of = |byte: u8| name.of_request(&Key::from_bytes([byte; 32]));
        assert_eq!(of(0xab), format!("v1:{}", "ab".repeat(32)).as_str());
        assert_ne!(of(1), of(2));
        for cache_ttl in [None, Some(Duration::ZERO)] {
            let switched_off = Directives { cache_ttl: Some(Duration::ZERO), ..named.clone() };
            let unnamed = Directives { cache_ttl, ..Directives::default() };
            assert!(CacheName::of(&switched_off).unwrap().is_none());
            assert!(CacheName::of(&unnamed).unwrap().is_none());
        }
    }

    #[test]
    fn a_router_is_told_who_asks() {
        assert!(attribution_headers(&Attribution::default()).unwrap().is_empty());
        let attribution = Attribution {
            referer: Some("https://example.com".to_owned()),
            title: Some("Night shift".to_owned()),
            categories: vec!["cli-agent".to_owned(), "research".to_owned()],
            router_metadata: true,
        };
        assert_eq!(
            lines(&attribution_headers(&attribution).unwrap()),
            [
                "http-referer: https://example.com",
                "x-openrouter-categories: cli-agent,research",
                "x-openrouter-metadata: enabled",
                "x-openrouter-title: Night shift",
            ]
        );
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        let broken = Directives { cache_key: Some("a\nb".to_owned()), ..Directives::default() };
        assert!(matches!(CacheName::of(&broken), Err(GatewayError::HeaderValue { .. })));
        let broken = Directives { byok_alias: Some("a\r\nx: y".to_owned()), ..Directives::default() };
        assert!(matches!(directive_headers(&broken), Err(GatewayError::HeaderValue { .. })));
    }
}
