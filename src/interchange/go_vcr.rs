//! Cassettes of Go's go-vcr, versions 1 and 2.

use crate::model::Timing;

use super::body::Side;
use super::found::{Found, FoundReply, status_of};
use super::headers::header_lines;
use super::node::Node;

/// The interactions of a cassette; `None` where it is none.
pub(super) fn interactions(document: &Node) -> Option<Vec<Found>> {
    let list = document.list_of("interactions")?;
    Some((1..).zip(list).map(|(number, node)| interaction(number, node)).collect())
}

fn interaction(number: usize, node: &Node) -> Found {
    let part = |name: &str, member: &str| node.get(name).and_then(|part| part.text_of(member));
    let mut found = Found::new(number, node, part("request", "method"), part("request", "url"));
    let body = |side: Side| {
        let bytes = side.bytes(node.get(side.member()).and_then(|part| part.get("body")));
        bytes.map(Option::unwrap_or_default)
    };
    found.request = body(Side::Request);
    if let Some(response) = node.get("response") {
        let headers = header_lines(response.get("headers"));
        found.reply = status_of(response.text_of("code"))
            .and_then(|status| Ok(FoundReply { status, headers, body: body(Side::Response)? }));
        let micros = response.text_of("duration").and_then(|duration| micros_of(&duration)).unwrap_or(0);
        found.timing = Timing { first_byte_us: micros, total_us: micros, ..Timing::default() };
    }
    found
}

/// The microseconds of a duration as Go writes it (`1m2.5s`, `350ms`), or of a number of nanoseconds.
fn micros_of(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if let Ok(nanoseconds) = rest.parse::<u64>() {
        return Some(nanoseconds / 1_000);
    }
    let mut micros = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = &rest[end..];
        let unit = &unit[..unit.find(|character: char| character.is_ascii_digit()).unwrap_or(unit.len())];
        micros += number
            * match unit {
                "h" => 3_600e6,
                "m" => 60e6,
                "s" => 1e6,
                "ms" => 1e3,
                "us" | "µs" | "μs" => 1.0,
                "ns" => 1e-3,
                _ => return None,
            };
        rest = &rest[end + unit.len()..];
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not below zero, and it saturates"
    )]
    Some(micros.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_go_writes_it() {
        for (text, micros) in [
            ("1.5s", Some(1_500_000)),
            ("1m2.5s", Some(62_500_000)),
            ("1h0m0s", Some(3_600_000_000)),
            ("350.25ms", Some(350_250)),
            ("12µs", Some(12)),
            ("1500ns", Some(2)),
            ("2000", Some(2)),
            ("0s", Some(0)),
            ("", Some(0)),
            ("5", Some(0)),
            ("s", None),
            ("-1s", None),
            ("1x", None),
        ] {
            assert_eq!(micros_of(text), micros, "{text}");
        }
    }
}
