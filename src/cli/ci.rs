//! What the variable `CI` says.

use std::ffi::OsStr;

/// Whether the value of `CI` says that this is a continuous integration: any does but these.
pub(super) fn is_ci(value: Option<&OsStr>) -> bool {
    const NONE: [&str; 5] = ["", "false", "0", "no", "off"];
    value.is_some_and(|value| !NONE.contains(&value.to_string_lossy().trim().to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_is_what_it_says() {
        for (value, expected) in [
            (None, false),
            (Some(""), false),
            (Some(" "), false),
            (Some("false"), false),
            (Some("FALSE"), false),
            (Some("0"), false),
            (Some("no"), false),
            (Some("Off"), false),
            (Some("true"), true),
            (Some("1"), true),
            (Some("woodpecker"), true),
        ] {
            assert_eq!(is_ci(value.map(OsStr::new)), expected, "{value:?}");
        }
    }
}
