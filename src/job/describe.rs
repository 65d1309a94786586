//! A job as JSON: what decides what is asked, and the whole of it for a store.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::struck::{Strike, strike_description};
use super::{Call, EnvText, InFlight, Job, MessageSpec, duration};
use crate::model::{Format, Key, canonical_json};

impl Job {
    /// Everything that decides what is asked, as canonical JSON: the request, how the input is
    /// read, and what a key leaves out. Where it is sent, what the gateway is told beside it, how
    /// fast, and where files lie is no part of it, so two jobs with the same identity and input ask
    /// the same.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut identity = json!({
            "input": self.input_identity(),
            "request": self.request_identity(),
            "record": { "ignore": self.record.ignore_texts, "redact": self.redact_hash() },
        });
        self.add_normalisers(&mut identity);
        let identity = identity.to_string();
        // A job that was read has a canonical form; one made by hand may be nested too deep for it.
        let canonical = canonical_json(identity.as_bytes(), &[]).ok();
        canonical.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(identity)
    }

    /// The whole job with its defaults, as indented JSON for a store to keep. There is no secret
    /// in it: credentials are named, not held, `${NAME}` is left as it was written, passwords in
    /// a base URL and the patterns of what is redacted are left out.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut description = json!({
            "name": self.name,
            "path": self.path.display().to_string(),
            "input": self.described_input(),
            "request": self.request_identity(),
            "gateway": self.described_gateway(),
            "limits": self.described_limits(),
            "retry": self.described_retry(),
            "timeouts": self.described_timeouts(),
            "record": {
                "mode": self.record.mode.as_str(),
                "ignore": self.record.ignore_texts,
                "redact": self.record.redact.iter().map(|redact| json!({ "with": redact.with })).collect::<Vec<_>>(),
                "fixture": self.record.fixture.as_ref().map(|path| path.display().to_string()),
            },
            "outcomes": { "success": self.success.names().collect::<Vec<_>>() },
            "prices": self.prices.as_ref().map(|path| path.display().to_string()),
        });
        self.add_normalisers(&mut description);
        format!("{description:#}")
    }

    /// The whole job as [`Job::describe`] gives it, less what must not be kept of its texts, with how
    /// the command was called that runs it. What is told of the call is kept as it is.
    #[must_use]
    pub fn describe_struck(&self, call: &Call, strike: Strike<'_>) -> String {
        let mut description: Value = serde_json::from_str(&self.describe()).expect("a description is JSON");
        strike_description(&mut description, strike);
        call.describe(&mut description);
        format!("{description:#}")
    }

    /// Adds what keys look past, where there is any: a job without is what it was before there was
    /// such a thing. Their order changes no key.
    fn add_normalisers(&self, described: &mut Value) {
        let mut normalisers: Vec<_> = self.record.rules.normalise.iter().map(ToString::to_string).collect();
        normalisers.sort();
        normalisers.dedup();
        if !normalisers.is_empty() {
            described["record"]["normalise"] = json!(normalisers);
        }
    }

    /// A hash of what is redacted: it changes keys, and its patterns may themselves be secret.
    fn redact_hash(&self) -> Option<String> {
        let rules: Vec<_> = self.record.redact.iter().map(|redact| (&redact.pattern, &redact.with)).collect();
        (!rules.is_empty()).then(|| {
            let digest = Sha256::digest(json!(rules).to_string());
            Key::from_bytes(digest.into()).to_string()
        })
    }

    fn input_identity(&self) -> Value {
        json!({
            "format": self.input.format.map(Format::as_str),
            "id": self.input.id,
            "delimiter": self.input.delimiter,
        })
    }

    fn described_input(&self) -> Value {
        let mut input = self.input_identity();
        input["path"] = json!(self.input.path.display().to_string());
        input
    }

    fn request_identity(&self) -> Value {
        let request = &self.request;
        let message = |message: &MessageSpec| json!({ "role": message.role, "content": message.content });
        json!({
            "models": request.models,
            "system": request.system,
            "prompt": request.prompt,
            "messages": request.messages.as_ref().map(|messages| messages.iter().map(message).collect::<Vec<_>>()),
            "turns": request.turns,
            "params": request.params,
            "endpoint": request.endpoint.path(),
            "samples": request.samples,
            "stream": request.stream,
        })
    }

    fn described_gateway(&self) -> Value {
        let (gateway, directives, attribution) = (&self.gateway, &self.gateway.directives, &self.gateway.attribution);
        json!({
            "account_id": gateway.account_id.as_written(),
            "gateway_id": gateway.gateway_id.as_written(),
            "base_url": gateway.base_url.as_ref().map(EnvText::as_written).map(without_userinfo),
            "api_key_env": gateway.api_key_env,
            "token_env": gateway.token_env,
            "ca_cert": gateway.ca_cert.as_ref().map(|path| path.display().to_string()),
            "http1": gateway.http1,
            "cache_ttl": directives.cache_ttl.map(duration::write),
            "cache_key": directives.cache_key,
            "custom_cost": directives.custom_cost.map(|cost| json!({
                "per_token_in": cost.per_token_in,
                "per_token_out": cost.per_token_out,
                "per_cache_read_token": cost.per_cache_read_token,
                "per_cache_write_token": cost.per_cache_write_token,
            })),
            "collect_log": directives.collect_log,
            "collect_log_payload": directives.collect_log_payload,
            "byok_alias": directives.byok_alias,
            "request_timeout": directives.request_timeout.map(duration::write),
            "metadata": directives.metadata,
            "referer": attribution.referer,
            "title": attribution.title,
            "categories": attribution.categories,
            "router_metadata": attribution.router_metadata,
        })
    }

    fn described_retry(&self) -> Value {
        let retry = &self.retry;
        json!({
            "attempts": retry.attempts,
            "rate_limited": retry.rate_limited,
            "server_error": retry.server_error,
            "bad_body": retry.bad_body,
            "outcome_unknown": retry.outcome_unknown,
            "max_pause": duration::write(retry.max_pause),
            "max_hint": duration::write(retry.max_hint),
        })
    }

    fn described_timeouts(&self) -> Value {
        let timeouts = &self.timeouts;
        json!({
            "connect": duration::write(timeouts.connect),
            "idle": duration::write(timeouts.idle),
            "total": duration::write(timeouts.total),
            "item": timeouts.item.map(duration::write),
            "run": timeouts.run.map(duration::write),
        })
    }

    fn described_limits(&self) -> Value {
        let limits = &self.limits;
        let lanes: serde_json::Map<String, Value> = limits
            .model
            .iter()
            .map(|(model, lane)| {
                let lane = json!({
                    "requests_per_minute": lane.requests_per_minute,
                    "tokens_per_minute": lane.tokens_per_minute,
                    "requests_per_day": lane.requests_per_day,
                    "in_flight": lane.in_flight.map(described_in_flight),
                });
                (model.clone(), lane)
            })
            .collect();
        json!({
            "requests_per_minute": limits.requests_per_minute,
            "tokens_per_minute": limits.tokens_per_minute,
            "requests_per_day": limits.requests_per_day,
            "in_flight": described_in_flight(limits.in_flight),
            "budget_usd": limits.budget_usd,
            "model": lanes,
        })
    }
}

/// Whether a job names a price table, by its description in a store.
#[must_use]
pub fn described_prices(description: &str) -> bool {
    let description: Value = serde_json::from_str(description).unwrap_or_default();
    description["prices"].is_string()
}

fn described_in_flight(in_flight: InFlight) -> Value {
    match in_flight {
        InFlight::Auto => json!("auto"),
        InFlight::Fixed(number) => json!(number),
    }
}

/// A URL without `user:password@`, and without a query, where keys are put too.
#[must_use]
pub fn without_userinfo(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..authority_end].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_how_its_command_was_called() {
        let text = "[input]\npath = \"r.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"x\"\n";
        let job = Job::from_text("j.toml".as_ref(), text, &[]).unwrap();
        let words = |words: [&str; 2]| words.map(str::to_owned).to_vec();
        let call = Call {
            directory: Some("/jobs".to_owned()),
            flags: words(["--limit", "3"]),
            withheld: words(["--set name", "--base-url"]),
            at_ms: Some(1_700_000_000_000),
        };
        let (as_it_is, all) = (|text: &str| text.to_owned(), |_: &str| "struck".to_owned());
        for strike in [&as_it_is as Strike<'_>, &all] {
            assert_eq!(Call::described(&job.describe_struck(&call, strike)), call);
        }
        assert_eq!(job.describe_struck(&Call::default(), &as_it_is), job.describe());
        for without in [job.describe().as_str(), ""] {
            assert_eq!(Call::described(without), Call::default());
        }
    }

    #[test]
    fn a_password_or_query_in_a_url_is_left_out() {
        for (url, expected) in [
            ("https://u:p@example.com/v1", "https://example.com/v1"),
            ("https://u:p@w@example.com", "https://example.com"),
            ("https://example.com/a@b", "https://example.com/a@b"),
            ("https://example.com/v1?key=secret", "https://example.com/v1"),
            ("u:p@example.com/v1", "example.com/v1"),
            ("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
        ] {
            assert_eq!(without_userinfo(url), expected, "{url}");
        }
    }
}
