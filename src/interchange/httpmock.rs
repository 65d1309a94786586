//! Recordings of Rust's httpmock: a document of `when` and `then` for each mock.

use crate::model::Timing;

use super::body::from_base64;
use super::found::{Found, FoundReply, status_of};
use super::headers::header_lines;
use super::node::{Content, Node};
use super::python_json::dumps;

/// The mocks of a file; `None` where it has none.
pub(super) fn interactions(documents: &[Node]) -> Option<Vec<Found>> {
    let mocks: Vec<&Node> = documents.iter().filter(|document| document.content != Content::Null).collect();
    let are_mocks = mocks.iter().all(|mock| mock.has("when") && mock.has("then"));
    (are_mocks && !mocks.is_empty()).then(|| (1..).zip(mocks).map(|(number, mock)| interaction(number, mock)).collect())
}

fn interaction(number: usize, mock: &Node) -> Found {
    let when = |member: &str| mock.get("when").and_then(|when| when.text_of(member));
    let mut found = Found::new(number, mock, when("method"), when("path"));
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
    if let Some(json) = when.get("json_body") {
        let text = json.text().filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        return Ok(text.map_or_else(|| dumps(json), std::borrow::Cow::into_owned).into_bytes());
    }
    body(when).unwrap_or_else(|| Err(NO_BODY.to_owned()))
}

fn body(of: &Node) -> Option<Result<Vec<u8>, String>> {
    let plain = of.get("body").and_then(Node::bytes).map(Ok);
    plain.or_else(|| of.text_of("body_base64").map(|text| from_base64(&text)))
}

fn reply(then: &Node) -> Result<FoundReply, String> {
    let status = then.get("status").map_or(Ok(200), |status| status_of(status.text()))?;
    Ok(FoundReply {
        status,
        headers: header_lines(then.get("header")),
        body: body(then).unwrap_or_else(|| Ok(Vec::new()))?,
    })
}
