//! JSON as Python's `json.dumps` writes it: what a cassette with parsed bodies is replayed as.

use std::fmt::Write;

use base64::Engine;

use super::body::BASE64;
use super::node::{Content, Node, Style};
use super::yaml::{Scalar, resolve};

/// What the plain scalars of a document mean.
type Resolve = fn(&str) -> Scalar;

/// The text of a value whose plain scalars mean what they mean to Python.
///
/// # Errors
/// Why a part of it cannot be read, and where.
pub(super) fn dumps(node: &Node) -> Result<String, &str> {
    dumps_as(node, resolve)
}

/// The text of a value.
///
/// # Errors
/// Why a part of it cannot be read, and where.
pub(super) fn dumps_as(node: &Node, resolve: Resolve) -> Result<String, &str> {
    let mut out = String::new();
    write(node, resolve, &mut out)?;
    Ok(out)
}

fn write<'a>(node: &'a Node, resolve: Resolve, out: &mut String) -> Result<(), &'a str> {
    match &node.content {
        Content::Null => out.push_str("null"),
        Content::Broken(why) => return Err(why),
        Content::Text { value, style: Style::Plain } => write_plain(value, resolve, out),
        Content::Text { value, .. } => write_text(value.encode_utf16(), out),
        // Python keeps a half, and writes it as the escape that it was.
        Content::Halved { utf16, .. } => write_text(utf16.iter().copied(), out),
        Content::Bytes(bytes) => write_text(BASE64.encode(bytes).encode_utf16(), out),
        Content::List(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(element, resolve, out)?;
            }
            out.push(']');
        }
        Content::Map(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_text(key.encode_utf16(), out);
                out.push_str(": ");
                write(value, resolve, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_plain(value: &str, resolve: Resolve, out: &mut String) {
    match resolve(value) {
        Scalar::Null => out.push_str("null"),
        Scalar::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Scalar::Integer(digits) => out.push_str(&digits),
        Scalar::Float(value) => out.push_str(&float(value)),
        Scalar::Text => write_text(value.encode_utf16(), out),
    }
}

/// A number as Python writes it: with an exponent where it is below 0.0001 or has more than
/// sixteen digits before its point.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("it is written with an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if value != 0.0 && !(-4..16).contains(&exponent) {
        return format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    format!("{value:?}")
}

/// A text in ASCII alone.
fn write_text(utf16: impl Iterator<Item = u16>, out: &mut String) {
    out.push('"');
    for unit in utf16 {
        match u8::try_from(unit) {
            Ok(b'"') => out.push_str("\\\""),
            Ok(b'\\') => out.push_str("\\\\"),
            Ok(b'\n') => out.push_str("\\n"),
            Ok(b'\r') => out.push_str("\\r"),
            Ok(b'\t') => out.push_str("\\t"),
            Ok(0x08) => out.push_str("\\b"),
            Ok(0x0c) => out.push_str("\\f"),
            Ok(plain @ b' '..=b'~') => out.push(char::from(plain)),
            _ => write!(out, "\\u{unit:04x}").expect("a String takes all"),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::json::document;
    use super::super::yaml::documents;
    use super::*;

    #[test]
    fn a_value_is_written_as_python_writes_it() {
        for (yaml, json) in [
            ("a: 1\nb: [x, '1', null, ~, yes]", r#"{"a": 1, "b": ["x", "1", null, null, true]}"#),
            ("{}", "{}"),
            ("[]", "[]"),
            ("- 6.0e-05\n- 1.0e+16\n- 0.0001\n- 100.0\n- 0.0\n- -1.5", "[6e-05, 1e+16, 0.0001, 100.0, 0.0, -1.5]"),
            ("- .inf\n- 1234567890123456.0", "[Infinity, 1234567890123456.0]"),
            ("\"é\\u2028\\U0001F600\\t\\x01\\x7f\\\"\"", r#""\u00e9\u2028\ud83d\ude00\t\u0001\u007f\"""#),
            ("2024-01-02", r#""2024-01-02""#),
            ("!!str 12", r#""12""#),
            ("[!!int \"3\", !!float 3, !!bool \"yes\", !!null x]", "[3, 3.0, true, null]"),
            ("[1:30, -.5, 0o14]", r#"[90, "-.5", "0o14"]"#),
        ] {
            assert_eq!(dumps(&documents(yaml).unwrap()[0]), Ok(json.to_owned()), "{yaml}");
        }
    }

    #[test]
    fn a_value_of_json_is_written_as_python_writes_what_it_reads() {
        for (json, expected) in [
            (
                r#"["cut \ud83d", "\udc00\ud83d\n\"\/\u00e9é", "\ud83d\ude00"]"#,
                r#"["cut \ud83d", "\udc00\ud83d\n\"/\u00e9\u00e9", "\ud83d\ude00"]"#,
            ),
            ("[6e-05, 1e16, 1.5E3, -2e-7, 1e300, 0.0001]", "[6e-05, 1e+16, 1500.0, -2e-07, 1e+300, 0.0001]"),
            (
                r#"{"a": "\ud83d", "b": {"c": [null, true, "1e5", 12]}}"#,
                r#"{"a": "\ud83d", "b": {"c": [null, true, "1e5", 12]}}"#,
            ),
        ] {
            assert_eq!(dumps(&document(json).unwrap()), Ok(expected.to_owned()), "{json}");
        }
        let deep = format!("[1, {}{}]", "[".repeat(150), "]".repeat(150));
        for (json, why) in [
            ("{\"a\": [\"\\ud83d\", 1e999]}", "line 1, column 22: a number out of range"),
            ("{\"a\": [{\"\\ud83d\": 1}]}", "line 1, column 16: half of a surrogate pair, which is no character"),
            (&deep, "line 1, column 147: nested too deeply"),
        ] {
            assert_eq!(dumps(&document(json).unwrap()), Err(why), "{json}");
        }
    }
}
