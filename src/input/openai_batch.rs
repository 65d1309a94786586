//! `OpenAI` Batch input: `{"custom_id", "method", "url", "body"}` a line.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::{Endpoint, Format, Row, RowRequest};

use super::id_path::IdPath;
use super::line::Line;
use super::{InputError, Problem, json, requests, shape};

/// The only method that a batch line may have.
const METHOD: &str = "POST";

/// A line's body as it is written.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
}

/// A line that brings its endpoint and its body. Its fields are all members but the body.
pub(super) fn row(line: &Line<'_>, id: Option<&IdPath>) -> Result<Row, InputError> {
    let mut members = json::fields(line)?;
    let endpoint =
        check(line, &members).map_err(|error| error.hinted_maybe(shape::hint(&members, Format::OpenaiBatch)))?;
    let id = id.map_or_else(|| custom_id(line, &members), |id| id.read(line, &members))?;
    members.shift_remove("body");
    let written: Written<'_> =
        serde_json::from_str(line.text).map_err(|error| line.error(Problem::Json(error.to_string().into())))?;
    let body = Bytes::copy_from_slice(written.body.get().as_bytes());
    let request = RowRequest { endpoint: Some(endpoint), body };
    Ok(Row { number: line.row, line: line.number, id, fields: members, request: Some(request) })
}

/// The name that a batch line has, which its result will have too.
pub(super) fn custom_id(line: &Line<'_>, members: &Map<String, Value>) -> Result<String, InputError> {
    let name = "custom_id";
    let id = need_string(line, members, name)?;
    if id.trim().is_empty() { Err(line.error(Problem::EmptyId(name.into()))) } else { Ok(id.to_owned()) }
}

fn check(line: &Line<'_>, members: &Map<String, Value>) -> Result<Endpoint, InputError> {
    custom_id(line, members)?;
    let method = need_string(line, members, "method")?;
    if method != METHOD {
        return Err(line.refused("method", "is not POST, the only one there is").value_text(method));
    }
    let url = need_string(line, members, "url")?;
    let endpoint = url.parse().map_err(|_| unknown_url(line, url))?;
    let body = members.get("body").ok_or_else(|| line.missing("body"))?;
    let body = body.as_object().ok_or_else(|| line.wrong_kind("body", "an object", body))?;
    requests::check_body(line, "body.", body, Some(endpoint))?;
    Ok(endpoint)
}

fn need_string<'m>(line: &Line<'_>, members: &'m Map<String, Value>, name: &str) -> Result<&'m str, InputError> {
    let value = members.get(name).ok_or_else(|| line.missing(name))?;
    value.as_str().ok_or_else(|| line.wrong_kind(name, "a string", value))
}

fn unknown_url(line: &Line<'_>, url: &str) -> InputError {
    let known = Endpoint::ASKING.map(|endpoint| format!("/v1/{endpoint}")).join(", ");
    line.refused("url", "names no endpoint that can be sent to").value_text(url).hinted(format!("known are {known}"))
}
