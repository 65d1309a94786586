//! Bodies of a success that are no answer by their looks.

use super::response::LONGEST_BODY;
use super::verdict::one_line;
use crate::model::{End, Reply};

/// Why a success's body cannot be an answer, in words; `None` where it has to be read.
pub(super) fn unusable(reply: &Reply) -> Option<String> {
    let body = reply.body.trim_ascii();
    let kind = reply.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let received = reply.body.len();
    if reply.end != End::Complete && received >= LONGEST_BODY / 2 {
        return Some(format!("the answer was given up after {received} bytes; the longest taken is {LONGEST_BODY}"));
    }
    match (reply.end, body) {
        (End::Reset, _) => Some(format!("the answer broke off after {received} bytes")),
        (End::TimedOut, _) => Some(format!("the answer stopped after {received} bytes, until a time-out passed")),
        (End::Complete, []) if received == 0 => Some("the body is empty".to_owned()),
        (End::Complete, []) => Some(format!(
            "the body is {received} bytes of white space: the server kept the connection alive, and no answer came"
        )),
        (End::Complete, b".") => Some("the body is a single dot: the server gave up before an answer came".to_owned()),
        (End::Complete, _) if kind.starts_with("text/html") || body.starts_with(b"<") => {
            Some(format!("the body is a page of HTML{}; is the base URL right?", title(body)))
        }
        (End::Complete, _) if is_event_stream(reply) => {
            Some("the body is an event stream; streams are not read, so leave \"stream\" out of the request".to_owned())
        }
        (End::Complete, [0x1f, 0x8b, ..]) => Some("the body is compressed, though it was asked not to be".to_owned()),
        _ => None,
    }
}

/// Whether a body is an event stream, by its type or by its beginning.
pub(super) fn is_event_stream(reply: &Reply) -> bool {
    let kind = reply.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let body = reply.body.trim_ascii_start();
    let starts = [&b"data:"[..], b"event:", b": "].iter().any(|start| body.starts_with(start));
    starts || (kind.starts_with("text/event-stream") && !body.starts_with(b"{"))
}

/// The title of a page of HTML, which often says whose page it is.
pub(super) fn title(page: &[u8]) -> String {
    let start = String::from_utf8_lossy(&page[..page.len().min(4096)]).into_owned();
    let lower = start.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let from = at + lower[at..].find('>')? + 1;
        let to = from + lower[from..].find("</title")?;
        Some(one_line(&start[from..to]))
    });
    title.filter(|title| !title.is_empty()).map_or_else(String::new, |title| format!(" titled \"{title}\""))
}
