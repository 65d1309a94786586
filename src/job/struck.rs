//! A description less what must not be kept, which stays a description.

use std::mem::take;

use serde_json::{Map, Value};

/// Gives a text without what must not be kept of it.
pub type Strike<'a> = &'a dyn Fn(&str) -> String;

/// Where the texts of a description are that people write. The rest are numbers and words that a
/// job knows, which mean something else once they are struck.
const TEXTS: [&str; 10] = [
    "/name",
    "/path",
    "/input",
    "/request",
    "/gateway",
    "/record/ignore",
    "/record/normalise",
    "/record/redact",
    "/record/fixture",
    "/prices",
];
/// Where people give names to the members of objects, at any depth.
const NAMED: [&str; 2] = ["/request/params", "/gateway/metadata"];
/// Where the models have limits of their own.
const MODELS: &str = "/limits/model";
/// Where the base URL is: struck in parts it would lead to somebody else.
const BASE_URL: &str = "/gateway/base_url";

/// Strikes the texts of a description, never its numbers nor its form.
pub(super) fn strike_description(description: &mut Value, strike: Strike<'_>) {
    if let Some(base_url) = description.pointer_mut(BASE_URL)
        && base_url.as_str().is_some_and(|url| strike(url) != url)
    {
        *base_url = Value::Null;
    }
    for place in NAMED {
        if let Some(named) = description.pointer_mut(place) {
            strike_names(named, strike);
        }
    }
    if let Some(Value::Object(models)) = description.pointer_mut(MODELS) {
        rename(models, strike);
    }
    for place in TEXTS {
        if let Some(value) = description.pointer_mut(place) {
            strike_texts(value, strike);
        }
    }
}

fn strike_texts(value: &mut Value, strike: Strike<'_>) {
    match value {
        Value::String(text) => *text = strike(text),
        Value::Array(values) => values.iter_mut().for_each(|value| strike_texts(value, strike)),
        Value::Object(members) => members.values_mut().for_each(|value| strike_texts(value, strike)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn strike_names(value: &mut Value, strike: Strike<'_>) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| strike_names(value, strike)),
        Value::Object(members) => {
            rename(members, strike);
            members.values_mut().for_each(|value| strike_names(value, strike));
        }
        _ => {}
    }
}

fn rename(members: &mut Map<String, Value>, strike: Strike<'_>) {
    *members = take(members).into_iter().map(|(name, value)| (strike(&name), value)).collect();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_struck_and_neither_numbers_nor_what_a_job_knows() {
        let mut description = json!({
            "name": "of 12345678",
            "request": {"system": "12345678", "params": {"seed": 12_345_678, "user-12345678": ["12345678"]}},
            "gateway": {"base_url": "http://12345678/v1", "title": "12345678"},
            "limits": {"tokens_per_minute": 200_000, "model": {"m-12345678": {"in_flight": "auto"}}},
            "timeouts": {"total": "12345678s"},
            "record": {"mode": "auto"},
        });
        strike_description(&mut description, &|text| text.replace("12345678", "N").replace("auto", "N"));
        let expected = json!({
            "name": "of N",
            "request": {"system": "N", "params": {"seed": 12_345_678, "user-N": ["N"]}},
            "gateway": {"base_url": null, "title": "N"},
            "limits": {"tokens_per_minute": 200_000, "model": {"m-N": {"in_flight": "auto"}}},
            "timeouts": {"total": "12345678s"},
            "record": {"mode": "auto"},
        });
        assert_eq!(description, expected);
    }
}
