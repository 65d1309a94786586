//! A line's JSON object, with what `serde_json` would let pass in silence.
//!
//! Two things are lost by `serde_json::from_str`: a key that stands twice in an object (the last
//! wins), and an integer beyond 64 bits (it becomes the nearest double).

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::line::Line;
use super::{InputError, Problem, excerpt};

/// The longest run of digits that is sure to fit 64 bits.
const SAFE_DIGITS: usize = 18;

/// A line's members as a row's fields.
///
/// An integer that fits neither `i64` nor `u64` is given as the string of its digits, so that an id
/// or a prompt has the digits that the file has. Any other number is a double where it is no
/// integer: its value is kept, the way it is written (`1e3`, `1.50`) is not.
pub(super) fn fields(line: &Line<'_>) -> Result<Map<String, Value>, InputError> {
    match quote_big_integers(line.text) {
        Cow::Borrowed(_) => object(line),
        // Where the line is wrong in some way, the error speaks of the line as the file has it.
        Cow::Owned(text) => object(&Line { text: &text, ..*line }).or_else(|_| object(line)),
    }
}

/// A line's object. Keys that stand twice are an error at any depth.
pub(super) fn object(line: &Line<'_>) -> Result<Map<String, Value>, InputError> {
    let repeated = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(line.text);
    let parsed = Node { repeated: &repeated }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(not_an_object(line, &other)),
        Err(error) => Err(json_error(line, &error, repeated.into_inner())),
    }
}

/// The place of the first integer that fits neither `i64` nor `u64`.
pub(super) fn big_integer(text: &str) -> Option<usize> {
    big_integers(text).next().map(|(start, _)| start)
}

fn not_an_object(line: &Line<'_>, found: &Value) -> InputError {
    let error = line.error_at(0, Problem::NotAnObject(excerpt::kind(found)));
    if found.is_array() { error.hinted("put one object a line, as jq -c '.[]' does") } else { error }
}

fn json_error(line: &Line<'_>, error: &serde_json::Error, repeated: Option<String>) -> InputError {
    let offset = error.column().saturating_sub(1);
    if let Some(key) = repeated {
        return line.error_at(offset, Problem::RepeatedKey(key.into()));
    }
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    line.error_at(offset, Problem::Json(message.into())).hinted_maybe(json_hint(line, error, offset))
}

fn json_hint(line: &Line<'_>, error: &serde_json::Error, offset: usize) -> Option<String> {
    let rest = line.text.get(offset..).unwrap_or_default();
    if let Some(literal) = ["NaN", "Infinity"].into_iter().find(|literal| rest.starts_with(literal)) {
        return Some(format!("JSON has no {literal}; write null or a string"));
    }
    let opens = line.text.trim_start().starts_with(['{', '[']);
    (error.is_eof() && opens).then(|| "a whole object must stand on one line, as jq -c writes it".to_owned())
}

/// Reads any value, and notes a key that stands twice.
#[derive(Clone, Copy)]
struct Node<'n> {
    repeated: &'n RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            match object.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(members.next_value_seed(self)?);
                }
                Entry::Occupied(entry) => {
                    self.repeated.replace(Some(entry.key().clone()));
                    return Err(A::Error::custom("a key stands twice"));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

/// The text with its integers beyond 64 bits in quotes.
fn quote_big_integers(text: &str) -> Cow<'_, str> {
    let mut quoted = String::new();
    let mut copied = 0;
    for (start, end) in big_integers(text) {
        quoted.push_str(&text[copied..start]);
        quoted.extend(["\"", &text[start..end], "\""]);
        copied = end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    quoted.push_str(&text[copied..]);
    Cow::Owned(quoted)
}

/// Where the integers stand, outside of strings, that fit neither `i64` nor `u64`.
fn big_integers(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        loop {
            match *bytes.get(at)? {
                b'"' => at = string_end(bytes, at),
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    at = number_end(bytes, at);
                    if is_big_integer(&text[start..at]) {
                        return Some((start, at));
                    }
                }
                _ => at += 1,
            }
        }
    })
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let in_number = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    bytes[start..].iter().position(|byte| !in_number(byte)).map_or(bytes.len(), |length| start + length)
}

fn is_big_integer(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() > SAFE_DIGITS
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse::<i64>().is_err()
        && number.parse::<u64>().is_err()
}
