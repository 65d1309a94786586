//! What speaks against a response's body being all that came.

use crate::model::gunzip;

use super::found::{FoundReply, has_none};
use super::headers::value_of;

/// How a body begins that gzip has made.
const GZIP: &[u8] = b"\x1f\x8b";

/// What speaks against a body being whole; `None` where nothing does. It may be a test suite's own
/// body beside another one's headers, and so it is taken all the same.
pub(super) fn doubt(reply: &FoundReply) -> Option<String> {
    if reply.body.starts_with(GZIP) && gunzip(&reply.body).is_none() {
        return Some("its response body is gzip that cannot be unpacked: it is damaged, or cut".to_owned());
    }
    let (length, said) = (reply.body.len(), said_length(reply)?);
    (said > length).then(|| format!("its response body has {length} bytes of the {said} of its content-length"))
}

/// The length that the headers say of a body as it is kept: of a compressed one they say another.
pub(super) fn said_length(reply: &FoundReply) -> Option<usize> {
    let encoding = value_of(&reply.headers, "content-encoding").unwrap_or_default();
    let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    let length = value_of(&reply.headers, "content-length").filter(|_| is_plain && !has_none(reply.status));
    length?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_doubted_by_its_own_length_alone() {
        for (status, headers, body, expected) in [
            (200, vec![("Content-Length", "5")], "12345", None),
            (
                200,
                vec![("content-length", " 6 ")],
                "12345",
                Some("its response body has 5 bytes of the 6 of its content-length"),
            ),
            (200, vec![("content-length", "4")], "12345", None),
            (200, vec![("content-length", "-1")], "12345", None),
            (200, vec![("content-length", "6"), ("Content-Encoding", "gzip")], "12345", None),
            (
                200,
                vec![("content-length", "6"), ("content-encoding", "identity")],
                "",
                Some("its response body has 0 bytes of the 6 of its content-length"),
            ),
            (304, vec![("content-length", "6")], "", None),
            (200, vec![], "\u{1f}", None),
        ] {
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let reply = FoundReply { status, headers, body: body.into() };
            assert_eq!(doubt(&reply).as_deref(), expected, "{reply:?}");
        }
        let cut = FoundReply { status: 200, headers: Vec::new(), body: b"\x1f\x8b\x08\x00".to_vec() };
        assert_eq!(doubt(&cut).unwrap(), "its response body is gzip that cannot be unpacked: it is damaged, or cut");
    }
}
