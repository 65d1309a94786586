//! What a Cloudflare gateway is told of every request: keys of `[gateway]`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::setting::{Section, Setting};
use super::{JobError, duration, header_text};
use crate::model::{CustomCost, Directives};

/// The shortest and the longest time that a gateway keeps an answer: a minute, and a month.
const CACHE_TTL: std::ops::RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24 * 30);

/// The entries of the gateway's log that are nightreel's own; a gateway keeps five in all.
const OWN_ENTRIES: [&str; 3] = ["run", "item", "attempt"];
const MOST_ENTRIES: usize = 5 - OWN_ENTRIES.len();
/// The longest name and text of an entry, in characters.
const LONGEST_ENTRY: usize = 200;

/// Takes the keys of `[gateway]` that a Cloudflare gateway understands.
pub(super) fn read(gateway: &mut Section) -> Result<Directives, JobError> {
    Ok(Directives {
        cache_ttl: gateway.read("cache_ttl", cache_ttl)?,
        cache_key: gateway.read("cache_key", header_text::read)?,
        custom_cost: gateway.read("custom_cost", custom_cost)?,
        collect_log: gateway.read("collect_log", |setting| setting.boolean())?,
        collect_log_payload: gateway.read("collect_log_payload", |setting| setting.boolean())?,
        byok_alias: gateway.read("byok_alias", byok_alias)?,
        request_timeout: gateway.read("request_timeout", duration::read)?,
        metadata: gateway.read("metadata", metadata)?.unwrap_or_default(),
    })
}

/// A number of seconds, or a time; zero keeps answers out of the cache.
fn cache_ttl(setting: Setting) -> Result<Duration, JobError> {
    let range = setting.refuse("must be a time from \"60s\" to \"30d\", in whole seconds, or 0 for no cache");
    let form = setting.refuse("must be a number of seconds, or a time such as \"10m\" or \"1d\"");
    let ttl = if setting.is_text() {
        duration::parse(&setting.text()?).ok_or(form)?
    } else {
        match setting.json()?.as_number().map(|number| (number.as_u64(), number.is_f64())) {
            Some((Some(seconds), _)) => Duration::from_secs(seconds),
            Some((None, _)) => return Err(range),
            None => return Err(form),
        }
    };
    let fits = ttl.is_zero() || (CACHE_TTL.contains(&ttl) && ttl.subsec_nanos() == 0);
    if fits { Ok(ttl) } else { Err(range) }
}

fn custom_cost(setting: Setting) -> Result<CustomCost, JobError> {
    const HELP: &str = "write { per_token_in = 0.000001, per_token_out = 0.000002 }, in USD";
    let mut section =
        setting.section(&["per_token_in", "per_token_out", "per_cache_read_token", "per_cache_write_token"])?;
    let mut required =
        |name| section.read(name, |setting| setting.amount())?.ok_or_else(|| section.missing(name, HELP));
    let (per_token_in, per_token_out) = (required("per_token_in")?, required("per_token_out")?);
    Ok(CustomCost {
        per_token_in,
        per_token_out,
        per_cache_read_token: section.read("per_cache_read_token", |setting| setting.amount())?,
        per_cache_write_token: section.read("per_cache_write_token", |setting| setting.amount())?,
    })
}

/// A stored key's name. A key that is written there by mistake is not repeated.
fn byok_alias(setting: Setting) -> Result<String, JobError> {
    let refusal = setting.refuse("must be the name of a key that the gateway stores, never the key itself");
    let alias = header_text::read(setting)?;
    if alias.starts_with("sk-") || alias.contains(' ') { Err(refusal) } else { Ok(alias) }
}

fn metadata(setting: Setting) -> Result<Map<String, Value>, JobError> {
    let many = setting.refuse(format!(
        "must not have more than {MOST_ENTRIES} entries: a gateway keeps five, and run, item and attempt are three"
    ));
    let entries = setting.open_section()?.into_settings().map(entry).collect::<Result<Map<_, _>, _>>()?;
    if entries.len() > MOST_ENTRIES { Err(many) } else { Ok(entries) }
}

fn entry((name, setting): (String, Setting)) -> Result<(String, Value), JobError> {
    if OWN_ENTRIES.contains(&name.as_str()) {
        return Err(setting.refuse("is nightreel's own entry; give it another name"));
    }
    if name.starts_with("cf.") {
        return Err(setting.refuse("must not begin with \"cf.\", which is the gateway's own"));
    }
    if name.trim().is_empty() || name.chars().count() > LONGEST_ENTRY {
        return Err(setting.refuse(format!("must have a name of 1 to {LONGEST_ENTRY} characters")));
    }
    let scalar = setting.refuse("must be a string, a number or a boolean");
    let long = setting.refuse(format!("must not be longer than {LONGEST_ENTRY} characters"));
    match setting.json()? {
        Value::Null | Value::Array(_) | Value::Object(_) => Err(scalar),
        Value::String(text) if text.chars().count() > LONGEST_ENTRY => Err(long),
        value => Ok((name, value)),
    }
}
