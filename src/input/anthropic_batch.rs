//! Anthropic Message Batches input: `{"custom_id", "params"}` a line, sent as chat completions.
//!
//! What has an exact counterpart in a chat body is mapped, and everything else is refused by its
//! path: a request that quietly lost a field would be another request. The model's name stays as
//! it is.

use serde_json::{Map, Value, json};

use crate::model::{Endpoint, Format, Row, RowRequest};

use super::id_path::IdPath;
use super::line::Line;
use super::members::Members;
use super::{InputError, anthropic_message, anthropic_tool, json, openai_batch, shape};

/// A line that brings its request. Its fields are all members but the params.
pub(super) fn row(line: &Line<'_>, id: Option<&IdPath>) -> Result<Row, InputError> {
    let mut members = json::object(line)?;
    if let Some(offset) = json::big_integer(line.text) {
        let reason = "beyond 64 bits cannot be kept exact";
        return Err(line.error_at(offset, super::Problem::Refused { member: "an integer".into(), reason }));
    }
    let hinted = |error: InputError| error.hinted_maybe(shape::hint(&members, Format::AnthropicBatch));
    let custom_id = openai_batch::custom_id(line, &members).map_err(hinted)?;
    if !members.contains_key("params") {
        return Err(hinted(line.missing("params")));
    }
    let id = id.map_or(Ok(custom_id), |id| id.read(line, &members))?;
    let params = members.shift_remove("params").unwrap_or_default();
    let body = Value::Object(body(Members::of(line, "params".to_owned(), params)?)?).to_string();
    let request = RowRequest { endpoint: Some(Endpoint::ChatCompletions), body: body.into() };
    Ok(Row { number: line.row, line: line.number, id, fields: members, request: Some(request) })
}

fn body(mut params: Members<'_>) -> Result<Map<String, Value>, InputError> {
    let mut body = Map::new();
    let mut add = |name: &str, value: Option<Value>| value.map(|value| body.insert(name.to_owned(), value));
    add("model", params.take_string("model")?.map(Value::String));
    add("messages", Some(messages(&mut params)?));
    add("max_tokens", Some(max_tokens(&mut params)?));
    for name in ["temperature", "top_p", "top_k"] {
        add(name, params.take_number(name)?);
    }
    add("stop", stop(&mut params)?);
    add("tools", anthropic_tool::tools(&mut params)?);
    let (choice, parallel) = anthropic_tool::choice(&mut params)?;
    add("tool_choice", choice);
    add("parallel_tool_calls", parallel);
    add("reasoning", reasoning(&mut params)?);
    add("user", user(&mut params)?);
    add("cache_control", params.take("cache_control"));
    if params.take_bool("stream")? == Some(true) {
        return Err(params.refused("stream", "is true, which a batch cannot have"));
    }
    params.finish()?;
    Ok(body)
}

fn messages(params: &mut Members<'_>) -> Result<Value, InputError> {
    let system = params.take("system");
    let mut messages = Vec::new();
    if let Some(system) = system {
        messages.extend(anthropic_message::system(params.line(), &params.path("system"), system)?);
    }
    let Some(turns) = params.take_list("messages")? else {
        return Err(params.line().missing(&params.path("messages")));
    };
    for (path, turn) in turns {
        anthropic_message::append(Members::of(params.line(), path, turn)?, &mut messages)?;
    }
    Ok(Value::Array(messages))
}

fn max_tokens(params: &mut Members<'_>) -> Result<Value, InputError> {
    let value = params.need("max_tokens")?;
    match value.as_u64() {
        Some(0) => Err(params.refused("max_tokens", "is 0, which a batch cannot have")),
        Some(_) => Ok(value),
        None => Err(params.line().wrong_kind(&params.path("max_tokens"), "a whole number from 1", &value)),
    }
}

fn stop(params: &mut Members<'_>) -> Result<Option<Value>, InputError> {
    let Some(sequences) = params.take_list("stop_sequences")? else { return Ok(None) };
    if let Some((path, other)) = sequences.iter().find(|(_, sequence)| !sequence.is_string()) {
        return Err(params.line().wrong_kind(path, "a string", other));
    }
    // An empty list asks for nothing, and some gateways refuse one.
    let sequences: Vec<Value> = sequences.into_iter().map(|(_, sequence)| sequence).collect();
    Ok((!sequences.is_empty()).then_some(Value::Array(sequences)))
}

fn reasoning(params: &mut Members<'_>) -> Result<Option<Value>, InputError> {
    let Some(mut thinking) = params.take_object("thinking")? else { return Ok(None) };
    let reasoning = match thinking.need_string("type")?.as_str() {
        "enabled" => {
            let budget = thinking.take_number("budget_tokens")?;
            json!({ "max_tokens": budget.ok_or_else(|| thinking.line().missing(&thinking.path("budget_tokens")))? })
        }
        "disabled" => json!({ "enabled": false }),
        other => return Err(thinking.refused("type", "has no counterpart in chat/completions").value_text(other)),
    };
    thinking.finish()?;
    Ok(Some(reasoning))
}

fn user(params: &mut Members<'_>) -> Result<Option<Value>, InputError> {
    let Some(mut metadata) = params.take_object("metadata")? else { return Ok(None) };
    let user = metadata.take_string("user_id")?.map(Value::String);
    metadata.finish()?;
    Ok(user)
}
