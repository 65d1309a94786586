//! HTTP Archive 1.2, as browsers, proxies and nightreel write it.

use crate::model::Timing;

use super::attachments::Attachments;
use super::body::Side;
use super::doubt::said_length;
use super::found::{Found, FoundReply, has_none, millis_of, status_of};
use super::headers::{header_lines, value_of};
use super::node::{Content, Node};
use super::polly;

/// How many bytes stand between a header's name and its value, and behind it.
const HEADER_ENDS: usize = 4;
/// More bytes than any way of compressing makes of nothing.
const LONGEST_NOTHING: f64 = 32.0;

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
    let mut reply = FoundReply { status, headers, body: Vec::new() };
    reply.body = match polly::body(content, &reply.headers)? {
        // Its size is that of the text, or of what was decoded.
        Some(body) => body,
        None => whole(text(content, Side::Response, attachments)?, &reply, (response, content))?,
    };
    Ok(reply)
}

/// A body that is all that came, by its size: browsers and proxies write the size of what they no
/// longer have, and what they have cut short.
fn whole(body: Option<Vec<u8>>, reply: &FoundReply, (response, content): (&Node, &Node)) -> Result<Vec<u8>, String> {
    let (has_text, body) = (body.is_some(), body.unwrap_or_default());
    let size = content.number_of("size");
    if body.is_empty() {
        let is_unknown = size.is_none() && !has_none(reply.status);
        let is_sent = !has_none(reply.status) && sent(response, reply) > sent_of_nothing(has_text, reply);
        return if is_unknown || is_sent || size.is_some_and(|size| size != 0.0) {
            Err(Side::Response.lost())
        } else {
            Ok(body)
        };
    }
    match size.into_iter().chain(said_length(reply).map(float)).reduce(f64::max) {
        Some(size) if is_cut(&body, size, is_stream(reply)) => {
            Err(format!("its response body was cut short: {} of {size} bytes are there", body.len()))
        }
        _ => Ok(body),
    }
}

/// How many bytes of a body came, by the first that tells it of what a response says; 0 where nothing
/// does. A transfer is counted with its headers, whose size may have to be guessed.
fn sent(response: &Node, reply: &FoundReply) -> f64 {
    let length = value_of(&reply.headers, "content-length").and_then(|length| length.parse().ok());
    let known = |name: &str| response.number_of(name).filter(|size| *size >= 0.0);
    let headers = || {
        let lengths = reply.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER_ENDS);
        float(lengths.sum())
    };
    let transferred = || Some(known("_transferSize")? - known("headersSize").unwrap_or_else(headers));
    length.or_else(|| known("bodySize")).or_else(transferred).unwrap_or(0.0)
}

/// How many bytes may have been sent where the body is empty: nothing that was compressed is a few.
fn sent_of_nothing(has_text: bool, reply: &FoundReply) -> f64 {
    let is_compressed = has_text && value_of(&reply.headers, "content-encoding").is_some();
    if is_compressed { LONGEST_NOTHING } else { 0.0 }
}

/// Whether a response is a stream of events.
fn is_stream(reply: &FoundReply) -> bool {
    value_of(&reply.headers, "content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("event-stream"))
}

/// Whether a body lacks much of its size, or anything where it is no whole JSON or ends within an
/// event. A little less is another charset's; and more is what was compressed when it was counted.
fn is_cut(body: &[u8], size: f64, is_stream: bool) -> bool {
    let length = float(body.len());
    let is_broken = || match body.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err(),
        _ => is_stream && ends_within_event(body),
    };
    length < size && (length * 2.0 < size || is_broken())
}

/// Whether a stream ends before the blank line of its last event. Its last line may have lost its end.
fn ends_within_event(body: &[u8]) -> bool {
    let has_blank_line = ["\n\n", "\r\r", "\r\n\r\n"].iter().any(|end| body.ends_with(end.as_bytes()));
    !has_blank_line && !body.trim_ascii_end().ends_with(b"[DONE]")
}

#[expect(clippy::cast_precision_loss, reason = "a body has fewer than 2^53 bytes")]
const fn float(length: usize) -> f64 {
    length as f64
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
