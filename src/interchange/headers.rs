//! Response headers as recordings hold them.

use super::node::{Content, Node};

/// The lines of a map of names to values or lists of values, or of a list of objects with a `name`
/// and a `value`.
pub(super) fn header_lines(headers: Option<&Node>) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    match headers.map(|headers| &headers.content) {
        Some(Content::Map(members)) => {
            for (name, values) in members {
                add(name, values, &mut lines);
            }
        }
        Some(Content::List(pairs)) => {
            for pair in pairs {
                if let (Some(name), Some(value)) = (pair.text_of("name"), pair.text_of("value")) {
                    lines.push((name.into_owned(), value.into_owned()));
                }
            }
        }
        _ => {}
    }
    lines
}

fn add(name: &str, values: &Node, lines: &mut Vec<(String, String)>) {
    match values.list() {
        Some(values) => values.iter().for_each(|value| add(name, value, lines)),
        None => lines.extend(values.text().map(|value| (name.to_owned(), value.into_owned()))),
    }
}

/// The first value of a header; names are in any case.
pub(super) fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
