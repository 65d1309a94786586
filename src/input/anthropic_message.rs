//! Anthropic's messages, as chat completions have them.

use serde_json::{Map, Value, json};

use super::InputError;
use super::line::Line;
use super::members::{self, Members};

const NO_COUNTERPART: &str = "has no counterpart in chat/completions";

/// The system prompt as a message; an empty list is none.
pub(super) fn system(line: &Line<'_>, path: &str, system: Value) -> Result<Option<Value>, InputError> {
    let content = texts(line, path, system)?;
    let empty = content.as_array().is_some_and(Vec::is_empty);
    Ok((!empty).then(|| json!({ "role": "system", "content": content })))
}

/// Appends what a message is in chat completions: one message, or several where it has tool results.
pub(super) fn append(mut message: Members<'_>, messages: &mut Vec<Value>) -> Result<(), InputError> {
    let role = message.need_string("role")?;
    let content = message.need("content")?;
    let (line, path) = (message.line(), message.path("content"));
    match (role.as_str(), content) {
        ("user" | "assistant", Value::String(text)) => messages.push(json!({ "role": role, "content": text })),
        ("user", blocks) => append_user(line, &path, blocks, messages)?,
        ("assistant", blocks) => messages.push(assistant(line, &path, blocks)?),
        _ => return Err(message.refused("role", "is neither user nor assistant").value_text(&role)),
    }
    message.finish()
}

/// The content blocks of a message, which must have some, with their types.
fn blocks<'l>(line: &'l Line<'l>, path: &str, blocks: Value) -> Result<Vec<(String, Members<'l>)>, InputError> {
    let blocks = members::list(line, path, blocks)?;
    if blocks.is_empty() {
        return Err(line.refused(path, "is empty"));
    }
    blocks.into_iter().map(|(path, block)| typed(line, path, block)).collect()
}

fn typed<'l>(line: &'l Line<'l>, path: String, block: Value) -> Result<(String, Members<'l>), InputError> {
    let mut block = Members::of(line, path, block)?;
    Ok((block.need_string("type")?, block))
}

/// Tool results come first in a user's message, and are messages of their own here.
fn append_user(line: &Line<'_>, path: &str, content: Value, messages: &mut Vec<Value>) -> Result<(), InputError> {
    let mut parts = Vec::new();
    for (kind, block) in blocks(line, path, content)? {
        match kind.as_str() {
            "text" => parts.push(text(block)?),
            "image" => parts.push(image(block)?),
            "tool_result" if parts.is_empty() => messages.push(tool_result(block)?),
            "tool_result" => {
                return Err(block
                    .refused("type", "is tool_result behind another block, an order that chat/completions has not"));
            }
            other => return Err(block.refused("type", NO_COUNTERPART).value_text(other)),
        }
    }
    if !parts.is_empty() {
        messages.push(json!({ "role": "user", "content": parts }));
    }
    Ok(())
}

fn assistant(line: &Line<'_>, path: &str, content: Value) -> Result<Value, InputError> {
    let (mut parts, mut calls) = (Vec::new(), Vec::new());
    for (kind, block) in blocks(line, path, content)? {
        match kind.as_str() {
            "text" if calls.is_empty() => parts.push(text(block)?),
            "text" => {
                return Err(block.refused("type", "is text behind a tool_use, an order that chat/completions has not"));
            }
            "tool_use" => calls.push(tool_use(block)?),
            other => return Err(block.refused("type", NO_COUNTERPART).value_text(other)),
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    message.insert("content".to_owned(), if parts.is_empty() { Value::Null } else { Value::Array(parts) });
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    Ok(Value::Object(message))
}

/// A content that is a string, or a list of text blocks.
fn texts(line: &Line<'_>, path: &str, content: Value) -> Result<Value, InputError> {
    if content.is_string() {
        return Ok(content);
    }
    let parts = members::list(line, path, content)?.into_iter().map(|(path, block)| {
        let (kind, block) = typed(line, path, block)?;
        if kind == "text" { text(block) } else { Err(block.refused("type", NO_COUNTERPART).value_text(&kind)) }
    });
    parts.collect::<Result<_, _>>().map(Value::Array)
}

fn text(mut block: Members<'_>) -> Result<Value, InputError> {
    let mut part = Map::new();
    part.insert("type".to_owned(), json!("text"));
    part.insert("text".to_owned(), Value::String(block.need_string("text")?));
    if let Some(cache_control) = block.take("cache_control") {
        part.insert("cache_control".to_owned(), cache_control);
    }
    block.finish()?;
    Ok(Value::Object(part))
}

fn image(mut block: Members<'_>) -> Result<Value, InputError> {
    let Some(mut source) = block.take_object("source")? else {
        return Err(block.line().missing(&block.path("source")));
    };
    let url = match source.need_string("type")?.as_str() {
        "url" => source.need_string("url")?,
        "base64" => {
            let (media_type, data) = (source.need_string("media_type")?, source.need_string("data")?);
            format!("data:{media_type};base64,{data}")
        }
        other => return Err(source.refused("type", NO_COUNTERPART).value_text(other)),
    };
    source.finish()?;
    block.finish()?;
    Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
}

fn tool_use(mut block: Members<'_>) -> Result<Value, InputError> {
    let (id, name) = (block.need_string("id")?, block.need_string("name")?);
    let arguments = block.need("input")?.to_string();
    block.finish()?;
    Ok(json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } }))
}

fn tool_result(mut block: Members<'_>) -> Result<Value, InputError> {
    let id = block.need_string("tool_use_id")?;
    let content = block.take("content").unwrap_or_else(|| json!(""));
    let content = texts(block.line(), &block.path("content"), content)?;
    if block.take_bool("is_error")? == Some(true) {
        return Err(block.refused("is_error", "is true, which chat/completions has no word for"));
    }
    block.finish()?;
    Ok(json!({ "role": "tool", "tool_call_id": id, "content": content }))
}
