//! Where a text has JSON: all of it, or lines, or what stands among other words.

use std::mem;
use std::ops::Range;

use super::escape::{breaks_off, character};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The JSON of a text. It may break off with the text, and a word stands for a value too, as `NaN` does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Json {
    /// The places of its objects and arrays, those that have strings and stand in no other one, and of
    /// strings that have a line of their own, in order.
    pub(super) values: Vec<Range<usize>>,
    /// The places of the texts of all their strings, without the quotes, in order.
    pub(super) strings: Vec<Range<usize>>,
}

impl Json {
    /// What a text has of it. Each byte is looked at twice at most.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut reader = Reader { text, at: 0, expected: Expected::Nothing, open: Vec::new(), found: Self::default() };
        while reader.at < text.len() {
            reader.read();
        }
        reader.finish()
    }

    /// Whether a place stands within one string.
    pub(super) fn has_in_string(&self, place: &Range<usize>) -> bool {
        let next = self.strings.partition_point(|string| string.end < place.end);
        self.strings.get(next).is_some_and(|string| string.start <= place.start)
    }
}

/// What JSON may go on with. A comma may stand before its end, as some write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It is no JSON so far.
    Nothing,
    /// A name of an object's member.
    Name,
    /// The colon behind it.
    Colon,
    /// A value of an array or object.
    Value,
    /// A comma, or the end.
    Comma,
}

/// An object or array that has begun.
#[derive(Debug)]
struct Open {
    is_object: bool,
    start: usize,
    /// How much was found before it.
    values: usize,
    strings: usize,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    expected: Expected,
    open: Vec<Open>,
    found: Json,
}

impl Reader<'_> {
    /// Reads on behind what comes next.
    fn read(&mut self) {
        let byte = self.text[self.at];
        match byte {
            b'{' | b'[' => self.begin(byte == b'{'),
            b'}' | b']' => self.end(byte == b'}'),
            b'"' if self.expected == Expected::Nothing => self.line(),
            b'"' => self.string(),
            b':' if self.expected == Expected::Colon => self.go_on(Expected::Value),
            b',' if self.expected == Expected::Comma => {
                let is_object = self.open.last().is_some_and(|open| open.is_object);
                self.go_on(if is_object { Expected::Name } else { Expected::Value });
            }
            _ if self.expected == Expected::Nothing => self.skip(|byte| !matches!(byte, b'{' | b'[' | b'"')),
            _ if byte.is_ascii_whitespace() => self.skip(|byte| byte.is_ascii_whitespace()),
            _ if self.expected == Expected::Value && is_of_word(byte) => {
                self.skip(is_of_word);
                self.expected = Expected::Comma;
            }
            _ => self.fail(),
        }
    }

    fn go_on(&mut self, expected: Expected) {
        self.expected = expected;
        self.at += 1;
    }

    fn skip(&mut self, goes_on: impl Fn(u8) -> bool) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| !goes_on(*byte)).unwrap_or(rest.len());
    }

    /// What has begun is no JSON; what is whole within it may be.
    fn fail(&mut self) {
        self.open.clear();
        self.go_on(Expected::Nothing);
    }

    fn begin(&mut self, is_object: bool) {
        if self.expected != Expected::Value {
            self.open.clear();
        }
        let (values, strings) = (self.found.values.len(), self.found.strings.len());
        self.open.push(Open { is_object, start: self.at, values, strings });
        self.go_on(if is_object { Expected::Name } else { Expected::Value });
    }

    fn end(&mut self, is_object: bool) {
        let is_expected = match self.expected {
            Expected::Comma => true,
            Expected::Name => is_object,
            Expected::Value => !is_object,
            Expected::Nothing | Expected::Colon => false,
        };
        match self.open.pop() {
            Some(open) if is_expected && open.is_object == is_object => {
                self.go_on(if self.open.is_empty() { Expected::Nothing } else { Expected::Comma });
                self.add(&open);
            }
            _ => self.fail(),
        }
    }

    /// An object or array ends here. Those within it are a part of it.
    fn add(&mut self, open: &Open) {
        self.found.values.truncate(open.values);
        if self.found.strings.len() > open.strings {
            self.found.values.push(open.start..self.at);
        }
    }

    /// A string of an object or array.
    fn string(&mut self) {
        let next = match self.expected {
            Expected::Name => Expected::Colon,
            Expected::Value => Expected::Comma,
            Expected::Nothing | Expected::Colon | Expected::Comma => return self.fail(),
        };
        let start = self.at + 1;
        match self.string_end(start) {
            Ok(end) => {
                self.found.strings.push(start..end);
                self.at = end;
                self.go_on(next);
            }
            Err(at) => {
                self.at = at;
                self.fail();
            }
        }
    }

    /// A string that may have a line of its own.
    fn line(&mut self) {
        let start = self.at + 1;
        let before = without_blanks_behind(&self.text[..self.at]);
        let begins = before.is_empty()
            || before == BYTE_ORDER_MARK
            || before.ends_with(b"data:")
            || before.ends_with(b"\n")
            || before.ends_with(b"\r");
        self.at += 1;
        if let Some(end) = begins.then(|| self.string_end(start).ok()).flatten()
            && let [b'"', rest @ ..] = &self.text[end..]
            && rest.iter().find(|byte| !is_blank(**byte)).is_none_or(|byte| matches!(byte, b'\n' | b'\r'))
        {
            self.found.values.push(start - 1..end + 1);
            self.found.strings.push(start..end);
            self.at = end + 1;
        }
    }

    /// Where the text of a string ends that begins at a place: at its quote, or with the whole text; or
    /// where it has what no string has.
    fn string_end(&self, start: usize) -> Result<usize, usize> {
        let mut at = start;
        loop {
            let rest = &self.text[at..];
            let Some(next) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r')) else {
                return Ok(self.text.len());
            };
            at += next;
            match (rest[next], character(&rest[next..])) {
                (b'"', _) => return Ok(at),
                (b'\\', Some((_, length))) => at += length,
                (b'\\', None) if breaks_off(&rest[next..]) => return Ok(self.text.len()),
                _ => return Err(at),
            }
        }
    }

    fn finish(mut self) -> Json {
        self.at = self.text.len();
        if let Some(open) = mem::take(&mut self.open).first() {
            self.add(open);
        }
        let Json { values, mut strings } = self.found;
        let mut rest = values.iter().peekable();
        strings.retain(|string| {
            while rest.next_if(|value| value.end <= string.start).is_some() {}
            rest.peek().is_some_and(|value| value.start <= string.start)
        });
        Json { values, strings }
    }
}

/// Whether a byte may be of a number, or of a word like `true`.
const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn without_blanks_behind(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<&str> {
        Json::of(text.as_bytes()).strings.into_iter().map(|place| &text[place]).collect()
    }

    fn values(text: &str) -> Vec<&str> {
        Json::of(text.as_bytes()).values.into_iter().map(|place| &text[place]).collect()
    }

    #[test]
    fn the_strings_of_json_are_found_wherever_it_stands() {
        for (text, expected) in [
            (r#"{"a\n":"b","c":["d\"e",{"f":1e-7}],"g":true}"#, vec![r"a\n", "b", "c", r#"d\"e"#, "f", "g"]),
            (r#" [ "a" , NaN,-Infinity , "b", ] "#, vec!["a", "b"]),
            (r#"{"a":"b\\","c":1234}"#, vec!["a", r"b\\", "c"]),
            (r#""a \"b\"""#, vec![r#"a \"b\""#]),
            ("\u{feff}{\"a\":1}", vec!["a"]),
            ("\u{feff}\"a\"", vec!["a"]),
            ("data: {\"a\":1}\n\ndata:\"b\"\r\n\r\nid: \"c\"\n", vec!["a", "b"]),
            ("{\"a\":1}\n{\"b\":2}\n \"c\" \n", vec!["a", "b", "c"]),
            ("So:\n```json\n{\n  \"a\": [\"b\"]\n}\n```\nand \"this\".", vec!["a", "b"]),
            (r#"failed: {"a":"b"}, "c""#, vec!["a", "b"]),
            // What breaks off with the text.
            (r#"{"a":"b\nc"#, vec!["a", r"b\nc"]),
            (r#"[{"a":["b\u00"#, vec!["a", r"b\u00"]),
            (r#"{"a":"b\"#, vec!["a", r"b\"]),
            (r#"{"a":"b","#, vec!["a", "b"]),
            // What is no JSON, and what is whole within it.
            (r#""a" said "b\n""#, vec![]),
            (r#""a\n"#, vec![]),
            (r#"{user} said ["a" and "b"]"#, vec![]),
            (r#"["a" {"b":"c"}]"#, vec!["b", "c"]),
            (r#"{"a":"C:\dir","b":{"c":"d"}}"#, vec!["c", "d"]),
            ("{\"a\":\"b\n\"}{\"c\":1}", vec!["c"]),
            (r#"{"a":"b"]{"c" "d"}"#, vec![]),
            (r#"[:"a"]"#, vec![]),
            ("", vec![]),
        ] {
            assert_eq!(strings(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_is_what_stands_in_no_other_one_and_has_strings() {
        for (text, expected) in [
            (r#"x {"a":["b",{"c":1}]} y [1] {"d":1}"#, vec![r#"{"a":["b",{"c":1}]}"#, r#"{"d":1}"#]),
            (r#"[["a"], ["b"] oh"#, vec![r#"["a"]"#, r#"["b"]"#]),
            (r#"[["a"], ["b""#, vec![r#"[["a"], ["b""#]),
            ("\"a\"\n[text](https://a.b)", vec!["\"a\""]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn a_place_is_in_a_string_where_no_part_of_it_is_beyond() {
        let json = Json::of(br#"{"a":"b","c":"d"}"#);
        for (place, expected) in
            [(1..4, false), (6..7, true), (6..6, true), (7..7, true), (6..8, false), (10..14, false), (14..15, true)]
        {
            assert_eq!(json.has_in_string(&place), expected, "{place:?}");
        }
    }

    #[test]
    fn what_nothing_ends_is_not_read_again_and_again() {
        for piece in ["[", "[\"", "{\"a\":", "[\"[", "\"[\n", "    \""] {
            let text = piece.repeat(100_000) + "x";
            assert!(Json::of(text.as_bytes()).values.len() <= 1, "{piece}");
        }
    }
}
