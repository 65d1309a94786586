//! Anthropic's tools, as chat completions have them.

use serde_json::{Map, Value, json};

use super::InputError;
use super::members::Members;

/// `tools`: only tools of the caller's own, not the server's.
pub(super) fn tools(params: &mut Members<'_>) -> Result<Option<Value>, InputError> {
    let Some(tools) = params.take_list("tools")? else { return Ok(None) };
    let line = params.line();
    let tools: Result<Vec<Value>, InputError> =
        tools.into_iter().map(|(path, tool)| function(Members::of(line, path, tool)?)).collect();
    // An empty list offers nothing, and some gateways refuse one.
    Ok(Some(tools?).filter(|tools| !tools.is_empty()).map(Value::Array))
}

fn function(mut tool: Members<'_>) -> Result<Value, InputError> {
    if let Some(kind) = tool.take_string("type")?.filter(|kind| kind != "custom") {
        return Err(tool
            .refused("type", "is a tool of the server's, which chat/completions has not")
            .value_text(&kind));
    }
    let mut function = Map::new();
    function.insert("name".to_owned(), Value::String(tool.need_string("name")?));
    if let Some(description) = tool.take_string("description")? {
        function.insert("description".to_owned(), Value::String(description));
    }
    let parameters = tool.need("input_schema")?;
    if !parameters.is_object() {
        return Err(tool.line().wrong_kind(&tool.path("input_schema"), "an object", &parameters));
    }
    function.insert("parameters".to_owned(), parameters);
    if let Some(strict) = tool.take_bool("strict")? {
        function.insert("strict".to_owned(), Value::Bool(strict));
    }
    tool.finish()?;
    Ok(json!({ "type": "function", "function": function }))
}

/// `tool_choice`, and whether several tools may be called at once.
pub(super) fn choice(params: &mut Members<'_>) -> Result<(Option<Value>, Option<Value>), InputError> {
    let Some(mut choice) = params.take_object("tool_choice")? else { return Ok((None, None)) };
    let mapped = match choice.need_string("type")?.as_str() {
        "auto" => json!("auto"),
        "any" => json!("required"),
        "none" => json!("none"),
        "tool" => json!({ "type": "function", "function": { "name": choice.need_string("name")? } }),
        other => return Err(choice.refused("type", "has no counterpart in chat/completions").value_text(other)),
    };
    let parallel = choice.take_bool("disable_parallel_tool_use")?.map(|disabled| Value::Bool(!disabled));
    choice.finish()?;
    Ok((Some(mapped), parallel))
}
