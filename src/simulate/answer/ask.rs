//! What a request's body asks for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::model::Endpoint;

/// What a request asks for. Borrowed from the body; what is rarely there is parsed when it is needed.
#[derive(Debug)]
pub(in super::super) struct Ask<'a> {
    pub(in super::super) endpoint: Endpoint,
    /// The model, as it stands in the body.
    pub(in super::super) model: Cow<'a, str>,
    /// The messages, prompt or input, as they stand in the body.
    pub(super) prompt: &'a RawValue,
    /// The limit of the answer, in tokens.
    pub(super) max_tokens: Option<u64>,
    /// Whether the answer is to come as a stream of events.
    pub(super) stream: bool,
    /// `response_format`, or `text` of the Responses.
    pub(super) format: Option<&'a RawValue>,
    pub(super) tools: Option<&'a RawValue>,
    pub(super) tool_choice: Option<&'a RawValue>,
    /// Numbers in an embedding.
    pub(super) dimensions: Option<u64>,
    /// Whether embeddings are to come in base64.
    pub(super) base64: bool,
}

/// Why a body asks for nothing that there is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Invalid {
    /// Not JSON, or not an object.
    #[error("Invalid JSON body: {0}")]
    Json(String),
    /// A field of another type.
    #[error("Invalid value for \"{field}\": {message}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Nothing to answer.
    #[error("Input required: specify {0}")]
    NoPrompt(&'static str),
    /// No model.
    #[error("No models provided")]
    NoModel,
    /// A model that does not exist.
    #[error("{0} is not a valid model ID")]
    UnknownModel(String),
}

impl Invalid {
    pub(super) fn field(field: &'static str, message: impl fmt::Display) -> Self {
        Self::Field { field, message: message.to_string() }
    }
}

/// The fields that are looked at.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Model,
    Models,
    Messages,
    Prompt,
    Input,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    Stream,
    ResponseFormat,
    Text,
    Tools,
    ToolChoice,
    Dimensions,
    EncodingFormat,
    #[serde(other)]
    Other,
}

/// The fields of a body, unparsed. Of a key that stands twice the last one counts, as it does for
/// the servers that are simulated.
#[derive(Default)]
struct Fields<'a>([Option<&'a RawValue>; Field::Other as usize]);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(field) = map.next_key::<Field>()? {
            match fields.0.get_mut(field as usize) {
                Some(slot) => *slot = Some(map.next_value()?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(fields)
    }
}

impl<'a> Fields<'a> {
    /// A field that is there and not null.
    fn get(&self, field: Field) -> Option<&'a RawValue> {
        self.0[field as usize].filter(|raw| raw.get() != "null")
    }

    fn parse<T: Deserialize<'a>>(&self, field: Field, name: &'static str) -> Result<Option<T>, Invalid> {
        let parse = |raw: &'a RawValue| serde_json::from_str(raw.get()).map_err(|error| Invalid::field(name, error));
        self.get(field).map(parse).transpose()
    }

    /// A number of tokens or dimensions: whole and more than zero, `256.0` too.
    fn count(&self, field: Field, name: &'static str) -> Result<Option<u64>, Invalid> {
        let Some(number) = self.parse::<f64>(field, name)? else { return Ok(None) };
        if number >= 1.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its range is checked")]
            let count = number as u64;
            return Ok(Some(count));
        }
        Err(Invalid::field(name, format_args!("{number} is not a whole number from 1 to {}", u32::MAX)))
    }

    fn model(&self) -> Result<Cow<'a, str>, Invalid> {
        let mut model = self.parse::<Text<'a>>(Field::Model, "model")?.map(|text| text.0);
        if model.is_none() {
            let fallbacks = self.parse::<Vec<Text<'a>>>(Field::Models, "models")?;
            model = fallbacks.into_iter().flatten().next().map(|text| text.0);
        }
        match model.filter(|model| !model.is_empty()) {
            None => Err(Invalid::NoModel),
            Some(model) if model.starts_with("no-such/") => Err(Invalid::UnknownModel(model.into_owned())),
            Some(model) => Ok(model),
        }
    }

    fn prompt(&self, endpoint: Endpoint) -> Result<&'a RawValue, Invalid> {
        let messages = || self.get(Field::Messages).filter(|raw| is_filled_list(raw));
        let input = || self.get(Field::Input).filter(|raw| raw.get() != "[]");
        match endpoint {
            Endpoint::ChatCompletions => {
                messages().or_else(|| self.get(Field::Prompt)).ok_or(Invalid::NoPrompt("\"prompt\" or \"messages\""))
            }
            Endpoint::Completions => self.get(Field::Prompt).or_else(messages).ok_or(Invalid::NoPrompt("\"prompt\"")),
            Endpoint::Messages => messages().ok_or(Invalid::NoPrompt("\"messages\"")),
            Endpoint::Models => Ok(RawValue::NULL),
            Endpoint::Embeddings | Endpoint::Responses => input().ok_or(Invalid::NoPrompt("\"input\"")),
        }
    }
}

/// Text first: the checks that a field is UTF-8 are then not made once more for each.
fn parse_json(body: &[u8]) -> Result<Fields<'_>, Invalid> {
    let text = std::str::from_utf8(body).map_err(|error| Invalid::Json(error.to_string()))?;
    serde_json::from_str(text).map_err(|error| Invalid::Json(error.to_string()))
}

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn is_filled_list(raw: &RawValue) -> bool {
    raw.get().strip_prefix('[').is_some_and(|rest| rest.trim_ascii_start() != "]")
}

impl<'a> Ask<'a> {
    /// # Errors
    /// Fails where the body is no JSON object, has no model or one that does not exist, or nothing
    /// to answer.
    pub(in super::super) fn parse(endpoint: Endpoint, body: &'a [u8]) -> Result<Self, Invalid> {
        let fields: Fields<'a> = parse_json(body)?;
        let format = if endpoint == Endpoint::Responses { Field::Text } else { Field::ResponseFormat };
        let limits = [
            fields.count(Field::MaxTokens, "max_tokens")?,
            fields.count(Field::MaxCompletionTokens, "max_completion_tokens")?,
            fields.count(Field::MaxOutputTokens, "max_output_tokens")?,
        ];
        let encoding = fields.parse::<Text<'a>>(Field::EncodingFormat, "encoding_format")?;
        Ok(Self {
            endpoint,
            prompt: fields.prompt(endpoint)?,
            model: fields.model()?,
            max_tokens: limits.into_iter().flatten().min(),
            stream: fields.parse(Field::Stream, "stream")?.unwrap_or(false),
            format: fields.get(format),
            tools: fields.get(Field::Tools),
            tool_choice: fields.get(Field::ToolChoice),
            dimensions: fields.count(Field::Dimensions, "dimensions")?,
            base64: encoding.is_some_and(|text| text.0 == "base64"),
        })
    }

    /// Tokens of the prompt: a quarter of its bytes.
    pub(super) fn prompt_tokens(&self) -> u64 {
        super::usage::tokens(self.prompt.get().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(body: &str) -> Result<Ask<'_>, Invalid> {
        Ask::parse(Endpoint::ChatCompletions, body.as_bytes())
    }

    #[test]
    fn a_body_is_read_as_the_real_servers_read_it() {
        let ask = chat(
            r#"{"stream":false,"model":"a\/b","x":[{}],"messages":[{"role":"user","content":"é"}],"max_tokens":12.0,
                "model":"c/d","stream":true,"tools":null}"#,
        )
        .unwrap();
        assert_eq!((ask.model.as_ref(), ask.max_tokens, ask.stream), ("c/d", Some(12), true));
        assert!(ask.tools.is_none());
        assert_eq!(ask.prompt_tokens(), 8);
        assert_eq!(chat(r#"{"model":"a\/b","prompt":"x"}"#).unwrap().model, "a/b");
        assert_eq!(chat(r#"{"models":["a/b","c/d"],"prompt":"x"}"#).unwrap().model, "a/b");
    }

    #[test]
    fn a_wrong_body_is_refused_and_told_why() {
        let messages = r#""messages":[{"role":"user","content":"x"}]"#;
        for (body, start) in [
            ("", "Invalid JSON body: EOF"),
            ("\u{feff}{}", "Invalid JSON body"),
            ("[]", "Invalid JSON body: invalid type: sequence, expected an object"),
            ("{} {}", "Invalid JSON body: trailing characters"),
            (r#"{"model":"a/b"}"#, "Input required: specify \"prompt\" or \"messages\""),
            (r#"{"model":"a/b","messages":[ ]}"#, "Input required"),
            (r#"{"model":"a/b","messages":null}"#, "Input required"),
            (r#"{"model":"a/b","messages":"x"}"#, "Input required"),
            (&format!("{{{messages}}}"), "No models provided"),
            (&format!(r#"{{"model":null,{messages}}}"#), "No models provided"),
            (&format!(r#"{{"model":"",{messages}}}"#), "No models provided"),
            (&format!(r#"{{"model":"no-such/model",{messages}}}"#), "no-such/model is not a valid model ID"),
            (&format!(r#"{{"model":7,{messages}}}"#), "Invalid value for \"model\""),
            (&format!(r#"{{"model":"a/b",{messages},"stream":"yes"}}"#), "Invalid value for \"stream\""),
            (&format!(r#"{{"model":"a/b",{messages},"max_tokens":0}}"#), "Invalid value for \"max_tokens\": 0 is not"),
            (&format!(r#"{{"model":"a/b",{messages},"max_tokens":1e300}}"#), "Invalid value for \"max_tokens\""),
        ] {
            let message = chat(body).unwrap_err().to_string();
            assert!(message.starts_with(start), "{body}: {message}");
        }
        assert!(matches!(Ask::parse(Endpoint::ChatCompletions, b"{\"a\":\"\xff\"}"), Err(Invalid::Json(_))));
    }
}
