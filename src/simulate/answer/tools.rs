//! Whether a request wants a tool called, and which.

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::draw::Draw;
use super::ask::{Ask, Invalid};

/// A tool that the answer calls.
#[derive(Debug, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    /// The JSON schema of its arguments.
    pub(super) schema: Value,
}

/// What `tool_choice` says.
enum Choice {
    Free,
    Any,
    Named(String),
}

/// The tool that an answer must call: where the request names one, or wants any. The simulated model
/// never calls a tool by itself.
///
/// # Errors
/// Fails where the choice is not understood, or its tool is not in the list.
pub(super) fn wanted(ask: &Ask<'_>, draw: &mut Draw) -> Result<Option<Tool>, Invalid> {
    let Some(choice) = ask.tool_choice else { return Ok(None) };
    let choice = choice_of(&parse(choice, "tool_choice")?)?;
    if matches!(choice, Choice::Free) {
        return Ok(None);
    }
    let list = ask.tools.map(|tools| parse(tools, "tools")).transpose()?;
    let mut tools: Vec<Tool> = list.iter().filter_map(Value::as_array).flatten().filter_map(tool).collect();
    if let Choice::Named(name) = choice {
        tools.retain(|tool| tool.name == name);
        return match tools.pop() {
            Some(tool) => Ok(Some(tool)),
            None => Err(Invalid::field("tool_choice", format_args!("no tool is named {name}"))),
        };
    }
    if tools.is_empty() {
        return Err(Invalid::field("tool_choice", "a tool is required, but there are no tools"));
    }
    let index = draw.below(u64::try_from(tools.len()).expect("a length fits in 64 bits"));
    Ok(Some(tools.swap_remove(usize::try_from(index).expect("below a length that is a usize"))))
}

fn parse(raw: &RawValue, field: &'static str) -> Result<Value, Invalid> {
    serde_json::from_str(raw.get()).map_err(|error| Invalid::field(field, error))
}

fn choice_of(choice: &Value) -> Result<Choice, Invalid> {
    let kind = choice.as_str().or_else(|| choice["type"].as_str());
    let name = || choice["function"]["name"].as_str().or_else(|| choice["name"].as_str());
    match (kind, name()) {
        (Some("none" | "auto"), _) => Ok(Choice::Free),
        (Some("required" | "any"), _) => Ok(Choice::Any),
        (Some("function" | "tool"), Some(name)) => Ok(Choice::Named(name.to_owned())),
        _ => Err(Invalid::field("tool_choice", format_args!("{choice} is not understood"))),
    }
}

/// A tool in any of the three spellings: of chat, of the Responses, of the Messages. Tools that the
/// server runs by itself have no name and no schema, and are passed over.
fn tool(entry: &Value) -> Option<Tool> {
    let function = entry.get("function").unwrap_or(entry);
    let name = function["name"].as_str()?.to_owned();
    let schema = function.get("parameters").or_else(|| function.get("input_schema"));
    Some(Tool { name, schema: schema.cloned().unwrap_or_else(|| serde_json::json!({"type": "object"})) })
}

#[cfg(test)]
mod tests {
    use super::super::super::digest::BodyDigest;
    use super::super::super::draw::Purpose;
    use super::*;
    use crate::model::Endpoint;

    fn wanted_of(tools: &str, choice: &str) -> Result<Option<String>, Invalid> {
        let body = format!(r#"{{"model":"a/b","prompt":"x","tools":{tools},"tool_choice":{choice}}}"#);
        let ask = Ask::parse(Endpoint::ChatCompletions, body.as_bytes()).unwrap();
        let mut draw = Draw::new(1, &BodyDigest::of(b""), Purpose::Answer);
        wanted(&ask, &mut draw).map(|tool| tool.map(|tool| tool.name))
    }

    #[test]
    fn the_three_spellings_of_a_tool_and_a_choice_are_understood() {
        let tools = r#"[{"type":"web_search"},{"type":"function","function":{"name":"a","parameters":{}}}]"#;
        for choice in [r#""required""#, r#"{"type":"any"}"#, r#"{"type":"function","function":{"name":"a"}}"#] {
            assert_eq!(wanted_of(tools, choice), Ok(Some("a".to_owned())), "{choice}");
        }
        let tools = r#"[{"name":"a","input_schema":{}},{"type":"function","name":"b"}]"#;
        assert_eq!(wanted_of(tools, r#"{"type":"tool","name":"b"}"#), Ok(Some("b".to_owned())));
        for choice in [r#""auto""#, r#""none""#, r#"{"type":"auto"}"#, "null"] {
            assert_eq!(wanted_of(tools, choice), Ok(None), "{choice}");
        }
    }

    #[test]
    fn a_choice_that_cannot_be_met_is_refused() {
        for (tools, choice) in [("[]", r#""required""#), ("null", r#""required""#), ("[]", "7"), ("[]", r#""some""#)] {
            assert!(wanted_of(tools, choice).is_err(), "{tools} {choice}");
        }
        let message = wanted_of("[]", r#"{"type":"tool","name":"b"}"#).unwrap_err().to_string();
        assert_eq!(message, "Invalid value for \"tool_choice\": no tool is named b");
    }
}
