//! JSON as Python's `json.dumps` writes it: what a cassette with parsed bodies is replayed as.

use std::fmt::Write;

use base64::Engine;

use super::body::BASE64;
use super::node::{Content, Node, Style};
use super::yaml::{Scalar, resolve};

/// What the plain scalars of a document mean.
type Resolve = fn(&str) -> Scalar;

/// The text of a value whose plain scalars mean what they mean to Python.
pub(super) fn dumps(node: &Node) -> String {
    dumps_as(node, resolve)
}

/// The text of a value.
pub(super) fn dumps_as(node: &Node, resolve: Resolve) -> String {
    let mut out = String::new();
    write(node, resolve, &mut out);
    out
}

fn write(node: &Node, resolve: Resolve, out: &mut String) {
    match &node.content {
        Content::Null | Content::Broken(_) => out.push_str("null"),
        Content::Text { value, style: Style::Plain } => write_plain(value, resolve, out),
        Content::Text { value, .. } => write_text(value, out),
        Content::Bytes(bytes) => write_text(&BASE64.encode(bytes), out),
        Content::List(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(element, resolve, out);
            }
            out.push(']');
        }
        Content::Map(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_text(key, out);
                out.push_str(": ");
                write(value, resolve, out);
            }
            out.push('}');
        }
    }
}

fn write_plain(value: &str, resolve: Resolve, out: &mut String) {
    match resolve(value) {
        Scalar::Null => out.push_str("null"),
        Scalar::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Scalar::Integer(digits) => out.push_str(&digits),
        Scalar::Float(value) => out.push_str(&float(value)),
        Scalar::Text => write_text(value, out),
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
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a String takes all");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
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
            assert_eq!(dumps(&documents(yaml).unwrap()[0]), json, "{yaml}");
        }
    }
}
