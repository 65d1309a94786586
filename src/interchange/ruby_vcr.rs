//! Cassettes of Ruby's VCR, and of R's vcr, which writes much the same.

use std::borrow::Cow;

use super::body::Side;
use super::found::{Found, FoundReply, millis_of, status_of};
use super::headers::header_lines;
use super::node::{Content, Node, Style};

/// Why the last response of a file is left out.
const CUT: &str = "the file ends before its `recorded_at` and the cassette's `recorded_with`, which VCR writes behind a \
                   body: the body may be cut; record it anew, or add the `recorded_at` where nothing is missing";

/// The interactions of a cassette; `None` where it is none. Before version 2 it was a list alone.
pub(super) fn interactions(document: &Node) -> Option<Vec<Found>> {
    let list = document.list_of("http_interactions").or_else(|| document.list())?;
    let mut found: Vec<Found> = (1..).zip(list).map(|(number, node)| interaction(number, node)).collect();
    if let Some(last) = found.last_mut().filter(|last| last.reply.is_ok() && ends_early(document, list)) {
        last.reply = Err(CUT.to_owned());
    }
    Some(found)
}

/// Whether the file of a cassette seems to end within the body of its last response: any line of it
/// may be the last one, and what VCR writes behind it is missing.
fn ends_early(document: &Node, all: &[Node]) -> bool {
    let Some((last, others)) = all.split_last() else { return false };
    let is_complete =
        |one: &Node| one.has("recorded_at") || one.get("response").is_some_and(|it| it.has("http_version"));
    let others_say_so = match document.content {
        // What nobody has ever dated was written by hand.
        Content::Map(_) => !document.has("recorded_with") && others.iter().all(is_complete),
        // Before version 2 there were no dates.
        _ => !others.is_empty() && others.iter().all(is_complete),
    };
    others_say_so && !is_complete(last) && may_go_on(last)
}

/// Whether an interaction ends with its response, that with its body, and that with a text that does
/// not say itself where it ends; or before one of them.
fn may_go_on(interaction: &Node) -> bool {
    let mut end = interaction;
    for names in [["response"].as_slice(), &["body"], &["string", "base64_string"]] {
        let Content::Map(members) = &end.content else { break };
        match members.last() {
            Some((name, value)) if names.contains(&name.as_str()) => end = value,
            _ => return !names.iter().any(|name| end.has(name)),
        }
    }
    !matches!(end.content, Content::Text { style: Style::Quoted, .. })
}

fn interaction(number: usize, node: &Node) -> Found {
    let part = |name: &str, member: &str| node.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, node, part("request", "method"), part("request", "uri"));
    found.request = body(node, Side::Request);
    found.sent_at_ms = millis_of(node.text_of("recorded_at"));
    if let Some(response) = node.get("response") {
        found.reply = reply(node, response);
    }
    if has_template(&found) {
        found.notes.push("it has ERB in it (<%= … %>), which is not run and stays as it is".to_owned());
    }
    found
}

/// Whether anything of an interaction is a template that VCR would fill in.
fn has_template(found: &Found) -> bool {
    let reply = found.reply.as_ref().map_or(&[][..], |reply| &reply.body);
    let request = found.request.as_ref().map_or(&[][..], Vec::as_slice);
    let texts = [found.url.as_bytes(), request, reply].map(String::from_utf8_lossy);
    texts.iter().any(|text| text.split_once("<%=").is_some_and(|(_, behind)| behind.contains("%>")))
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
