//! What a plain scalar means in YAML 1.1, which the tools that record still write.

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

fn integer(text: &str) -> Option<String> {
    let (sign, digits) = signed(text);
    let bare = digits.replace('_', "");
    let (radix, in_radix) = match bare.strip_prefix('0') {
        None | Some("") => return decimal(sign, &bare).filter(|_| digits.starts_with(|first: char| first != '_')),
        Some(rest) => match rest.split_at_checked(1)? {
            ("x", hex) => (16, hex),
            ("b", bits) => (2, bits),
            ("o", octal) => (8, octal),
            _ => (8, rest),
        },
    };
    let value = u128::from_str_radix(in_radix, radix).ok().filter(|_| !in_radix.starts_with('+'))?;
    Some(format!("{}{value}", if value == 0 { "" } else { sign }))
}

fn decimal(sign: &str, digits: &str) -> Option<String> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| format!("{}{digits}", if digits == "0" { "" } else { sign }))
}

fn signed(text: &str) -> (&'static str, &str) {
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
        _ => {
            let bare = bare.replace('_', "");
            is_decimal(&bare).then(|| bare.parse::<f64>().ok())??
        }
    };
    Some(if sign == "-" { -value } else { value })
}

/// Whether a text is a number with a point; an exponent needs a sign, or it is none.
fn is_decimal(text: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unzip();
    let Some((whole, part)) = mantissa.unwrap_or(text).split_once('.') else { return false };
    let exponent = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| !digits.is_empty() && all_digits(digits))
    });
    !(whole.is_empty() && part.is_empty()) && all_digits(whole) && all_digits(part) && exponent
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
            ("-.5", Scalar::Float(-0.5)),
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
}
