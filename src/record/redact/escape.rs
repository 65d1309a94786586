//! The escapes of a JSON string.

/// How long an escape of a UTF-16 code unit is.
const UNIT: usize = 6;

/// The character that a text begins with an escape of, and how long that is. Half of a surrogate pair
/// that stands alone is no character, but stands for one that nobody knows.
pub(super) fn character(text: &[u8]) -> Option<(char, usize)> {
    let character = match text.strip_prefix(b"\\")?.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let units = [unit(text)?].into_iter().chain(text.get(UNIT..).and_then(unit));
            let character = char::decode_utf16(units).next()?.unwrap_or(char::REPLACEMENT_CHARACTER);
            return Some((character, UNIT * character.len_utf16()));
        }
        _ => return None,
    };
    Some((character, 2))
}

/// The UTF-16 code unit that a text begins with an escape of.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digit = |unit: u16, digit: &u8| Some(unit << 4 | u16::try_from(char::from(*digit).to_digit(16)?).ok()?);
    digits.iter().try_fold(0, digit)
}

/// Whether a text is an escape that breaks off.
pub(super) fn breaks_off(text: &[u8]) -> bool {
    let digits = match text {
        b"\\" => return true,
        [b'\\', b'u', digits @ ..] => digits,
        _ => return false,
    };
    digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// A text as it is written within a JSON string.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_stands_for_a_character() {
        for (text, expected) in [
            (r"\n\t", Some(('\n', 2))),
            (r"\/", Some(('/', 2))),
            (r"\u00eb!", Some(('ë', 6))),
            (r"\uD83D\uDE00", Some(('😀', 12))),
            (r"\ud83d", Some(('\u{fffd}', 6))),
            (r"\ud83d\u0041", Some(('\u{fffd}', 6))),
            (r"\ude00\ud83d", Some(('\u{fffd}', 6))),
            (r"\x41", None),
            (r"\u+123", None),
            (r"\u00e", None),
            ("n", None),
        ] {
            assert_eq!(character(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn an_escape_breaks_off_where_more_would_make_it_one() {
        for (text, expected) in
            [(r"\", true), (r"\u", true), (r"\u00e", true), (r"\u00eb", false), (r"\u0x", false), (r"\x", false)]
        {
            assert_eq!(breaks_off(text.as_bytes()), expected, "{text}");
        }
    }
}
