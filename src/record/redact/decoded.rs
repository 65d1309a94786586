//! The text that a JSON string with escapes stands for, and where each part of it is written.

use std::cell::OnceCell;
use std::iter;
use std::ops::Range;

use super::json_strings::{JsonStrings, is_json};

/// How long an escape can be: that of a surrogate pair.
const LONGEST: usize = 12;

/// A string of a body that has escapes.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Where its text is written in the body, without the quotes.
    place: Range<usize>,
    /// What it stands for.
    pub(super) text: Vec<u8>,
    escapes: Vec<Escape>,
    /// The strings of the text where that is JSON itself, once somebody asks for them.
    inner: OnceCell<Vec<Decoded>>,
}

/// An escape of a string.
#[derive(Debug)]
struct Escape {
    /// Where it is written in the body.
    written: Range<usize>,
    /// Where the text has what it stands for.
    meant: Range<usize>,
}

impl Decoded {
    /// All strings of a body that have escapes and can be decoded, in order.
    pub(super) fn all(body: &[u8]) -> Vec<Self> {
        let mut strings = JsonStrings::of(body);
        iter::from_fn(|| strings.next_escaped()).filter_map(|place| Self::of(body, place)).collect()
    }

    /// The string at a place; `None` where it has what is no escape, or a surrogate that stands alone.
    fn of(body: &[u8], place: Range<usize>) -> Option<Self> {
        let is_broken_off = body.get(place.end) != Some(&b'"');
        let (text, escapes) = (Vec::with_capacity(place.len()), Vec::new());
        let mut decoded = Self { text, escapes, place: place.clone(), inner: OnceCell::new() };
        let mut at = place.start;
        while at < place.end {
            let rest = &body[at..place.end];
            let plain = rest.iter().position(|byte| *byte == b'\\').unwrap_or(rest.len());
            let (plain, rest) = rest.split_at(plain);
            decoded.text.extend_from_slice(plain);
            at += plain.len();
            let Some((character, length)) = escaped_character(rest) else {
                // The end of a body that broke off may be a part of an escape.
                let is_end = rest.is_empty() || is_broken_off && rest.len() < LONGEST;
                return is_end.then_some(decoded);
            };
            decoded.push(character, at..at + length);
            at += length;
        }
        Some(decoded)
    }

    fn push(&mut self, character: char, written: Range<usize>) {
        let start = self.text.len();
        self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.escapes.push(Escape { written, meant: start..self.text.len() });
    }

    /// Where the body has a part of the text.
    pub(super) fn written(&self, part: &Range<usize>) -> Range<usize> {
        let start = self.written_at(part.start).start;
        let end = if part.is_empty() { start } else { self.written_at(part.end - 1).end };
        start..end
    }

    /// Where the body has a byte of the text, or the escape that it is from.
    fn written_at(&self, at: usize) -> Range<usize> {
        let next = self.escapes.partition_point(|escape| escape.meant.end <= at);
        if let Some(escape) = self.escapes.get(next).filter(|escape| escape.meant.start <= at) {
            return escape.written.clone();
        }
        let last = next.checked_sub(1).map(|last| &self.escapes[last]);
        let start = last.map_or(self.place.start + at, |last| last.written.end + at - last.meant.end);
        start..start + 1
    }

    /// Whether a place of the body stands within the string and begins or ends within an escape, of the
    /// string or of one in the JSON that it stands for.
    fn is_cut_by(&self, place: &Range<usize>) -> bool {
        let cuts = |at: usize| {
            let next = self.escapes.partition_point(|escape| escape.written.end <= at);
            self.escapes.get(next).is_some_and(|escape| escape.written.start < at)
        };
        let is_within = self.place.start <= place.start && place.end <= self.place.end;
        let is_cut_within = || is_cut(self.inner(), &(self.meant_at(place.start)..self.meant_at(place.end)));
        is_within && (cuts(place.start) || cuts(place.end) || is_cut_within())
    }

    fn inner(&self) -> &[Self] {
        self.inner.get_or_init(|| if is_json(&self.text) { Self::all(&self.text) } else { Vec::new() })
    }

    /// Where the text has what the body has at a place between escapes.
    fn meant_at(&self, at: usize) -> usize {
        let behind = self.escapes.partition_point(|escape| escape.written.end <= at);
        let last = behind.checked_sub(1).map(|last| &self.escapes[last]);
        last.map_or(at - self.place.start, |last| last.meant.end + at - last.written.end)
    }

    /// Whether the string ends before a place of the body does.
    fn ends_before(&self, place: &Range<usize>) -> bool {
        self.place.end < place.end
    }
}

/// Whether a place of a body begins or ends within an escape of the string that it stands in, of those
/// of the body that have escapes.
pub(super) fn is_cut(strings: &[Decoded], place: &Range<usize>) -> bool {
    let next = strings.partition_point(|string| string.ends_before(place));
    strings.get(next).is_some_and(|string| string.is_cut_by(place))
}

/// The character that a text begins with an escape of, and how long that is.
fn escaped_character(text: &[u8]) -> Option<(char, usize)> {
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
            let units = unit(text).into_iter().chain(text.get(6..).and_then(unit));
            let character = char::decode_utf16(units).next()?.ok()?;
            return Some((character, 6 * character.len_utf16()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_what_its_escapes_stand_for() {
        for (body, expected) in [
            (r#"{"a":"Zo\u00eb"}"#, Some("Zoë")),
            (r#"["\"\\\/\b\f\n\r\t\u0041"]"#, Some("\"\\/\u{8}\u{c}\n\r\tA")),
            (r#"["x\uD83D\uDE00y"]"#, Some("x😀y")),
            (r#"["ü\n"]"#, Some("ü\n")),
            (r#"{"Zo\u00eb":1}"#, Some("Zoë")),
            (r#"["Zoë"]"#, None),
            (r#"["\ud83d"]"#, None),
            (r#"["\ud83d\u0041"]"#, None),
            (r#"["\ude00"]"#, None),
            (r#"["\x41\n"]"#, None),
            (r#"["\u+123"]"#, None),
            (r#"["\u00e"]"#, None),
            (r#"{"a":"Zo\u00eb"#, Some("Zoë")),
            (r#"{"a":"b\nZo\u00e"#, Some("b\nZo")),
            (r#"{"a":"b\nZo\ud83d\ude"#, Some("b\nZo")),
            (r#"{"a":"b\nZo\"#, Some("b\nZo")),
            (r#"{"a":"b\x and twelve more"#, None),
        ] {
            let decoded = Decoded::all(body.as_bytes());
            let texts: Vec<_> = decoded.iter().map(|string| str::from_utf8(&string.text).unwrap()).collect();
            assert_eq!(texts, expected.into_iter().collect::<Vec<_>>(), "{body}");
        }
    }

    #[test]
    fn each_part_of_a_text_is_where_the_body_writes_it() {
        let body = r#"{"a":"x\nyo\u00eb\ud83d\ude00z"}"#;
        let decoded = &Decoded::all(body.as_bytes())[0];
        for (part, written) in [
            ("x", "x"),
            ("\n", r"\n"),
            ("x\ny", r"x\ny"),
            ("oë", r"o\u00eb"),
            ("ë", r"\u00eb"),
            ("ë😀", r"\u00eb\ud83d\ude00"),
            ("😀z", r"\ud83d\ude00z"),
            ("z", "z"),
        ] {
            let start = str::from_utf8(&decoded.text).unwrap().find(part).unwrap();
            assert_eq!(&body[decoded.written(&(start..start + part.len()))], written, "{part}");
        }
        let (start, end) = (body.find('x').unwrap(), body.find('z').unwrap());
        assert_eq!(decoded.written(&(0..0)), start..start);
        assert_eq!(decoded.written(&(decoded.text.len()..decoded.text.len())), end + 1..end + 1);
    }

    #[test]
    fn what_begins_or_ends_within_an_escape_cuts_it() {
        let body = r#"{"a":"x\nyo\u00eb-"}"#;
        let decoded = &Decoded::all(body.as_bytes())[0];
        for (part, expected) in [
            ("x", false),
            (r"\n", false),
            ("nyo", true),
            (r"\u00eb", false),
            ("00eb-", true),
            (r"o\u00", true),
            (r#""x\"#, false),
        ] {
            let start = body.find(part).unwrap();
            assert_eq!(decoded.is_cut_by(&(start..start + part.len())), expected, "{part}");
        }
    }

    #[test]
    fn an_escape_of_json_within_a_string_is_cut_as_one_of_the_string_is() {
        let body = r#"{"a":"{\"b\": \"x\\ny Zo\\u00eb\", \"c\": \"{\\\"d\\\":\\\"\\\\nz\\\"}\"}", "e": "x\\ny"}"#;
        let strings = Decoded::all(body.as_bytes());
        for (part, expected) in [
            ("ny Zo", true),
            ("y Zo", false),
            ("00eb", true),
            ("Zo", false),
            (r"x\\ny Zo", false),
            ("nz", true),
            ("z", false),
        ] {
            let start = body.find(part).unwrap();
            assert_eq!(is_cut(&strings, &(start..start + part.len())), expected, "{part}");
        }
        let start = body.rfind("ny").unwrap();
        assert!(!is_cut(&strings, &(start..start + 2)), "the text is no JSON");
    }
}
