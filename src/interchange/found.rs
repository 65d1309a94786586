//! An interaction as a file holds it, before anything is made of it.

use std::borrow::Cow;

use crate::model::Timing;

use super::endpoint_of::path_of;
use super::imported::Place;
use super::node::Node;

/// An interaction of a file. What is wrong with one of its parts matters only where the rest of it
/// is something to take.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) url: String,
    pub(super) request: Result<Vec<u8>, String>,
    pub(super) reply: Result<FoundReply, String>,
    /// Milliseconds since 1970-01-01 UTC; 0 where the file does not say.
    pub(super) sent_at_ms: i64,
    pub(super) timing: Timing,
}

/// A response of a file.
#[derive(Debug, Default)]
pub(super) struct FoundReply {
    pub(super) status: u16,
    /// Every header line.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Found {
    /// An interaction without its parts.
    pub(super) fn new(number: usize, node: &Node, method: Option<Cow<'_, str>>, url: Option<Cow<'_, str>>) -> Self {
        let url = url.map(Cow::into_owned).unwrap_or_default();
        // Ruby's symbols begin with a colon.
        let method = method.unwrap_or_default().trim_start_matches(':').to_ascii_uppercase();
        let place = Place { number, line: node.line, method, path: path_of(&url).to_owned() };
        let missing = |what: &str| format!("it has no {what}");
        Self {
            place,
            url,
            request: Err(missing("request body")),
            reply: Err(missing("response")),
            sent_at_ms: 0,
            timing: Timing::default(),
        }
    }
}

/// The status that a number is.
pub(super) fn status_of(text: Option<Cow<'_, str>>) -> Result<u16, String> {
    let text = text.ok_or("its response has no status")?;
    let status = text.trim().parse().ok().filter(|status| (100..=999).contains(status));
    status.ok_or_else(|| format!("its response has the status {text:?}, which is none"))
}

/// Milliseconds since 1970-01-01 UTC of a date as HTTP or ISO 8601 write it; 0 for anything else.
pub(super) fn millis_of(date: Option<Cow<'_, str>>) -> i64 {
    let Some(date) = date else { return 0 };
    let http = || jiff::fmt::rfc2822::parse(&date).ok().map(|date| date.timestamp());
    let iso = date.parse::<jiff::Timestamp>().ok();
    iso.or_else(http).map_or(0, jiff::Timestamp::as_millisecond)
}
