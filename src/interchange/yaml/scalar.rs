//! What a plain scalar means in YAML 1.1, in the way `PyYAML` reads it.

use std::ops::RangeInclusive;

/// What a plain scalar is.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Scalar {
    Null,
    Bool(bool),
    /// Its decimal digits, with a sign where it is below zero.
    Integer(String),
    Float(f64),
    Text,
}

/// What a plain scalar is.
pub(in super::super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        _ => {}
    }
    integer(text).map(Scalar::Integer).or_else(|| float(text).map(Scalar::Float)).unwrap_or(Scalar::Text)
}

/// `None` too where there are more than 128 bits in another radix than ten.
fn integer(text: &str) -> Option<String> {
    let (sign, bare) = signed(text);
    let in_radix = |prefix: &str, radix| {
        let digits = bare.strip_prefix(prefix)?;
        let all = digits.chars().all(|digit| digit == '_' || digit.is_digit(radix));
        u128::from_str_radix(&digits.replace('_', ""), radix).ok().filter(|_| all)
    };
    let other = in_radix("0b", 2).or_else(|| in_radix("0x", 16)).or_else(|| octal(bare)).or_else(|| sixties(bare));
    match other {
        Some(value) => Some(format!("{}{value}", if value == 0 { "" } else { sign })),
        None if bare == "0" => Some("0".to_owned()),
        None => {
            let is_decimal = starts_with(bare, '1'..='9') && is_digits_and(bare);
            is_decimal.then(|| format!("{sign}{}", bare.replace('_', "")))
        }
    }
}

/// Digits behind a zero, which underscores alone may stand for.
fn octal(bare: &str) -> Option<u128> {
    let digits = bare.strip_prefix('0').filter(|digits| !digits.is_empty())?;
    let all = digits.chars().all(|digit| matches!(digit, '_' | '0'..='7'));
    let digits = format!("0{}", digits.replace('_', ""));
    u128::from_str_radix(&digits, 8).ok().filter(|_| all)
}

/// A number to the base of sixty: `1:30` is ninety.
fn sixties(bare: &str) -> Option<u128> {
    let (first, rest) = bare.split_once(':')?;
    let first = Some(first).filter(|first| starts_with(first, '1'..='9') && is_digits_and(first))?;
    let first: u128 = first.replace('_', "").parse().ok()?;
    rest.split(':').try_fold(first, |value, part| {
        let part: u128 = is_sixtieth(part).then(|| part.parse().ok())??;
        value.checked_mul(60)?.checked_add(part)
    })
}

fn is_sixtieth(part: &str) -> bool {
    match part.as_bytes() {
        [digit] | [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

fn starts_with(text: &str, range: RangeInclusive<char>) -> bool {
    text.starts_with(|first: char| range.contains(&first))
}

/// Whether a text has nothing but digits and underscores.
fn is_digits_and(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// The sign of a number, and the number without it; a plus says nothing.
pub(super) fn signed(text: &str) -> (&'static str, &str) {
    match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    }
}

fn float(text: &str) -> Option<f64> {
    let (sign, bare) = signed(text);
    let value = match bare {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if text == bare => return Some(f64::NAN),
        // A number that begins with its point has no sign.
        _ if bare.starts_with('.') && text != bare => return None,
        _ => sixties_with_point(bare).or_else(|| pointed(bare))?,
    };
    Some(if sign == "-" { -value } else { value })
}

/// A number with a point; an exponent needs a sign, or it is none.
fn pointed(bare: &str) -> Option<f64> {
    let (mantissa, exponent) = bare.split_once(['e', 'E']).unzip();
    let (whole, part) = mantissa.unwrap_or(bare).split_once('.')?;
    let begins = if whole.is_empty() { part } else { whole };
    let exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let is_number = starts_with(begins, '0'..='9') && is_digits_and(whole) && is_digits_and(part) && exponent;
    is_number.then(|| bare.replace('_', "").parse().ok())?
}

/// A number to the base of sixty with a point in its last part.
fn sixties_with_point(bare: &str) -> Option<f64> {
    let (whole, part) = bare.split_once('.').filter(|(_, part)| is_digits_and(part))?;
    let (first, rest) = whole.split_once(':')?;
    let is_number = starts_with(first, '0'..='9') && is_digits_and(first) && rest.split(':').all(is_sixtieth);
    let first: f64 = first.replace('_', "").parse().ok().filter(|_| is_number)?;
    let value = rest.split(':').try_fold(first, |value, part| Some(value * 60.0 + part.parse::<f64>().ok()?))?;
    Some(value + format!("0.{}0", part.replace('_', "")).parse::<f64>().ok()?)
}

/// What a scalar is that a tag says the kind of, whatever its quotes, as a plain one that resolves
/// to it; `None` where it cannot be of that kind, or the tag says nothing.
pub(super) fn forced(text: &str, kind: &str) -> Option<String> {
    let bare = || text.trim().replace('_', "");
    match kind {
        "int" => match resolve(text) {
            Scalar::Integer(digits) => Some(digits),
            _ => None,
        },
        "float" => match resolve(text) {
            Scalar::Float(_) => Some(text.to_owned()),
            _ => bare().parse::<f64>().ok().filter(|value| value.is_finite()).map(pointed_text),
        },
        "bool" => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" => Some("true".to_owned()),
            "no" | "false" | "off" => Some("false".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// A number as this resolves it to the same: with a point, and with a sign in an exponent.
pub(in super::super) fn pointed_text(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}e{}{exponent}", if exponent.starts_with('-') { "" } else { "+" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_is_what_yaml_1_1_says() {
        let integer = |digits: &str| Scalar::Integer(digits.to_owned());
        for (text, expected) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("yes", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("y", Scalar::Text),
            ("0", integer("0")),
            ("-0", integer("0")),
            ("+12", integer("12")),
            ("-1_000", integer("-1000")),
            ("0x1F", integer("31")),
            ("017", integer("15")),
            ("0b101", integer("5")),
            ("08", Scalar::Text),
            ("123456789012345678901234567890", integer("123456789012345678901234567890")),
            ("1.5", Scalar::Float(1.5)),
            ("6.0e-05", Scalar::Float(6e-5)),
            ("1e5", Scalar::Text),
            ("1.5e3", Scalar::Text),
            ("1.5e+3", Scalar::Float(1500.0)),
            ("-.5", Scalar::Text),
            ("+.5", Scalar::Text),
            (".5", Scalar::Float(0.5)),
            ("._5", Scalar::Text),
            ("1.", Scalar::Float(1.0)),
            ("1_0.5_0", Scalar::Float(10.5)),
            ("1.e+3", Scalar::Float(1000.0)),
            ("-1.5", Scalar::Float(-1.5)),
            ("0o14", Scalar::Text),
            ("00", integer("0")),
            ("0_", integer("0")),
            ("-0_17", integer("-15")),
            ("0b_1", integer("1")),
            ("0b12", Scalar::Text),
            ("0b_", Scalar::Text),
            ("_00", Scalar::Text),
            ("_06.", Scalar::Text),
            ("-_3_539.", Scalar::Text),
            ("_0x71", Scalar::Text),
            ("0x_7_1", integer("113")),
            ("1:30", integer("90")),
            ("-1_0:0:5", integer("-36005")),
            ("1:60", Scalar::Text),
            ("1:030", Scalar::Text),
            ("0:30", Scalar::Text),
            ("0:30.5", Scalar::Float(30.5)),
            ("-1:30.", Scalar::Float(-90.0)),
            ("1:", Scalar::Text),
            ("1:30.5e+1", Scalar::Text),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("2024-01-02", Scalar::Text),
            ("1.2.3", Scalar::Text),
            ("_1", Scalar::Text),
            ("e", Scalar::Text),
            ("0x", Scalar::Text),
            (".", Scalar::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
        assert!(matches!(resolve(".nan"), Scalar::Float(value) if value.is_nan()));
    }

    #[test]
    fn a_tag_says_what_a_scalar_is_whatever_its_quotes() {
        for (kind, text, expected) in [
            ("int", "3", Some(Scalar::Integer("3".to_owned()))),
            ("int", "0x1F", Some(Scalar::Integer("31".to_owned()))),
            ("int", "three", None),
            ("float", "3", Some(Scalar::Float(3.0))),
            ("float", "1e300", Some(Scalar::Float(1e300))),
            ("float", "-.5", Some(Scalar::Float(-0.5))),
            ("float", ".inf", Some(Scalar::Float(f64::INFINITY))),
            ("float", "x", None),
            ("bool", "Yes", Some(Scalar::Bool(true))),
            ("bool", "oFF", Some(Scalar::Bool(false))),
            ("bool", "1", None),
            ("timestamp", "2024-01-02", None),
        ] {
            assert_eq!(forced(text, kind).map(|text| resolve(&text)), expected, "!!{kind} {text}");
        }
    }
}
