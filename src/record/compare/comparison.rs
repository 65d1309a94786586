//! All that differs between two bodies.

use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::alignment::align;
use super::place::Place;
use super::{Difference, Shown};
use crate::model::canonical_json;

/// How many differences are told.
const MOST: usize = 5;
/// So many characters are no word.
const LONG_WORD: usize = 20;
/// The members that hold what is asked: their differences come first.
pub(in crate::record) const PROMPTS: [&str; 5] = ["messages", "prompt", "input", "system", "instructions"];

/// Where two bodies differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The first few differences: those of the prompt, then the others, each in the order of the
    /// bodies.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: usize,
}

/// The first few places where two JSON bodies differ.
#[must_use]
pub fn differences(recorded: &[u8], asked: &[u8]) -> Vec<Difference> {
    Comparison::of(recorded, asked).differences
}

impl Comparison {
    /// Compares two bodies. Elements of arrays are aligned, so that a message that came in makes one
    /// difference. What is no JSON is compared as text.
    #[must_use]
    pub fn of(recorded: &[u8], asked: &[u8]) -> Self {
        let mut comparison = Self::default();
        let (old, new) = (parse(recorded), parse(asked));
        comparison.compare(&Place::top(), &old, &new);
        // Numbers of more digits than a float holds, and members that are there twice.
        let canonical = |body: &[u8]| canonical_json(body, &[]).unwrap_or_else(|_| body.to_vec());
        if comparison.differences.is_empty() {
            let (old, new) = (canonical(recorded), canonical(asked));
            if old != new {
                comparison.texts(Place::top(), &String::from_utf8_lossy(&old), &String::from_utf8_lossy(&new));
            }
        }
        comparison
    }

    /// How many differences there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.differences.len() + self.more
    }

    fn compare(&mut self, place: &Place, recorded: &Value, asked: &Value) {
        if recorded == asked {
            return;
        }
        match (recorded, asked) {
            (Value::Number(old), Value::Number(new)) if one_number(old, new) => {}
            (Value::Object(old), Value::Object(new)) => self.objects(place, old, new),
            (Value::Array(old), Value::Array(new)) => self.arrays(place, old, new),
            (Value::String(old), Value::String(new)) => self.texts(place.clone(), old, new),
            _ => self.values(place.clone(), Some(recorded), Some(asked)),
        }
    }

    fn objects(&mut self, place: &Place, old: &Map<String, Value>, new: &Map<String, Value>) {
        let added = new.keys().filter(|name| !old.contains_key(*name));
        let mut names: Vec<&String> = old.keys().chain(added).collect();
        if place.is_top() {
            names.sort_by_key(|name| !PROMPTS.contains(&name.as_str()));
        }
        for name in names {
            self.pair(place.member(name), old.get(name), new.get(name));
        }
    }

    fn arrays(&mut self, place: &Place, old: &[Value], new: &[Value]) {
        for (at_old, at_new) in align(old, new) {
            let Some(index) = at_new.or(at_old) else { continue };
            self.pair(place.element(index), at_old.map(|at| &old[at]), at_new.map(|at| &new[at]));
        }
    }

    fn pair(&mut self, place: Place, recorded: Option<&Value>, asked: Option<&Value>) {
        match (recorded, asked) {
            (Some(recorded), Some(asked)) => self.compare(&place, recorded, asked),
            (recorded, asked) => self.values(place, recorded, asked),
        }
    }

    fn values(&mut self, place: Place, recorded: Option<&Value>, asked: Option<&Value>) {
        self.found(|| Difference {
            path: place.into_path(),
            recorded: recorded.map(Shown::whole),
            asked: asked.map(Shown::whole),
            at: None,
        });
    }

    fn texts(&mut self, place: Place, recorded: &str, asked: &str) {
        let (old, new) = differing(recorded, asked);
        self.found(|| {
            let (from, to) = (word_start(&recorded[..old.start]), word_end(&recorded[old.end..]));
            let widened = |range: &Range<usize>| range.start - from..range.end + to;
            Difference {
                path: place.into_path(),
                at: Some(recorded[..old.start].chars().count()),
                recorded: Some(Shown::part(recorded, widened(&old))),
                asked: Some(Shown::part(asked, widened(&new))),
            }
        });
    }

    fn found(&mut self, difference: impl FnOnce() -> Difference) {
        if self.differences.len() < MOST {
            self.differences.push(difference());
        } else {
            self.more += 1;
        }
    }
}

fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// Whether two numbers are one, written in two ways.
fn one_number(old: &Number, new: &Number) -> bool {
    let canonical = |number: &Number| canonical_json(number.to_string().as_bytes(), &[]);
    canonical(old) == canonical(new)
}

/// Where each of two texts differs from the other: what is neither in the beginning that they have
/// in common nor in the end.
fn differing(recorded: &str, asked: &str) -> (Range<usize>, Range<usize>) {
    let same = |(left, right): &(char, char)| left == right;
    let length =
        |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize { pairs.map(|(left, _)| left.len_utf8()).sum() };
    let front = length(&mut recorded.chars().zip(asked.chars()).take_while(same));
    let (old, new) = (&recorded[front..], &asked[front..]);
    let back = length(&mut old.chars().rev().zip(new.chars().rev()).take_while(same));
    (front..recorded.len() - back, front..asked.len() - back)
}

/// How much of a word a text ends with, in bytes. Words that differ are marked whole, if they are
/// no longer than words are.
fn word_start(text: &str) -> usize {
    part_of_word(text.chars().rev())
}

/// How much of a word a text begins with.
fn word_end(text: &str) -> usize {
    part_of_word(text.chars())
}

fn part_of_word(characters: impl Iterator<Item = char>) -> usize {
    let part: Vec<char> = characters.take_while(|character| character.is_alphanumeric()).take(LONG_WORD).collect();
    if part.len() < LONG_WORD { part.iter().map(|character| character.len_utf8()).sum() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(recorded: &str, asked: &str) -> Vec<String> {
        let comparison = Comparison::of(recorded.as_bytes(), asked.as_bytes());
        comparison.differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_place_that_differs_is_named() {
        let recorded = r#"{"model":"m","top_p":1,"messages":[{"role":"user","content":"Why is the sky blue?"}]}"#;
        let asked = r#"{"model":"m","messages":[{"role":"user","content":"Why is the sky red?"}],"seed":7}"#;
        assert_eq!(
            told(recorded, asked),
            [
                r#"$.messages[0].content: recorded "Why is the sky »blue«?", asked "Why is the sky »red«?""#,
                "$.top_p: recorded 1, asked nothing",
                "$.seed: recorded nothing, asked 7",
            ]
        );
        let at = Comparison::of(recorded.as_bytes(), asked.as_bytes()).differences[0].at;
        assert_eq!(at, Some(15));
    }

    #[test]
    fn words_that_differ_are_marked_whole() {
        for (recorded, asked, expected) in [
            ("on 2026-11-22.", "on 2025-11-22.", "$.q: recorded \"on »2026«-11-22.\", asked \"on »2025«-11-22.\""),
            ("a seventh b", "a sevenths b", "$.q: recorded \"a »seventh« b\", asked \"a »sevenths« b\""),
            ("a b", "a  b", "$.q: recorded \"a »b«\", asked \"a » b«\""),
        ] {
            let body = |text: &str| serde_json::json!({ "q": text }).to_string();
            assert_eq!(told(&body(recorded), &body(asked)), [expected]);
        }
    }

    #[test]
    fn a_message_that_came_in_is_one_difference() {
        let recorded = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
        let asked = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"c"}]}"#;
        assert_eq!(
            told(recorded, asked),
            [
                r#"$.messages[0]: recorded nothing, asked {"role":"system","content":"s"}"#,
                r#"$.messages[2].content: recorded "»b«", asked "»c«""#,
            ]
        );
    }

    #[test]
    fn differences_beyond_the_first_few_are_counted() {
        let body =
            |number: usize| serde_json::Value::from((0..9).map(|at| at * number).collect::<Vec<_>>()).to_string();
        let comparison = Comparison::of(body(1).as_bytes(), body(2).as_bytes());
        assert_eq!((comparison.differences.len(), comparison.count()), (MOST, 9 + 4 - 5));
    }

    #[test]
    fn what_json_values_do_not_tell_apart_is_told_as_text() {
        for (recorded, asked, expected) in [
            ("123456789012345678901", "123456789012345678902", "$: recorded \"123456789012345678901\", asked"),
            ("{\"a\":\"\\ud800\"}", "{\"a\":\"x\"}", "$: recorded "),
            ("not json", "{}", "$: recorded \"not json\", asked {}"),
        ] {
            let told = told(recorded, asked);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].replace(['»', '«'], "").starts_with(expected), "{told:?}");
        }
        assert!(told("{\"a\":1.0, \"b\":2}", "{\"b\":2,\"a\":1}").is_empty());
    }
}
