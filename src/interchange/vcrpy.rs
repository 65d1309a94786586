//! Cassettes of Python's vcrpy, as it writes them itself and as test suites make them readable.
//!
//! `LangChain`'s test suites write the requests and the responses as two lists, which belong
//! together by their places.

use super::body::Side;
use super::found::{Found, FoundReply, status_of};
use super::headers::header_lines;
use super::node::{Content, Node};
use super::python_json::dumps;

/// The interactions of a cassette; `None` where it is none.
pub(super) fn interactions(document: &Node) -> Option<Vec<Found>> {
    if let Some(list) = document.list_of("interactions") {
        return Some((1..).zip(list).map(|(number, node)| interaction(number, node)).collect());
    }
    let (requests, responses) = lists(document)?;
    let count = requests.len().max(responses.len());
    Some((0..count).filter_map(|place| pair(place + 1, requests.get(place), responses.get(place))).collect())
}

/// The requests and the responses of a cassette that has them apart.
pub(super) fn lists(document: &Node) -> Option<(&[Node], &[Node])> {
    Some((document.list_of("requests")?, document.list_of("responses")?))
}

/// A request with the response in its place. vcrpy replays the pairs that there are; what the
/// longer list has left belongs to nothing.
fn pair(number: usize, request: Option<&Node>, response: Option<&Node>) -> Option<Found> {
    let parts = [("request", request), ("response", response)];
    let line = request.or(response)?.line;
    let members = parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?.clone())));
    let mut found = interaction(number, &Node { line, content: Content::map(members) });
    found.damage = match (request, response) {
        (Some(_), Some(_)) => found.damage,
        (Some(_), None) => Some("the list `responses` has none in its place: it is shorter than `requests`".to_owned()),
        (None, _) => Some("the list `requests` has none in its place: it is shorter than `responses`".to_owned()),
    };
    Some(found)
}

fn interaction(number: usize, node: &Node) -> Found {
    let part = |name: &str, member: &str| node.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, node, part("request", "method"), part("request", "uri"));
    found.request = body(node, Side::Request);
    if let Some(response) = node.get("response") {
        found.reply = reply(node, response);
    }
    found
}

fn reply(node: &Node, response: &Node) -> Result<FoundReply, String> {
    // httpx cassettes of old have the bare number, and their content beside the body.
    let status = response.get("status").and_then(|status| status.text_of("code").or_else(|| status.text()));
    let status = status_of(status.or_else(|| response.text_of("status_code")))?;
    Ok(FoundReply { status, headers: header_lines(response.get("headers")), body: body(node, Side::Response)? })
}

/// The body of a request or a response: a text, bytes, what was parsed of it, or nothing.
fn body(of: &Node, side: Side) -> Result<Vec<u8>, String> {
    let Some(of) = of.get(side.member()) else { return Ok(Vec::new()) };
    if let Some(parsed) = of.get("parsed_body") {
        return json(parsed, side);
    }
    let body = of.get("body").or_else(|| of.get("content"));
    match body.map(|body| (&body.content, body)) {
        Some((Content::Map(_), body)) => in_map(body, side),
        Some((Content::List(pieces), _)) => pieces_of(pieces, side),
        _ => side.bytes(body).map(Option::unwrap_or_default),
    }
}

/// What Python's client sends of a value, and its server.
fn json(value: &Node, side: Side) -> Result<Vec<u8>, String> {
    dumps(value).map(String::into_bytes).map_err(|why| side.broken(why))
}

/// The members of a map that is no body itself and holds one.
const HOLDERS: [&str; 4] = ["state", "args", "base64_string", "string"];

/// A response's text, a file-like object with its content first in its state, an iterator over the
/// pieces of a body, or the value that a request's client was to send as JSON.
fn in_map(body: &Node, side: Side) -> Result<Vec<u8>, String> {
    if let Some(state) = body.list_of("state") {
        return side.bytes(state.first()).map(Option::unwrap_or_default);
    }
    if let Some(pieces) = body.list_of("args").and_then(|args| args.first()).and_then(Node::list) {
        return pieces_of(pieces, side);
    }
    if let Some(bytes) = side.base64(body.get("base64_string"))? {
        return Ok(bytes);
    }
    match side.bytes(body.get("string"))? {
        Some(text) => Ok(text),
        None if side == Side::Request && !HOLDERS.iter().any(|name| body.has(name)) => json(body, side),
        None if body.has("string") || body.members().is_empty() => Ok(Vec::new()),
        None => Err(format!("its {} body is an object that is not read", side.member())),
    }
}

fn pieces_of(pieces: &[Node], side: Side) -> Result<Vec<u8>, String> {
    let pieces: Result<Vec<Option<Vec<u8>>>, String> = pieces.iter().map(|piece| side.bytes(Some(piece))).collect();
    pieces.map(|pieces| pieces.into_iter().flatten().flatten().collect())
}
