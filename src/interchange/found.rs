//! An interaction as a file holds it, before anything is made of it.

use std::borrow::Cow;

use crate::model::Timing;

use super::credentials::credentials_of;
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
    /// What the request was sent with and nobody else may know.
    pub(super) credentials: Vec<String>,
    /// What is to be known of it where it is taken.
    pub(super) notes: Vec<String>,
    /// Why it cannot be said what the request was.
    pub(super) damage: Option<String>,
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
        let place = Place { file: None, number, line: node.line, method, path: path_of(&url).to_owned() };
        let missing = |what: &str| format!("it has no {what}");
        Self {
            place,
            request: Err(missing("request body")),
            reply: Err(missing("response")),
            sent_at_ms: 0,
            timing: Timing::default(),
            credentials: credentials_of(node, &url),
            notes: Vec::new(),
            damage: damage(node),
            url,
        }
    }
}

/// What cannot be read of an interaction, or of what says which request it is.
fn damage(node: &Node) -> Option<String> {
    let request = node.get("request").or_else(|| node.get("when"));
    let parts = ["method", "url", "uri", "path"].into_iter().filter_map(|name| request?.get(name));
    let whole = [Some(node), request].into_iter().flatten();
    let why = whole.chain(parts).find_map(Node::problem)?;
    Some(format!("it cannot be read: {why}"))
}

/// Whether a response of a status has no body.
pub(super) const fn has_none(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

/// The status that a number is.
pub(super) fn status_of(text: Option<Cow<'_, str>>) -> Result<u16, String> {
    let text = text.ok_or("its response has no status")?;
    let status = text.trim().parse().map_err(|_| format!("its response has the status {text:?}, which is none"));
    status.and_then(final_status)
}

/// A status that ends an exchange. What is below 200 announces a response and is none.
pub(super) fn final_status(status: u16) -> Result<u16, String> {
    match status {
        200..=999 => Ok(status),
        100..=199 => Err(format!("its response has the status {status}, which only announces one")),
        _ => Err(format!("its response has the status {status}, which is none")),
    }
}

/// Milliseconds since 1970-01-01 UTC of a date as HTTP or ISO 8601 write it; 0 for anything else.
pub(super) fn millis_of(date: Option<Cow<'_, str>>) -> i64 {
    let Some(date) = date else { return 0 };
    let http = || jiff::fmt::rfc2822::parse(&date).ok().map(|date| date.timestamp());
    let iso = date.parse::<jiff::Timestamp>().ok();
    iso.or_else(http).map_or(0, jiff::Timestamp::as_millisecond)
}
