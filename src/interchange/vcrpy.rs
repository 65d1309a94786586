//! Cassettes of Python's vcrpy, as it writes them itself and as test suites make them readable.

use super::found::{Found, FoundReply, status_of};
use super::headers::header_lines;
use super::node::{Content, Node};
use super::python_json::dumps;

/// The interactions of a cassette; `None` where it is none.
pub(super) fn interactions(document: &Node) -> Option<Vec<Found>> {
    let list = document.list_of("interactions")?;
    Some((1..).zip(list).map(|(number, node)| interaction(number, node)).collect())
}

fn interaction(number: usize, node: &Node) -> Found {
    let part = |name: &str, member: &str| node.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, node, part("request", "method"), part("request", "uri"));
    found.request = body(node.get("request"));
    if let Some(response) = node.get("response") {
        found.reply = reply(response);
    }
    found
}

fn reply(response: &Node) -> Result<FoundReply, String> {
    // httpx cassettes of old have the bare number, and their content beside the body.
    let status = response.get("status").and_then(|status| status.text_of("code").or_else(|| status.text()));
    let status = status_of(status.or_else(|| response.text_of("status_code")))?;
    Ok(FoundReply { status, headers: header_lines(response.get("headers")), body: body(Some(response))? })
}

/// The body of a request or a response: a text, bytes, what was parsed of it, or nothing.
fn body(of: Option<&Node>) -> Result<Vec<u8>, String> {
    let Some(of) = of else { return Ok(Vec::new()) };
    if let Some(parsed) = of.get("parsed_body") {
        return Ok(dumps(parsed).into_bytes());
    }
    let Some(body) = of.get("body").or_else(|| of.get("content")) else { return Ok(Vec::new()) };
    match &body.content {
        Content::Null => Ok(Vec::new()),
        Content::Text { .. } | Content::Bytes(_) => Ok(body.bytes().unwrap_or_default()),
        Content::Map(_) => in_map(body),
        Content::List(pieces) => pieces_of(pieces),
    }
}

/// A response's text, a file-like object with its content first in its state, or an iterator over
/// the pieces of a body.
fn in_map(body: &Node) -> Result<Vec<u8>, String> {
    if let Some(state) = body.list_of("state") {
        return Ok(state.first().and_then(Node::bytes).unwrap_or_default());
    }
    if let Some(pieces) = body.list_of("args").and_then(|args| args.first()).and_then(Node::list) {
        return pieces_of(pieces);
    }
    match body.get("string") {
        Some(text) => text.bytes().ok_or_else(|| "its body is no text".to_owned()),
        None if body.has("string") || body.members().is_empty() => Ok(Vec::new()),
        None => Err("its body is an object that is not read".to_owned()),
    }
}

fn pieces_of(pieces: &[Node]) -> Result<Vec<u8>, String> {
    let pieces: Option<Vec<Vec<u8>>> = pieces.iter().map(Node::bytes).collect();
    pieces.map(|pieces| pieces.concat()).ok_or_else(|| "its body is no text".to_owned())
}
