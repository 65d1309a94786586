//! Bodies of a success that are no answer by their looks.

use super::response::LONGEST_BODY;
use super::verdict::one_line;
use crate::model::{BodyShape, Coding, End, Reply, Streamed};

/// Why a success's body cannot be an answer, in words; `None` where it has to be read.
pub(super) fn unusable(reply: &Reply) -> Option<String> {
    let received = reply.body.len();
    if reply.end != End::Complete && received >= LONGEST_BODY / 2 {
        return Some(format!("the answer was given up after {received} bytes; the longest taken is {LONGEST_BODY}"));
    }
    match (reply.end, reply.shape()) {
        (End::Reset, BodyShape::Json(_)) => Some(format!("the answer broke off after {received} bytes")),
        (End::TimedOut, BodyShape::Json(_)) => {
            Some(format!("the answer stopped after {received} bytes, until a time-out passed"))
        }
        (End::GivenUp, BodyShape::Json(_)) => {
            Some(format!("the answer was given up after {received} bytes: whoever asked went away"))
        }
        // How far a stream came, its events say.
        (End::Complete, _) => looks(reply),
        (_, BodyShape::Events) => None,
    }
}

/// What a body looks like that is no answer at first sight.
fn looks(reply: &Reply) -> Option<String> {
    let kind = reply.header("content-type").unwrap_or_default().to_ascii_lowercase();
    match reply.body.trim_ascii() {
        [] if reply.body.is_empty() => Some("the body is empty".to_owned()),
        [] => Some(format!(
            "the body is {} bytes of white space: the server kept the connection alive, and no answer came",
            reply.body.len()
        )),
        b"." => Some("the body is a single dot: the server gave up before an answer came".to_owned()),
        body if kind.starts_with("text/html") || body.starts_with(b"<") => {
            Some(format!("the body is a page of HTML{}; is the base URL right?", title(body)))
        }
        body if Coding::of_beginning(body).is_some() => {
            Some("the body is compressed, though it was asked not to be".to_owned())
        }
        _ => None,
    }
}

/// Why a stream without an error in it is no answer; `None` where it is whole.
pub(super) fn cut(streamed: &Streamed, reply: &Reply) -> Option<String> {
    if streamed.is_whole(reply.end) {
        return None;
    }
    if let Some(problem) = &streamed.problem {
        return Some(problem.to_string());
    }
    let how = match reply.end {
        End::Reset => "the stream broke off",
        End::TimedOut => "the stream stopped, until a time-out passed,",
        End::GivenUp => "the stream was given up, as whoever asked went away,",
        End::Complete if streamed.events == 0 => {
            return Some(format!("the stream has no event in it, and {} comments", streamed.comments));
        }
        End::Complete => "the stream ended without a finish_reason",
    };
    let came = streamed.answer(streamed.shape).ok();
    let characters = came.as_ref().and_then(|answer| answer.text()).map_or(0, |text| text.chars().count());
    Some(format!("{how} after {} events with {characters} characters of text", streamed.events))
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
