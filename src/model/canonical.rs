//! Canonical JSON: RFC 8785 order and strings, with numbers kept exact.
//!
//! RFC 8785 prints numbers as IEEE doubles, which makes one text of 9007199254740993 and
//! 9007199254740992. Two seeds that differ must not share a key, so numbers stand here in
//! ECMAScript's number format applied to their exact decimal value. Every number that a double
//! prints shortest (all that JavaScript's `JSON.stringify` writes) comes out as RFC 8785 says.
//!
//! It works on the text: no float is ever parsed, and a repeated member is kept.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::IgnorePath;
use super::normalise::{Numbering, Rewrite, number};

/// How deep arrays and objects may be nested.
const MAX_DEPTH: usize = 128;

/// Why a text has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {problem} at byte {offset}")]
pub struct CanonicalError {
    /// What is wrong.
    pub problem: &'static str,
    /// Where, in bytes from 0.
    pub offset: usize,
}

/// The canonical form of a JSON text, less the ignored members.
///
/// # Errors
/// Fails if `json` is not one JSON value, or is nested deeper than 128 levels.
pub fn canonical_json(json: &[u8], ignore: &[IgnorePath]) -> Result<Vec<u8>, CanonicalError> {
    Reader { json, at: 0, ignore, rewrite: None, path: Vec::new() }.whole()
}

/// The normal form of a JSON text: its canonical form, with placeholders for what is looked past.
///
/// # Errors
/// Fails where [`canonical_json`] does.
pub(super) fn normal_json(
    json: &[u8],
    ignore: &[IgnorePath],
    rewrite: &Rewrite<'_>,
    numbering: Numbering,
) -> Result<Vec<u8>, CanonicalError> {
    let marked = Reader { json, at: 0, ignore, rewrite: Some(rewrite), path: Vec::new() }.whole()?;
    Ok(number(&marked, numbering))
}

/// A step from the top of the value to where the reader is.
#[derive(Debug, Clone)]
pub(super) enum Step<'a> {
    /// Into an object's member.
    Member(Cow<'a, [u8]>),
    /// Into an array's element.
    Element(usize),
}

/// A member of an object, and where its value stands among the object's values.
struct Member<'a> {
    name: Cow<'a, [u8]>,
    value: Range<usize>,
}

struct Reader<'a> {
    json: &'a [u8],
    at: usize,
    ignore: &'a [IgnorePath],
    rewrite: Option<&'a Rewrite<'a>>,
    path: Vec<Step<'a>>,
}

impl<'a> Reader<'a> {
    fn whole(mut self) -> Result<Vec<u8>, CanonicalError> {
        let mut out = Vec::with_capacity(self.json.len());
        self.value(&mut out)?;
        self.skip_space();
        if self.at == self.json.len() { Ok(out) } else { Err(self.error("text after the value")) }
    }

    fn error(&self, problem: &'static str) -> CanonicalError {
        CanonicalError { problem, offset: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), CanonicalError> {
        self.skip_space();
        if self.peek() != Some(byte) {
            return Err(self.error(problem));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(out),
            Some(b'[') => self.array(out),
            Some(b'"') => {
                let text = self.string()?;
                match self.rewrite {
                    None => write_string(&text, out),
                    Some(rewrite) => write_string(&rewrite.string(&self.path, text), out),
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = out.len();
                self.number(out)?;
                if let Some(placeholder) = self.rewrite.and_then(|rewrite| rewrite.number(&self.path, &out[start..])) {
                    out.truncate(start);
                    write_string(placeholder.as_bytes(), out);
                }
                Ok(())
            }
            Some(b't') => self.word(b"true", out),
            Some(b'f') => self.word(b"false", out),
            Some(b'n') => self.word(b"null", out),
            _ => Err(self.error("a value was expected")),
        }
    }

    fn word(&mut self, word: &'static [u8], out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        if !self.json[self.at..].starts_with(word) {
            return Err(self.error("a value was expected"));
        }
        self.at += word.len();
        out.extend_from_slice(word);
        Ok(())
    }

    fn ignored(&self) -> bool {
        self.ignore.iter().any(|path| path.matches(&self.path))
    }

    fn object(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.at += 1;
        let mut members = Vec::new();
        let mut ids = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            out.extend_from_slice(b"{}");
            return Ok(());
        }
        // The values stand one after the other until the order of their names is known.
        let start = out.len();
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a member's name was expected"));
            }
            let name = self.string()?;
            self.expect(b':', "':' was expected")?;
            if self.rewrite.is_some() && *name == *b"id" {
                ids.push((members.len(), self.at));
            }
            let before = out.len();
            self.path.push(Step::Member(name.clone()));
            self.value(out)?;
            if self.ignored() {
                out.truncate(before);
            } else {
                members.push(Member { name, value: before - start..out.len() - start });
            }
            self.path.pop();
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.error("',' or '}' was expected")),
            }
        }
        self.at += 1;
        let mut values = out.split_off(start);
        self.tool_call_ids(&ids, &mut members, &mut values)?;
        members.sort_by(|left, right| compare_utf16(&left.name, &right.name));
        write_members(&members, &values, out);
        Ok(())
    }

    /// Rewrites the `id`s of an object, which are known by their index and where they stand: what
    /// they are only the whole object tells.
    fn tool_call_ids(
        &mut self,
        ids: &[(usize, usize)],
        members: &mut [Member<'_>],
        values: &mut Vec<u8>,
    ) -> Result<(), CanonicalError> {
        let texts = members.iter().map(|member| (&*member.name, &values[member.value.clone()]));
        let Some(_) = self.rewrite.filter(|rewrite| !ids.is_empty() && rewrite.is_tool_call(texts)) else {
            return Ok(());
        };
        let end = self.at;
        for (index, at) in ids {
            self.at = *at;
            self.skip_space();
            // An id that is ignored is no member, and another may have its index.
            let Some(member) = members.get_mut(*index).filter(|member| *member.name == *b"id") else { continue };
            if self.peek() == Some(b'"') {
                let start = values.len();
                write_string(&Rewrite::tool_call_id(self.string()?), values);
                member.value = start..values.len();
            }
        }
        self.at = end;
        Ok(())
    }

    fn array(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.at += 1;
        out.push(b'[');
        let start = out.len();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            out.push(b']');
            return Ok(());
        }
        for index in 0.. {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            self.path.push(Step::Element(index));
            self.value(out)?;
            if self.ignored() {
                out.truncate(before);
            }
            self.path.pop();
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.error("',' or ']' was expected")),
            }
        }
        self.at += 1;
        out.push(b']');
        Ok(())
    }

    /// Reads a string and gives its content as UTF-8, where a lone surrogate stays the escape
    /// that it is, in lower case.
    fn string(&mut self) -> Result<Cow<'a, [u8]>, CanonicalError> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<Vec<u8>> = None;
        loop {
            let rest = &self.json[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            if let Some(text) = &mut owned {
                text.extend_from_slice(&rest[..plain]);
            }
            self.at += plain;
            match self.peek().ok_or_else(|| self.error("a string has no end"))? {
                b'"' => break,
                b'\\' => {
                    let mut text = owned.take().unwrap_or_else(|| self.json[start..self.at].to_vec());
                    self.escape(&mut text)?;
                    owned = Some(text);
                }
                _ => return Err(self.error("a control character in a string")),
            }
        }
        let end = self.at;
        self.at += 1;
        let text = owned.map_or_else(|| Cow::Borrowed(&self.json[start..end]), Cow::Owned);
        if std::str::from_utf8(&text).is_err() && std::str::from_utf8(&self.json[start..end]).is_err() {
            return Err(self.error("a string is not UTF-8"));
        }
        Ok(text)
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.at += 1;
        let byte = self.peek().ok_or_else(|| self.error("a string has no end"))?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(text),
            _ => return Err(self.error("an unknown escape in a string")),
        };
        text.push(plain);
        self.at += 1;
        Ok(())
    }

    fn unicode_escape(&mut self, text: &mut Vec<u8>) -> Result<(), CanonicalError> {
        let first = self.hex4()?;
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first) && self.json[self.at..].starts_with(b"\\u") {
            let mark = self.at;
            self.at += 1;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x1_0000 + ((code - 0xd800) << 10) + (u32::from(second) - 0xdc00);
            } else {
                self.at = mark;
            }
        }
        if let Some(character) = char::from_u32(code) {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            // A lone surrogate in the WTF-8 form, which no valid text contains: `write_string`
            // turns it back into its escape, and it sorts by its code unit.
            text.extend_from_slice(&wtf8(first));
        }
        Ok(())
    }

    /// Reads `uXXXX`, the reader standing on the `u`.
    fn hex4(&mut self) -> Result<u16, CanonicalError> {
        let digits = self.json.get(self.at + 1..self.at + 5).ok_or_else(|| self.error("a string has no end"))?;
        let mut code = 0_u16;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or_else(|| self.error("four hex digits were expected"))?;
            code = code << 4 | u16::try_from(value).expect("a hex digit is below 16");
        }
        self.at += 5;
        Ok(code)
    }

    fn digits(&mut self, into: &mut Vec<u8>) -> Result<usize, CanonicalError> {
        let start = self.at;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            into.push(byte);
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit was expected")) } else { Ok(self.at - start) }
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        let mut digits = Vec::with_capacity(20);
        let whole = self.digits(&mut digits)?;
        if whole > 1 && digits[0] == b'0' {
            return Err(self.error("a number starts with 0"));
        }
        let mut point = i64::try_from(whole).unwrap_or(i64::MAX);
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits(&mut digits)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            point = point.saturating_add(self.exponent()?);
        }
        write_number(negative, &digits, point, out);
        Ok(())
    }

    fn exponent(&mut self) -> Result<i64, CanonicalError> {
        let negative = self.peek() == Some(b'-');
        if matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        let mut digits = Vec::new();
        self.digits(&mut digits)?;
        let value = digits.iter().try_fold(0_i64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')).filter(|sum| *sum < 1_000_000_000_000)
        });
        let value = value.ok_or_else(|| self.error("a number's exponent is out of range"))?;
        Ok(if negative { -value } else { value })
    }
}

/// Writes a number: ECMAScript's `Number::toString` over an exact decimal value, which is
/// `0.DIGITS` times ten to the `point`.
fn write_number(negative: bool, digits: &[u8], point: i64, out: &mut Vec<u8>) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros..];
    let end = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    let digits = &digits[..end];
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    let point = point - i64::try_from(zeros).unwrap_or(i64::MAX);
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if negative {
        out.push(b'-');
    }
    let zeros = |count: i64| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or(0));
    if count <= point && point <= 21 {
        out.extend_from_slice(digits);
        out.extend(zeros(point - count));
    } else if 0 < point && point <= 21 {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else if -6 < point && point <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(-point));
        out.extend_from_slice(digits);
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if point > 0 { b"e+" } else { b"e-" });
        out.extend_from_slice((point - 1).abs().to_string().as_bytes());
    }
}

fn write_members(members: &[Member<'_>], values: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(&member.name, out);
        out.push(b':');
        out.extend_from_slice(&values[member.value.clone()]);
    }
    out.push(b'}');
}

fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        let mut taken = 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            0xed if rest.len() >= 3 && rest[1] >= 0xa0 => {
                let unit = 0xd000 | u16::from(rest[1] & 0x3f) << 6 | u16::from(rest[2] & 0x3f);
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                taken = 3;
            }
            _ => {
                taken = rest.iter().position(|byte| needs_care(*byte)).unwrap_or(rest.len()).max(1);
                out.extend_from_slice(&rest[..taken]);
            }
        }
        rest = &rest[taken..];
    }
    out.push(b'"');
}

const fn needs_care(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0xed
}

/// The three bytes that UTF-8 would have for a surrogate, if it allowed one.
fn wtf8(unit: u16) -> [u8; 3] {
    let low = |shift: u32| u8::try_from(unit >> shift & 0x3f).expect("six bits fit a byte") | 0x80;
    [0xed, low(6), low(0)]
}

/// RFC 8785 sorts names by UTF-16 code units. That is the order of the bytes, but for characters
/// past the basic plane, whose surrogates sort below U+E000.
fn compare_utf16(left: &[u8], right: &[u8]) -> Ordering {
    let rank = |byte: u8| match byte {
        0xee | 0xef => u16::from(byte) + 0x100,
        other => u16::from(other),
    };
    left.iter().map(|byte| rank(*byte)).cmp(right.iter().map(|byte| rank(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(json: &str) -> String {
        String::from_utf8(canonical_json(json.as_bytes(), &[]).unwrap()).unwrap()
    }

    #[test]
    fn numbers_come_out_as_rfc_8785_prints_them() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e5", "0"),
            ("1.0", "1"),
            ("1E3", "1000"),
            ("100", "100"),
            ("-1.50", "-1.5"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("123e-20", "1.23e-18"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("333333333.33333329", "333333333.33333329"),
            ("1e30", "1e+30"),
        ];
        for (json, expected) in cases {
            assert_eq!(canonical(json), expected, "{json}");
        }
    }

    #[test]
    fn numbers_that_differ_in_value_differ() {
        assert_ne!(canonical("9007199254740993"), canonical("9007199254740992"));
        assert_ne!(canonical("123456789012345678901234567890"), canonical("123456789012345678901234567891"));
        assert_ne!(canonical("0.1"), canonical("0.10000000000000000001"));
    }

    #[test]
    fn members_stand_in_the_order_of_utf_16() {
        let json = "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}";
        let sorted = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(json), sorted);
    }

    #[test]
    fn strings_are_escaped_only_where_they_must_be() {
        assert_eq!(canonical(r#""\u20ac$\u000f\nA'B\"\\\\\"\/""#), "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
        assert_eq!(canonical(r#""\ud83d\ude00""#), "\"😀\"");
        assert_eq!(canonical(r#""\uD800x""#), "\"\\ud800x\"");
        assert_eq!(canonical("\"\u{d55c}\""), "\"\u{d55c}\"");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for json in ["", "{", "[1,]", "{\"a\"}", "01", "1 2", "\"\u{1}\"", "nul", "{\"a\":1,}", "\"\\x\"", "1."] {
            assert!(canonical_json(json.as_bytes(), &[]).is_err(), "{json}");
        }
        assert_eq!(canonical_json(b"[1, x]", &[]).unwrap_err().offset, 4);
        assert!(canonical_json(&[b'"', 0xff, b'"'], &[]).is_err());
        assert!(canonical_json("[".repeat(500).as_bytes(), &[]).is_err());
    }

    #[test]
    fn ignored_members_and_elements_are_left_out() {
        let ignore: Vec<IgnorePath> =
            ["$.user", "$.metadata.*", "$.messages[*].name", "$['a.b'][0]"].map(|path| path.parse().unwrap()).into();
        let json = br#"{"user":"u","metadata":{"x":1},"messages":[{"name":"n","content":"c"}],"a.b":[1,2]}"#;
        let text = canonical_json(json, &ignore).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"a.b":[2],"messages":[{"content":"c"}],"metadata":{}}"#);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_filter_map("finite", |x| serde_json::Number::from_f64(x).map(Into::into)),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn layout_does_not_matter_and_canonical_text_is_its_own_canonical_form(value in any_json()) {
            let compact = canonical(&serde_json::to_string(&value).unwrap());
            let pretty = canonical(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(&compact, &pretty);
            prop_assert_eq!(&canonical(&compact), &compact);
        }

        #[test]
        fn a_double_prints_as_ecmascript_prints_it(value in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let text = canonical(&serde_json::to_string(&value).unwrap());
            let back: f64 = text.parse().unwrap();
            prop_assert!(back.to_bits() == value.to_bits() || (back == 0.0 && value == 0.0));
        }
    }
}
