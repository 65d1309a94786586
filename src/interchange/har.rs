//! HTTP Archive 1.2, as browsers, proxies and nightreel write it.

use crate::model::Timing;

use super::body::from_base64;
use super::found::{Found, FoundReply, millis_of, status_of};
use super::headers::header_lines;
use super::node::Node;

/// The member of an entry that nightreel writes what HAR has no place for into.
pub(super) const OWN: &str = "_nightreel";

/// The entries of a log; `None` where it is none.
pub(super) fn entries(document: &Node) -> Option<&Vec<Node>> {
    document.get("log")?.list_of("entries")
}

/// What an entry holds.
pub(super) fn interaction(number: usize, entry: &Node) -> Found {
    let part = |name: &str, member: &str| entry.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, entry, part("request", "method"), part("request", "url"));
    found.sent_at_ms = millis_of(entry.text_of("startedDateTime"));
    found.timing = timing(entry);
    if let Some(posted) = entry.get("request").and_then(|request| request.get("postData")) {
        found.request = text(posted).unwrap_or_else(|| Err("its request body was not recorded".to_owned()));
    }
    if let Some(response) = entry.get("response") {
        found.reply = reply(response);
    }
    found
}

/// A text, or bytes in base64.
fn text(of: &Node) -> Option<Result<Vec<u8>, String>> {
    let text = of.text_of("text")?;
    let base64 = of.text_of("encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    Some(if base64 { from_base64(&text) } else { Ok(text.into_owned().into_bytes()) })
}

fn reply(response: &Node) -> Result<FoundReply, String> {
    if response.number_of("status").is_none_or(|status| status <= 0.0) {
        let why = response.text_of("_error").map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(format!("it has no response{why}"));
    }
    let status = status_of(response.text_of("status"))?;
    let mut headers = header_lines(response.get("headers"));
    let content = response.get("content");
    let kind = content.and_then(|content| content.text_of("mimeType")).filter(|kind| !kind.is_empty());
    if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))) {
        headers.push(("content-type".to_owned(), kind.into_owned()));
    }
    let size = content.and_then(|content| content.number_of("size")).unwrap_or(0.0);
    let body = match content.and_then(text) {
        Some(body) => body?,
        None if size > 0.0 => return Err("its response body was not recorded".to_owned()),
        None => Vec::new(),
    };
    Ok(FoundReply { status, headers, body })
}

/// What an entry says of time. Blocking and connecting are no part of an answer's time; -1 is what
/// does not apply.
fn timing(entry: &Node) -> Timing {
    let part = |name: &str| entry.get("timings").and_then(|timings| timings.number_of(name)).unwrap_or(0.0).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not below zero, and it saturates"
    )]
    let micros = |milliseconds: f64| (milliseconds * 1_000.0).round() as u64;
    let first = part("send") + part("wait");
    Timing { queued_us: 0, first_byte_us: micros(first), total_us: micros(first + part("receive")) }
}
