//! Whether two texts differ in nothing but what was struck from one of them.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::model::KeyRules;

/// What stands for a secret: nightreel's own word, and those that other recorders and rules use.
const KNOWN: &str = r"(?i:[\[<(]?\b(?:redacted|filtered|masked|scrubbed|hidden)\b[\])>]?)|<[A-Z][A-Z0-9_]{2,}>|\*{3,}";
/// How large the compiled form of all words may get, in bytes.
const SIZE_LIMIT: usize = 8 << 20;

/// So far into what two texts have in common a placeholder may reach, in bytes.
const REACH: usize = 1 << 10;

/// What stands in the place of something that was struck.
pub(super) struct Struck {
    placeholder: Regex,
}

impl Struck {
    /// What stands for a secret anyway, and what some rules put in its place (`$1` is a part of what
    /// was there).
    pub(super) fn new(words: &[String]) -> Self {
        let words = words.iter().filter_map(|word| pattern(word));
        // A longer one goes before what it begins with.
        let mut words: Vec<String> = words.collect();
        words.sort_by(|left, right| right.len().cmp(&left.len()).then(left.cmp(right)));
        words.dedup();
        words.push(KNOWN.to_owned());
        let known = || Regex::new(KNOWN).expect("the pattern is valid");
        let placeholder = RegexBuilder::new(&words.join("|")).size_limit(SIZE_LIMIT).build();
        // Where there are so many words that they take too much memory, they are not known.
        Self { placeholder: placeholder.unwrap_or_else(|_| known()) }
    }

    /// Whether two bodies differ in nothing but what was struck from one of them, and in something.
    pub(super) fn explains(&self, rules: &KeyRules, recorded: &[u8], asked: &[u8]) -> bool {
        let parse = |body: &[u8]| serde_json::from_slice::<Value>(&rules.comparable(body).ok()?).ok();
        match (parse(recorded), parse(asked)) {
            (Some(recorded), Some(asked)) => recorded != asked && self.same(&recorded, &asked),
            _ => false,
        }
    }

    fn same(&self, recorded: &Value, asked: &Value) -> bool {
        match (recorded, asked) {
            (Value::String(old), Value::String(new)) => {
                let (old, new) = differing(old, new);
                old == new || self.is_left(old, new) || self.is_left(new, old)
            }
            (Value::Array(old), Value::Array(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| self.same(old, new))
            }
            (Value::Object(old), Value::Object(new)) => {
                let in_new = |(name, old): (&String, &Value)| new.get(name).is_some_and(|new| self.same(old, new));
                old.len() == new.len() && old.iter().all(in_new)
            }
            _ => recorded == asked,
        }
    }

    /// Whether a text is what is left of another once something was struck from it: what stands
    /// between its placeholders is there, in order.
    fn is_left(&self, left: &str, whole: &str) -> bool {
        let mut parts = self.placeholder.split(left);
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
}

/// Two texts less what they have in common at either end, but for so much as a placeholder may reach
/// into it: to look for one in all of a long text takes long.
fn differing<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let alike = |(left, right): &(u8, u8)| left == right;
    let front = one.bytes().zip(other.bytes()).take_while(alike).count();
    let front = one.floor_char_boundary(front.saturating_sub(REACH));
    let (one, other) = (&one[front..], &other[front..]);
    let back = one.bytes().rev().zip(other.bytes().rev()).take_while(alike).count();
    let back = back.saturating_sub(REACH);
    let back = one.len() - one.ceil_char_boundary(one.len() - back);
    (&one[..one.len() - back], &other[..other.len() - back])
}

/// The pattern of what a rule puts in the place of a secret; none where that is nothing of its own. A
/// word is found where it is one, and not within another.
fn pattern(with: &str) -> Option<String> {
    let literals = literals(with);
    let (first, last) = (literals.first()?, literals.last()?);
    let edge = |character: Option<char>| character.filter(|character| is_word(*character)).map_or("", |_| r"\b");
    let (start, end) = (edge(first.chars().next()), edge(last.chars().next_back()));
    let middle: Vec<String> = literals.iter().map(|literal| regex::escape(literal)).collect();
    Some(format!("{start}{}{end}", middle.join("(?s:.*?)")))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// What a rule puts in by itself, between the groups of its pattern.
fn literals(with: &str) -> Vec<String> {
    static GROUP: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\$\$|\$\{[^}]*\}|\$[0-9A-Za-z_]+").expect("the pattern is valid"));
    let (mut literals, mut copied) = (vec![String::new()], 0);
    for found in GROUP.find_iter(with) {
        let literal = literals.last_mut().expect("there is one from the beginning");
        literal.push_str(&with[copied..found.start()]);
        match found.as_str() {
            "$$" => literal.push('$'),
            _ => literals.push(String::new()),
        }
        copied = found.end();
    }
    literals.last_mut().expect("there is one from the beginning").push_str(&with[copied..]);
    literals.retain(|literal| !literal.trim().is_empty());
    literals
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
            assert_eq!(Struck::new(&[]).is_left(left, whole), expected, "{left} ← {whole}");
        }
    }

    #[test]
    fn a_text_is_known_by_the_words_of_the_rules_too() {
        for (word, left, whole, expected) in [
            ("ACCOUNT", "pay ACCOUNT now", "pay DE12 now", true),
            ("ACCOUNT", "pay ACCOUNTS now", "pay DE12 now", false),
            ("ACCOUNT", "pay XACCOUNT", "pay XDE12", false),
            ("ACCOUNT", "pay ACCOUNT now", "pay DE12 later", false),
            ("x", "a fox", "a foe", false),
            ("#", "a#b", "a1b", true),
            ("账号", "付 账号", "付 一二三", true),
            ("card $1", "my card 42!", "my 9999 42!", true),
            ("<$1|gone>", "a <b|gone> c", "a secret b c", true),
            ("${name}", "a b", "a c", false),
            ("", "a", "b", false),
            ("$$5", "it costs $5", "it costs 12", true),
            (".*", "a", "b", false),
        ] {
            assert_eq!(Struck::new(&[word.to_owned()]).is_left(left, whole), expected, "{word}: {left} ← {whole}");
        }
    }

    #[test]
    fn in_long_texts_only_the_part_that_differs_is_looked_at() {
        let long = |middle: &str| format!("{}{middle}{}", "é[redacted] ".repeat(2_000), " [redacted]é".repeat(2_000));
        let (secret, struck) = (long("my key is [secret]."), long("my key is [redacted]."));
        let (one, other) = differing(&secret, &struck);
        assert!(one.len() < 3 * REACH && one.contains("[secret]") && other.contains("[redacted]."), "{one}");
        let text = |text: &str| Value::from(text);
        assert!(Struck::new(&[]).same(&text(&struck), &text(&secret)));
        assert!(!Struck::new(&[]).same(&text(&long("your key is [redacted].")), &text(&secret)));
        for (one, other) in [("", ""), ("é", "è"), ("aé", "aéé"), ("éa", "ééa"), ("日本", "本日")] {
            assert_eq!(differing(one, other), (one, other));
        }
    }

    #[test]
    fn of_two_words_the_longer_one_is_found() {
        let words = ["KEY".to_owned(), "KEY-OF-ANNA".to_owned()];
        assert!(Struck::new(&words).is_left("it is KEY-OF-ANNA.", "it is 7."));
    }
}
