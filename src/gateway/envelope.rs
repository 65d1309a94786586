//! The error a body speaks of, in any of the shapes that gateway, router and provider use.

use serde_json::{Map, Value};

use crate::model::events;

/// An error in a body. Nothing in it is certain but the text's place of origin: any field may be
/// missing, `null`, or of another type than documented.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ErrorBody {
    pub(super) layer: Layer,
    /// A gateway's own code, or an HTTP status that stands inside the body.
    pub(super) number: Option<u32>,
    /// What the error calls itself (`error_type`, a `code` in words), the most telling first.
    pub(super) names: Vec<String>,
    /// Its coarse `type`, which other services use loosely.
    pub(super) kind: Option<String>,
    /// What it says.
    pub(super) text: Option<String>,
    /// The provider behind the router that failed.
    pub(super) provider: Option<String>,
    /// What that provider said (`metadata.raw`).
    pub(super) reason: Option<String>,
    /// A moderation or a guardrail gives its findings.
    pub(super) moderated: bool,
    /// The router's rate limit headers, which a gateway in between may have dropped.
    pub(super) limit_headers: Map<String, Value>,
    /// Whether the same request may work later, where the router knows.
    pub(super) retryable: Option<bool>,
    /// Seconds to wait, as a number or in digits.
    pub(super) retry_after: Option<Value>,
    /// What ruled the endpoints out.
    pub(super) excluded_by: Vec<String>,
    /// It bears marks that only `OpenRouter` makes.
    pub(super) openrouter: bool,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Layer {
    /// Cloudflare's AI Gateway: `error` is a list.
    Gateway,
    /// Cloudflare's API before the gateway: `errors` is a list.
    CloudflareApi,
    /// A router, a provider, or a server of one's own: `error` is an object, or a text.
    Router,
    /// Nobody we know: the body has no error's shape.
    #[default]
    Unknown,
}

impl ErrorBody {
    /// The error in the body of a reply that is none by its status. A body without an error's
    /// shape still gives the text it has.
    pub(super) fn of_refusal(body: &[u8]) -> Self {
        match serde_json::from_str::<Value>(&String::from_utf8_lossy(body)) {
            Ok(Value::Array(list)) => list.first().map(Self::of_value).unwrap_or_default(),
            Ok(value) => Self::of_value(&value),
            Err(_) => Self::of_stream(body).unwrap_or_default(),
        }
    }

    /// The first error that an event of a stream speaks of; `None` where there is none.
    pub(super) fn of_stream(body: &[u8]) -> Option<Self> {
        // An event may be called an error, and have a text for its data.
        if !mentions_error(body) && !mentions(body, b"event: error") && !mentions(body, b"event:error") {
            return None;
        }
        events(body).0.iter().find_map(|event| {
            let value = serde_json::from_slice::<Value>(&event.data);
            let is_error = event.name == "error";
            match value {
                Ok(value) => Self::of_event(&value).or_else(|| is_error.then(|| Self::of_named_event(&value))),
                Err(_) if is_error => {
                    let text = String::from_utf8_lossy(&event.data).trim().to_owned();
                    Some(Self { layer: Layer::Router, text: Some(text), ..Self::default() })
                }
                Err(_) => None,
            }
        })
    }

    /// The error in an event: where a body has it, or in the response that the event holds.
    fn of_event(value: &Value) -> Option<Self> {
        Self::of_success_value(value).or_else(|| value.get("response").and_then(Self::of_success_value))
    }

    /// What an event says that is called an error and has no error's shape.
    fn of_named_event(value: &Value) -> Self {
        let error = Self { layer: Layer::Router, ..Self::of_object(value, value) };
        Self { text: error.text.or_else(|| text_of(value)), ..error }
    }

    /// The error in the body of a reply that is a success by its status; `None` where there is
    /// none. JSON that is no object is left to those who read answers.
    pub(super) fn of_success(body: &[u8]) -> Option<Self> {
        if !mentions_error(body) {
            return None;
        }
        let value: Value = serde_json::from_slice(body).ok()?;
        Self::of_success_value(value.as_array().and_then(|list| list.first()).unwrap_or(&value))
    }

    fn of_success_value(value: &Value) -> Option<Self> {
        let error = Self::of_value(value);
        if error.layer != Layer::Unknown {
            return Some(error);
        }
        let choices = value["choices"].as_array()?;
        let inner = choices.iter().find(|choice| is_filled(&choice["error"]));
        if let Some(choice) = inner {
            return Some(Self { layer: Layer::Router, ..Self::of_object(&choice["error"], choice) });
        }
        let broken = choices.iter().find(|choice| choice["finish_reason"] == "error")?;
        let text = broken["native_finish_reason"].as_str().map(|reason| format!("it ended with \"{reason}\""));
        let text = Some(text.unwrap_or_else(|| "the model broke off half-way (finish_reason \"error\")".to_owned()));
        Some(Self { layer: Layer::Router, text, ..Self::default() })
    }

    fn of_value(value: &Value) -> Self {
        let error = &value["error"];
        match error {
            Value::Array(list) if !list.is_empty() => Self::of_cloudflare(Layer::Gateway, &list[0], value),
            _ if value["name"] == "AiGatewayError" => Self::of_cloudflare(Layer::Gateway, value, value),
            Value::Object(object) if !object.is_empty() => {
                Self { layer: Layer::Router, ..Self::of_object(error, value) }
            }
            Value::String(text) if !text.is_empty() => {
                let text = Some(text.clone());
                Self { layer: Layer::Router, text, ..Self::of_object(value, value) }
            }
            _ => match value["errors"].as_array().and_then(|errors| errors.first()) {
                Some(first) if value["success"] == false || first["code"].is_number() => {
                    Self::of_cloudflare(Layer::CloudflareApi, first, value)
                }
                Some(first) => Self { text: text_of(first), ..Self::default() },
                None if value["type"] == "error" || value["status"] == "failed" => {
                    Self { layer: Layer::Router, ..Self::of_object(value, value) }
                }
                None => Self { text: text_of(value), ..Self::default() },
            },
        }
    }

    fn of_cloudflare(layer: Layer, entry: &Value, whole: &Value) -> Self {
        let number = number(&entry["code"]).or_else(|| number(&whole["internalCode"]));
        let text = [&entry["message"], &whole["message"], &whole["description"]].into_iter().find_map(filled_text);
        Self { layer, number, text, ..Self::default() }
    }

    /// Reads an error object; `whole` is what it stands in.
    fn of_object(error: &Value, whole: &Value) -> Self {
        let (metadata, availability) = (&error["metadata"], &error["availability"]);
        let names = [
            &error["error_type"],
            &metadata["error_type"],
            &whole["error_type"],
            &error["code"],
            &availability["code"],
        ];
        let findings = ["reasons", "flagged_input", "patterns"];
        let marks = [&error["error_type"], availability, &metadata["provider_name"], &whole["openrouter_metadata"]];
        Self {
            layer: Layer::Router,
            number: number(&error["code"]).or_else(|| number(&error["http_status"])),
            names: names.into_iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect(),
            kind: error["type"].as_str().map(str::to_ascii_lowercase),
            text: filled_text(&error["message"]),
            provider: filled_text(&metadata["provider_name"]),
            reason: reason(&metadata["raw"]).or_else(|| previous(&metadata["previous_errors"])),
            moderated: findings.iter().any(|finding| is_filled(&metadata[finding])),
            limit_headers: metadata["headers"].as_object().cloned().unwrap_or_default(),
            retryable: availability["retryable"].as_bool(),
            retry_after: availability.get("retry_after").filter(|value| !value.is_null()).cloned(),
            excluded_by: texts(&availability["excluded_by"]),
            openrouter: marks.into_iter().any(is_filled) || whole.get("user_id").is_some(),
        }
    }

    /// What the router and the provider behind it say, in one text.
    pub(super) fn detail(&self) -> Option<String> {
        match (self.text.as_deref(), self.reason.as_deref()) {
            (Some("Provider returned error") | None, Some(reason)) => Some(reason.to_owned()),
            (Some(text), Some(reason)) if !text.contains(reason) => Some(format!("{text} ({reason})")),
            (text, _) => text.map(ToOwned::to_owned),
        }
    }

    /// Whether its words have one of these in them. `needles` are lower case.
    pub(super) fn says(&self, needles: &[&str]) -> bool {
        let said = self.detail().unwrap_or_default().to_lowercase();
        needles.iter().any(|needle| said.contains(needle))
    }
}

/// Whether an error can be in there at all; it spares most answers a second reading.
fn mentions_error(body: &[u8]) -> bool {
    mentions(body, b"\"error") || mentions(body, b"\"failed\"")
}

fn mentions(body: &[u8], needle: &[u8]) -> bool {
    body.windows(needle.len()).any(|window| window == needle)
}

/// Whether a value says anything.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn filled_text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(ToOwned::to_owned)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// A code as a number, or in digits.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The text of a body that is no error by its shape, in the places where people put one.
fn text_of(value: &Value) -> Option<String> {
    if let (Some(title), Some(detail)) = (value["title"].as_str(), value["detail"].as_str()) {
        return Some(format!("{title}: {detail}"));
    }
    let error = &value["error"];
    [&error["message"], error, &value["message"], &value["detail"], &value["title"], &value["errors"][0]["message"]]
        .into_iter()
        .find_map(filled_text)
}

/// The provider's own words: text, or JSON, or JSON inside a text.
fn reason(raw: &Value) -> Option<String> {
    let text = match raw {
        Value::String(text) => text.as_str(),
        Value::Object(_) | Value::Array(_) => return text_of(raw.get(0).unwrap_or(raw)),
        _ => return None,
    };
    let inner = serde_json::from_str::<Value>(text).ok();
    let inner = inner.as_ref().and_then(|value| text_of(value.get(0).unwrap_or(value)));
    inner.or_else(|| filled_text(raw))
}

/// What the providers that were tried before said, in short.
fn previous(errors: &Value) -> Option<String> {
    let tried: Vec<String> = errors
        .as_array()?
        .iter()
        .filter_map(|error| {
            let who = error["provider"].as_str();
            let what = filled_text(&error["message"]).or_else(|| {
                [&error["status"], &error["code"]]
                    .into_iter()
                    .find(|value| is_filled(value))
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
            })?;
            Some(who.map_or(what.clone(), |who| format!("{who}: {what}")))
        })
        .collect();
    (!tried.is_empty()).then(|| format!("tried before: {}", tried.join(", ")))
}
