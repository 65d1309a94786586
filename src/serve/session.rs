//! The session that a request belongs to.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::refusal::Refusal;
use crate::model::Exchange;

/// The header that names a request's session.
pub(super) const SESSION: HeaderName = HeaderName::from_static("x-nightreel-session");

/// The session of a request: its header's goes before its path's, which is the base URL's and so
/// the same for many requests. The unnamed one is empty.
pub(super) fn session(headers: &HeaderMap, of_path: Option<Cow<'_, str>>) -> Result<Arc<str>, Refusal> {
    let mut lines = headers.get_all(SESSION).iter();
    let line = lines.next();
    if lines.any(|other| Some(other) != line) {
        return Err(Refusal::SeveralSessions);
    }
    let named = match (line, of_path) {
        (Some(named), _) => Some(String::from_utf8_lossy(named.as_bytes())),
        (None, named) => named,
    };
    // A variable that is not set leaves no name: that is no wish for the unnamed session.
    if named.as_ref().is_some_and(|named| named.trim().is_empty()) {
        return Err(Refusal::NamelessSession);
    }
    let named = named.unwrap_or_default();
    let longest = Exchange::LONGEST_SESSION;
    if named.len() > longest { Err(Refusal::LongSession(longest)) } else { Ok(named.trim().into()) }
}
