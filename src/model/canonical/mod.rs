//! Canonical JSON: RFC 8785 order and strings, with numbers kept exact.
//!
//! RFC 8785 prints numbers as IEEE doubles, which makes one text of 9007199254740993 and
//! 9007199254740992. Two seeds that differ must not share a key, so numbers stand here in
//! ECMAScript's number format applied to their exact decimal value. Every number that a double
//! prints shortest (all that JavaScript's `JSON.stringify` writes) comes out as RFC 8785 says.
//!
//! It works on the text: no float is ever parsed, and a repeated member is kept.

mod number;
mod reader;
mod string;

use std::borrow::Cow;

use reader::Reader;

use super::IgnorePath;
use super::normalise::{Numbering, Rewrite, number};

/// Why a text has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {problem} at byte {offset}")]
pub struct CanonicalError {
    /// What is wrong.
    pub problem: &'static str,
    /// Where, in bytes from 0.
    pub offset: usize,
}

/// A JSON text in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canonical<'a> {
    pub(super) text: Vec<u8>,
    /// What its member `model` says, where that is a string: as it came, whatever is left out of the text.
    pub(super) model: Option<Cow<'a, str>>,
}

/// The canonical form of a JSON text, less the ignored members.
///
/// # Errors
/// Fails if `json` is not one JSON value, or is nested deeper than 128 levels.
pub fn canonical_json(json: &[u8], ignore: &[IgnorePath]) -> Result<Vec<u8>, CanonicalError> {
    canonical(json, ignore).map(|canonical| canonical.text)
}

/// The same, with the model that the text names.
///
/// # Errors
/// Fails where [`canonical_json`] does.
pub(super) fn canonical<'a>(json: &'a [u8], ignore: &[IgnorePath]) -> Result<Canonical<'a>, CanonicalError> {
    Reader::new(json, ignore, None).whole()
}

/// The normal form of a JSON text: its canonical form, with placeholders for what is looked past.
///
/// # Errors
/// Fails where [`canonical_json`] does.
pub(super) fn normal<'a>(
    json: &'a [u8],
    ignore: &[IgnorePath],
    rewrite: &Rewrite<'_>,
    numbering: Numbering,
) -> Result<Canonical<'a>, CanonicalError> {
    let marked = Reader::new(json, ignore, Some(rewrite)).whole()?;
    Ok(Canonical { text: number(&marked.text, numbering), ..marked })
}

/// A step from the top of the value to where the reader is.
#[derive(Debug, Clone)]
pub(super) enum Step<'a> {
    /// Into an object's member.
    Member(Cow<'a, [u8]>),
    /// Into an array's element.
    Element(usize),
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
    fn a_string_ends_wherever_it_ends() {
        for length in 0..70 {
            let (plain, odd) = ("x".repeat(length), "é".repeat(length));
            for (json, expected) in [
                (format!("\"{plain}\""), format!("\"{plain}\"")),
                (format!("\"{odd}\\n{plain}\\/\""), format!("\"{odd}\\n{plain}/\"")),
                (format!("\"{plain}\\n{odd}\""), format!("\"{plain}\\n{odd}\"")),
            ] {
                assert_eq!(canonical(&json), expected);
                assert!(canonical_json(&json.as_bytes()[..json.len() - 1], &[]).is_err(), "{json}");
            }
        }
    }

    #[test]
    fn the_model_is_named_by_the_body_itself_whatever_is_left_out() {
        let ignore = ["$.model".parse().unwrap()];
        for (json, expected) in [
            (r#"{"messages":[{"model":"b"}],"model" : "a"}"#, Some("a")),
            (r#"{"model":"a\u002fb","x":{"model":"c"}}"#, Some("a/b")),
            (r#"{"model":"\ud800"}"#, None),
            (r#"{"model":7}"#, None),
            (r#"[{"model":"a"}]"#, None),
        ] {
            assert_eq!(super::canonical(json.as_bytes(), &ignore).unwrap().model.as_deref(), expected, "{json}");
        }
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
            ".{0,40}".prop_map(Into::into),
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
