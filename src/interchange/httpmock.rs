//! Recordings of Rust's httpmock: a document of `when` and `then` for each mock.

use std::borrow::Cow;

use crate::model::Timing;

use super::body::Side;
use super::endpoint_of::method_of;
use super::found::{Found, FoundReply, status_of};
use super::headers::header_lines;
use super::node::{Content, Node};
use super::python_json::dumps_as;
use super::yaml::resolve_core;

/// The mock of a document; `None` where it is none.
pub(super) fn interactions(document: &Node) -> Option<Vec<Found>> {
    let is_mock = document.has("when") && document.has("then");
    is_mock.then(|| vec![interaction(1, document)])
}

fn interaction(number: usize, mock: &Node) -> Found {
    let when = |member: &str| mock.get("when").and_then(|when| when.text_of(member));
    let path = when("path");
    // A mock that names no method answers each.
    let method = when("method").or_else(|| Some(Cow::Borrowed(method_of(path.as_deref()?))));
    let mut found = Found::new(number, mock, method, path);
    if let Some(query) = mock.get("when").and_then(|when| when.list_of("query_param")) {
        let pairs = query.iter().filter_map(|pair| pair.text_of("name").zip(pair.text_of("value")));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        found.url = format!("{}?{query}", found.url);
    }
    found.request = mock.get("when").map_or_else(|| Err(NO_BODY.to_owned()), request);
    // A mock that says nothing of its response answers all the same.
    let empty = Node { line: mock.line, content: Content::Null };
    let then = mock.get("then").unwrap_or(&empty);
    found.reply = reply(then);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is below zero becomes zero")]
    let delay_us = then.number_of("delay").map_or(0, |milliseconds| (milliseconds * 1_000.0) as u64);
    found.timing = Timing { first_byte_us: delay_us, total_us: delay_us, ..Timing::default() };
    found
}

/// Why a mock without a whole body is left out.
const NO_BODY: &str = "it matches without a whole request body (`body`, `body_base64` or `json_body`)";

fn request(when: &Node) -> Result<Vec<u8>, String> {
    body(when, Side::Request)?.ok_or_else(|| NO_BODY.to_owned())
}

/// A body in one of its three spellings.
fn body(of: &Node, side: Side) -> Result<Option<Vec<u8>>, String> {
    if let Some(json) = of.get("json_body") {
        let text = json.text().filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        let json = text.map_or_else(|| dumps_as(json, resolve_core), |text| Ok(text.into_owned()));
        return json.map(|json| Some(json.into_bytes())).map_err(|why| side.broken(why));
    }
    match side.bytes(of.get("body"))? {
        Some(bytes) => Ok(Some(bytes)),
        None => side.base64(of.get("body_base64")),
    }
}

fn reply(then: &Node) -> Result<FoundReply, String> {
    let status = then.get("status").map_or(Ok(200), |status| status_of(status.text()))?;
    let body = body(then, Side::Response)?.unwrap_or_default();
    Ok(FoundReply { status, headers: header_lines(then.get("header")), body })
}
