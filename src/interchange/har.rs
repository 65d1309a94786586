//! HTTP Archive 1.2, as browsers, proxies and nightreel write it.

use crate::model::Timing;

use super::attachments::Attachments;
use super::body::Side;
use super::found::{Found, FoundReply, millis_of, status_of};
use super::headers::header_lines;
use super::node::{Content, Node};
use super::polly;

/// The entries of a log; `None` where it is none.
pub(super) fn entries(document: &Node) -> Option<&Vec<Node>> {
    document.get("log")?.list_of("entries")
}

/// What an entry holds.
pub(super) fn interaction(number: usize, entry: &Node, attachments: Attachments<'_>) -> Found {
    let part = |name: &str, member: &str| entry.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, entry, part("request", "method"), part("request", "url"));
    found.sent_at_ms = millis_of(entry.text_of("startedDateTime"));
    found.timing = timing(entry);
    if let Some(posted) = entry.get("request").and_then(|request| request.get("postData")) {
        found.request =
            text(posted, Side::Request, attachments).and_then(|body| body.ok_or_else(|| Side::Request.lost()));
    }
    if let Some(response) = entry.get("response") {
        found.reply = reply(response, attachments);
    }
    found
}

/// A text, bytes in base64, or what a file beside the archive holds; `None` where there is none.
fn text(of: &Node, side: Side, attachments: Attachments<'_>) -> Result<Option<Vec<u8>>, String> {
    let is_base64 = of.text_of("encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    let text = if is_base64 { side.base64(of.get("text"))? } else { side.bytes(of.get("text"))? };
    match (text, of.text_of("_file")) {
        (None, Some(file)) => attachments.read(&file, side).map(Some),
        (text, _) => Ok(text),
    }
}

fn reply(response: &Node, attachments: Attachments<'_>) -> Result<FoundReply, String> {
    if response.number_of("status").is_none_or(|status| status <= 0.0) {
        let why = response.text_of("_error").map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(format!("it has no response{why}"));
    }
    let status = status_of(response.text_of("status"))?;
    let mut headers = header_lines(response.get("headers"));
    let nothing = Node { line: response.line, content: Content::Null };
    let content = response.get("content").unwrap_or(&nothing);
    let kind = content.text_of("mimeType").filter(|kind| !kind.is_empty());
    if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))) {
        headers.push(("content-type".to_owned(), kind.into_owned()));
    }
    let body = match polly::body(content, &headers)? {
        // Its size is that of the text, or of what was decoded.
        Some(body) => body,
        None => whole(text(content, Side::Response, attachments)?, size_of(response, content, status), status)?,
    };
    Ok(FoundReply { status, headers, body })
}

/// The size of a body by what a response says of it: what has no text and was sent all the same is
/// not empty, whatever its content's size.
fn size_of(response: &Node, content: &Node, status: u16) -> Option<f64> {
    let has_none = has_none(status) || content.has("text") || content.has("_file");
    let sent = response.number_of("bodySize").filter(|sent| *sent > 0.0 && !has_none);
    let size = content.number_of("size");
    size.filter(|size| *size != 0.0).or(sent).or(size)
}

/// Whether a response of a status has no body.
const fn has_none(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

/// A body that is all that came, by its size: browsers and proxies write the size of what they no
/// longer have, and what they have cut short.
fn whole(body: Option<Vec<u8>>, size: Option<f64>, status: u16) -> Result<Vec<u8>, String> {
    match (body.unwrap_or_default(), size) {
        (body, Some(size)) if body.is_empty() && size != 0.0 => Err(Side::Response.lost()),
        (body, None) if body.is_empty() && !has_none(status) => Err(Side::Response.lost()),
        (body, Some(size)) if is_cut(&body, size) => {
            Err(format!("its response body was cut short: {} of {size} bytes are there", body.len()))
        }
        (body, _) => Ok(body),
    }
}

/// Whether a body lacks much of its size, or anything where it is no whole JSON. A little less is
/// another charset's; and more is what was compressed when it was counted.
fn is_cut(body: &[u8], size: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a body has fewer than 2^53 bytes")]
    let length = body.len() as f64;
    let is_broken =
        || body.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err();
    length < size && (length * 2.0 < size || is_broken())
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
