//! One request body a line, sent byte for byte.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::model::{Endpoint, Format, Row, RowRequest};

use super::id_path::IdPath;
use super::line::Line;
use super::{InputError, json, shape};

/// A line that is a body. It has no fields: a template has nothing to fill in. Its id is its
/// number, unless the id names a member of the body, such as `metadata.row`.
pub(super) fn row(line: &Line<'_>, id: Option<&IdPath>) -> Result<Row, InputError> {
    let body = json::fields(line)?;
    check_body(line, "", &body, None).map_err(|error| error.hinted_maybe(shape::hint(&body, Format::Requests)))?;
    let id = id.map_or_else(|| Ok(line.row.to_string()), |id| id.read(line, &body))?;
    let request = RowRequest { endpoint: None, body: Bytes::copy_from_slice(line.text.as_bytes()) };
    Ok(Row { number: line.row, line: line.number, id, fields: Map::new(), request: Some(request) })
}

/// Checks that a body asks something: what it must have depends on its endpoint, where one is known.
pub(super) fn check_body(
    line: &Line<'_>,
    path: &str,
    body: &Map<String, Value>,
    endpoint: Option<Endpoint>,
) -> Result<(), InputError> {
    let needed: &[&str] = match endpoint {
        None | Some(Endpoint::Models) => &["messages", "input", "prompt"],
        Some(Endpoint::ChatCompletions) => &["messages", "prompt"],
        Some(Endpoint::Messages) => &["messages"],
        Some(Endpoint::Completions) => &["prompt"],
        Some(Endpoint::Embeddings) => &["input"],
        Some(Endpoint::Responses) => &["input", "prompt"],
    };
    if !needed.iter().any(|name| body.contains_key(*name)) {
        return Err(line.missing(&format!("{path}{}", needed[0])));
    }
    match body.get("messages") {
        Some(messages) if !messages.is_array() => Err(line.wrong_kind(&format!("{path}messages"), "a list", messages)),
        _ => Ok(()),
    }
}
