//! How much of a value is shown, and what of it is marked.

use std::ops::Range;

use serde_json::Value;

/// How many characters of a value are shown.
const SHOWN: usize = 60;
/// How many of them stand before the place where two texts differ.
const BEFORE: usize = 20;

/// What is shown of a value: the part of it around the place where it differs from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    text: String,
    /// Where the text differs from the other, in bytes.
    mark: Option<Range<usize>>,
    value: Value,
}

impl Shown {
    /// A value that is not compared with another of its kind.
    pub(super) fn whole(value: &Value) -> Self {
        let text = match value {
            Value::String(text) => return Self::part(text, 0..0).unmarked(),
            other => other.to_string(),
        };
        let shown = cut(&text, SHOWN);
        let value = if shown == text { value.clone() } else { Value::String(shown.clone()) };
        Self { text: shown, mark: None, value }
    }

    /// The part of a text around the place where it differs from another.
    pub(super) fn part(text: &str, differing: Range<usize>) -> Self {
        let (before, rest) = text.split_at(differing.start);
        let (changed, after) = rest.split_at(differing.end - differing.start);
        let before = cut_front(before, BEFORE);
        let changed = cut(changed, SHOWN - before.chars().count().min(BEFORE));
        let left = SHOWN.saturating_sub(before.chars().count() + changed.chars().count());
        let after = if changed.ends_with('…') { String::new() } else { cut(after, left) };
        let (start, length) = (1 + quoted(&before).len(), quoted(&changed).len());
        Self {
            text: format!("\"{}{}{}\"", quoted(&before), quoted(&changed), quoted(&after)),
            mark: Some(start..start + length),
            value: Value::String(before + &changed + &after),
        }
    }

    fn unmarked(self) -> Self {
        Self { mark: None, ..self }
    }

    /// It in one line: a text in quotes, anything else as JSON; `…` stands where some of it is left
    /// out.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, with `»` and `«` around what differs.
    #[must_use]
    pub fn marked(&self) -> String {
        match &self.mark {
            None => self.text.clone(),
            Some(mark) => {
                let (before, after) = (&self.text[..mark.start], &self.text[mark.end..]);
                format!("{before}»{}«{after}", &self.text[mark.clone()])
            }
        }
    }

    /// The value itself where all of it is shown; else a text of what is.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }
}

/// The first characters of a text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The last characters of a text.
fn cut_front(text: &str, most: usize) -> String {
    match text.char_indices().rev().nth(most) {
        None => text.to_owned(),
        Some((at, left_out)) => format!("…{}", &text[at + left_out.len_utf8()..]),
    }
}

/// A text as it stands between quotes, with nothing in it that a terminal would take for a command.
fn quoted(text: &str) -> String {
    let quoted = format!("{text:?}");
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_a_little_before_and_behind_it() {
        let long = format!("{}blue{}", "a".repeat(30), "z".repeat(70));
        let shown = Shown::part(&long, 30..34);
        assert_eq!(shown.marked(), format!("\"…{}»blue«{}…\"", "a".repeat(20), "z".repeat(35)));
        assert_eq!(shown.text(), format!("\"…{}blue{}…\"", "a".repeat(20), "z".repeat(35)));
        assert_eq!(Shown::part("a \"b\"\n", 2..5).marked(), "\"a »\\\"b\\\"«\\n\"");
        assert_eq!(Shown::part(&"é".repeat(99), 0..198).text(), format!("\"{}…\"", "é".repeat(60)));
        assert_eq!(Shown::part("same", 4..4).marked(), "\"same»«\"");
    }

    #[test]
    fn a_whole_value_is_its_json_unless_it_is_long() {
        assert_eq!((Shown::whole(&0.into()).text(), Shown::whole(&0.into()).value()), ("0", &Value::from(0)));
        assert_eq!(Shown::whole(&"x".into()).marked(), "\"x\"");
        let long = Value::from(vec![1; 99]);
        assert!(Shown::whole(&long).text().ends_with('…'));
        assert!(Shown::whole(&long).value().is_string());
    }
}
