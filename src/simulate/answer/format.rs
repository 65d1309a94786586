//! The format that an answer is asked for in.

use serde_json::Value;

use super::ask::{Ask, Invalid};
use crate::model::Endpoint;

/// The format that an answer is asked for in.
pub(super) enum Format {
    Text,
    Object,
    Schema(Value),
}

impl Format {
    /// # Errors
    /// Fails where the format is of no known type, or a schema is missing.
    pub(super) fn of(ask: &Ask<'_>) -> Result<Self, Invalid> {
        let Some(raw) = ask.format else { return Ok(Self::Text) };
        let responses = ask.endpoint == Endpoint::Responses;
        let field = if responses { "text" } else { "response_format" };
        let mut value: Value = serde_json::from_str(raw.get()).map_err(|error| Invalid::field(field, error))?;
        let (format, schema) = if responses { ("/format", "/format/schema") } else { ("", "/json_schema/schema") };
        let kind = value.pointer(format).map_or(&Value::Null, |format| &format["type"]);
        match kind.as_str() {
            Some("json_object") => Ok(Self::Object),
            Some("json_schema") => match value.pointer_mut(schema).map(Value::take) {
                None | Some(Value::Null) => Err(Invalid::field(field, "a json_schema needs a schema")),
                Some(schema) => Ok(Self::Schema(schema)),
            },
            Some("text" | "grammar" | "python") => Ok(Self::Text),
            None if responses && value.is_object() => Ok(Self::Text),
            _ => Err(Invalid::field(field, format_args!("{kind} is no type of a format"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(endpoint: Endpoint, field: &str, format: &str) -> Result<Format, Invalid> {
        let body = format!(r#"{{"model":"a/b","prompt":"x","input":"x","{field}":{format}}}"#);
        Format::of(&Ask::parse(endpoint, body.as_bytes()).unwrap())
    }

    #[test]
    fn a_format_that_is_no_object_or_of_no_known_type_is_refused() {
        let chat = |format| format_of(Endpoint::ChatCompletions, "response_format", format);
        for wrong in ["\"json\"", "7", "[]", "[1]", "{}", r#"{"type":"xml"}"#, r#"{"type":"json_schema"}"#] {
            assert!(chat(wrong).is_err(), "{wrong}");
        }
        assert!(chat(r#"{"type":"json_schema","json_schema":[]}"#).is_err());
        assert!(matches!(chat("null"), Ok(Format::Text)));
        assert!(matches!(format_of(Endpoint::Responses, "text", r#"{"verbosity":"low"}"#), Ok(Format::Text)));
        assert!(format_of(Endpoint::Responses, "text", "7").is_err());
    }
}
