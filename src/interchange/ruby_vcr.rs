//! Cassettes of Ruby's VCR, and of R's vcr, which writes much the same.

use std::borrow::Cow;

use super::body::Side;
use super::found::{Found, FoundReply, millis_of, status_of};
use super::headers::header_lines;
use super::node::{Content, Node};

/// The interactions of a cassette; `None` where it is none. Before version 2 it was a list alone.
pub(super) fn interactions(document: &Node) -> Option<Vec<Found>> {
    let list = document.list_of("http_interactions").or_else(|| document.list())?;
    Some((1..).zip(list).map(|(number, node)| interaction(number, node)).collect())
}

fn interaction(number: usize, node: &Node) -> Found {
    let part = |name: &str, member: &str| node.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, node, part("request", "method"), part("request", "uri"));
    found.request = body(node, Side::Request);
    found.sent_at_ms = millis_of(node.text_of("recorded_at"));
    if let Some(response) = node.get("response") {
        found.reply = reply(node, response);
    }
    found
}

fn reply(node: &Node, response: &Node) -> Result<FoundReply, String> {
    // R's vcr writes the bare number.
    let status = response.get("status").and_then(|status| status.text_of("code").or_else(|| status.text()));
    let status = status_of(status)?;
    Ok(FoundReply { status, headers: header_lines(response.get("headers")), body: body(node, Side::Response)? })
}

/// The body of a request or a response.
fn body(of: &Node, side: Side) -> Result<Vec<u8>, String> {
    let Some(body) = of.get(side.member()).and_then(|of| of.get("body")) else { return Ok(Vec::new()) };
    if let Some(bytes) = side.base64(body.get("base64_string"))? {
        return Ok(bytes);
    }
    if let Some(file) = file_of(body) {
        return Err(format!("its {} body is in the file {file:?}, which is not read", side.member()));
    }
    // Before version 2 the body was the text itself.
    let text = if matches!(body.content, Content::Map(_)) { body.get("string") } else { Some(body) };
    match text.map(|text| &text.content) {
        Some(Content::Text { value, .. }) => encoded(value, body.text_of("encoding")),
        _ => side.bytes(text).map(Option::unwrap_or_default),
    }
}

/// The file that R's vcr has kept a body in, instead of the text.
fn file_of(body: &Node) -> Option<Cow<'_, str>> {
    let is_file = matches!(body.text_of("file").as_deref(), Some("yes" | "true"));
    body.text_of("on_disk").or_else(|| body.text_of("string").filter(|_| is_file))
}

/// The bytes that a text was before it was written down as UTF-8.
fn encoded(text: &str, encoding: Option<Cow<'_, str>>) -> Result<Vec<u8>, String> {
    let encoding = encoding.unwrap_or_default().to_ascii_uppercase();
    match encoding.as_str() {
        _ if text.is_ascii() && !encoding.starts_with("UTF-16") && !encoding.starts_with("UTF-32") => {
            Ok(text.as_bytes().to_vec())
        }
        "" | "UTF-8" | "UTF8" | "ASCII-8BIT" | "BINARY" | "US-ASCII" => Ok(text.as_bytes().to_vec()),
        "ISO-8859-1" => {
            let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
            // What has no place in the encoding was never in it: VCR replays the text as it is.
            Ok(bytes.unwrap_or_else(|_| text.as_bytes().to_vec()))
        }
        _ => Err(format!("its body is in the encoding {encoding}, which is not read")),
    }
}
