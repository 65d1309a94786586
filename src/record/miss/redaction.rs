//! Whether two texts differ in nothing but what was struck from one of them.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::model::KeyRules;

/// What stands for a secret: nightreel's own word, and those that other recorders and rules use.
static STRUCK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i:[\[<(]?\b(?:redacted|filtered|masked|scrubbed|hidden)\b[\])>]?)|<[A-Z][A-Z0-9_]{2,}>|\*{3,}")
        .expect("the pattern is valid")
});

/// Whether two bodies differ in nothing but what was struck from one of them, and in something.
pub(super) fn explains(rules: &KeyRules, recorded: &[u8], asked: &[u8]) -> bool {
    let parse = |body: &[u8]| serde_json::from_slice::<Value>(&rules.comparable(body).ok()?).ok();
    match (parse(recorded), parse(asked)) {
        (Some(recorded), Some(asked)) => recorded != asked && same(&recorded, &asked),
        _ => false,
    }
}

fn same(recorded: &Value, asked: &Value) -> bool {
    match (recorded, asked) {
        (Value::String(old), Value::String(new)) => old == new || struck(old, new) || struck(new, old),
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
        }
        (Value::Object(old), Value::Object(new)) => {
            old.len() == new.len() && old.iter().all(|(name, old)| new.get(name).is_some_and(|new| same(old, new)))
        }
        _ => recorded == asked,
    }
}

/// Whether a text is what is left of another once something was struck from it: what stands between
/// its placeholders is there, in order.
fn struck(left: &str, whole: &str) -> bool {
    let mut parts = STRUCK.split(left);
    let Some(mut rest) = parts.next().and_then(|first| whole.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return false };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_from_what_is_left_of_it() {
        for (left, whole, expected) in [
            ("my key is [redacted].", "my key is sk-123.", true),
            ("[redacted]", "sk-123", true),
            ("a [redacted] b [redacted] c", "a 1 b 2 c", true),
            ("a *** b", "a secret b", true),
            ("a <OPENROUTER_API_KEY> b", "a secret b", true),
            ("mail [FILTERED]", "mail x@y.z", true),
            ("my key is [redacted].", "my key is sk-123", false),
            ("your key is [redacted]", "my key is sk-123", false),
            ("a [redacted] b [redacted] c", "a 1 2 c", false),
            ("the same", "the same", false),
            ("", "x", false),
        ] {
            assert_eq!(struck(left, whole), expected, "{left} ← {whole}");
        }
    }
}
