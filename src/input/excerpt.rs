//! Values shortened for a message.

/// The most characters of a value that a message shows.
const MAX_CHARACTERS: usize = 60;
/// The characters that are shown before the place where a text went wrong.
const CHARACTERS_BEFORE: usize = 12;

/// A text in quotes, escaped, cut at 60 characters.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// What stands around an offset of a text, in quotes.
pub(super) fn around(text: &str, offset: usize) -> String {
    let offset = text.floor_char_boundary(offset.min(text.len()));
    let start = text[..offset].char_indices().rev().nth(CHARACTERS_BEFORE - 1).map_or(0, |(at, _)| at);
    let cut = if start > 0 { "…" } else { "" };
    format!("{cut}{}", quoted(&text[start..]))
}

/// A JSON value's kind, with its article.
pub(super) const fn kind(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters_and_escaped() {
        assert_eq!(quoted("a\"\0b"), r#""a\"\0b""#);
        assert_eq!(quoted(&"é".repeat(61)), format!("\"{}\"…", "é".repeat(60)));
    }

    #[test]
    fn an_excerpt_starts_a_little_before_its_offset() {
        assert_eq!(around("short", 3), "\"short\"");
        assert_eq!(around("0123456789abcdefghij", 15), "…\"3456789abcdefghij\"");
        assert_eq!(around("é", 1), "\"é\"");
        assert_eq!(around("ab", 99), "\"ab\"");
    }
}
