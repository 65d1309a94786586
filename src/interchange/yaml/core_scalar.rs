//! What a plain scalar means in the core schema of YAML 1.2, which Rust's tools write.

use super::scalar::{Scalar, signed};

/// What a plain scalar is.
pub(in super::super) fn resolve_core(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    integer(text).map(Scalar::Integer).or_else(|| float(text).map(Scalar::Float)).unwrap_or(Scalar::Text)
}

fn integer(text: &str) -> Option<String> {
    let (sign, bare) = signed(text);
    let mut radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter();
    let in_radix = radix.find_map(|(prefix, radix)| Some((bare.strip_prefix(prefix)?, radix)));
    let Some((digits, radix)) = in_radix else {
        let all = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = all && (bare == "0" || !bare.starts_with('0'));
        return is_number.then(|| format!("{}{bare}", if bare == "0" { "" } else { sign }));
    };
    let value = u128::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
    Some(format!("{}{value}", if value == 0 { "" } else { sign }))
}

fn float(text: &str) -> Option<f64> {
    let (sign, bare) = signed(text);
    let value = match bare {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if text == bare => return Some(f64::NAN),
        _ if !bare.starts_with(|first: char| first.is_ascii_digit() || first == '.') => return None,
        // Digits behind a zero are those of a version or a code.
        _ if bare.starts_with('0') && bare[1..].starts_with(|second: char| second.is_ascii_digit()) => return None,
        _ => bare.parse().ok()?,
    };
    Some(if sign == "-" { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_is_what_yaml_1_2_says() {
        let integer = |digits: &str| Scalar::Integer(digits.to_owned());
        for (text, expected) in [
            ("", Scalar::Null),
            ("True", Scalar::Bool(true)),
            ("yes", Scalar::Text),
            ("-0", integer("0")),
            ("+12", integer("12")),
            ("0o14", integer("12")),
            ("0x1F", integer("31")),
            ("017", Scalar::Text),
            ("01.5", Scalar::Text),
            ("1_000", Scalar::Text),
            ("1:30", Scalar::Text),
            ("-.5", Scalar::Float(-0.5)),
            ("1e5", Scalar::Float(1e5)),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("inf", Scalar::Text),
            (".", Scalar::Text),
            ("1.2.3", Scalar::Text),
        ] {
            assert_eq!(resolve_core(text), expected, "{text:?}");
        }
    }
}
