//! Which places of a body stand within a string of JSON.

use std::ops::Range;

use serde::de::IgnoredAny;

/// What a line of an event stream has before its JSON.
const DATA: &[u8] = b"data:";

/// Reads a body from its start on, to tell which of its places stand within one string of JSON. A
/// body may be JSON, broken off too, or have it in its lines, as a stream of events does.
pub(super) struct JsonStrings<'a> {
    body: &'a [u8],
    at: usize,
    /// Whether the body is JSON as a whole.
    is_whole: bool,
    state: State,
    /// How many strings began or ended so far.
    quotes: usize,
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No JSON.
    Text,
    /// JSON, and no string of it.
    Between,
    /// A string.
    Within,
    /// What a backslash escapes in a string.
    Escaped,
}

impl<'a> JsonStrings<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        let is_whole = begins_json(body.trim_ascii_start());
        let mut strings = Self { body, at: 0, is_whole, state: State::Between, quotes: 0 };
        strings.begin_line();
        strings
    }

    /// Whether a place stands within one string. Places are asked for in order.
    pub(super) fn hold(&mut self, place: &Range<usize>) -> bool {
        self.read_to(place.start);
        let (state, quotes) = (self.state, self.quotes);
        self.read_to(place.end);
        matches!(state, State::Within | State::Escaped) && self.quotes == quotes
    }

    /// Where the text of the next string that has an escape is, without its quotes. One that breaks
    /// off ends with its line, or with the body.
    pub(super) fn next_escaped(&mut self) -> Option<Range<usize>> {
        let (mut start, mut is_escaped) = (self.at, false);
        while self.at < self.body.len() {
            let (before, quotes) = (self.state, self.quotes);
            self.read_on(self.body.len());
            let has_ended =
                matches!(before, State::Within | State::Escaped) && matches!(self.state, State::Between | State::Text);
            if has_ended && is_escaped {
                return Some(start..self.at - 1);
            }
            if self.quotes > quotes {
                (start, is_escaped) = (self.at, false);
            }
            is_escaped |= self.state == State::Escaped;
        }
        is_escaped.then_some(start..self.at)
    }

    fn read_to(&mut self, end: usize) {
        while self.at < end {
            self.read_on(end);
        }
    }

    /// Reads past what can change nothing, and the one byte after it.
    fn read_on(&mut self, end: usize) {
        let rest = &self.body[self.at..end];
        let next = match self.state {
            State::Escaped => Some(0),
            _ => rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n')),
        };
        self.at = next.map_or(end, |next| self.at + next + 1);
        match (next.map(|next| rest[next]), self.state) {
            (Some(b'\n'), _) if !self.is_whole => self.begin_line(),
            (_, State::Escaped) => self.state = State::Within,
            (Some(b'\\'), State::Within) => self.state = State::Escaped,
            (Some(b'"'), State::Between) => self.quote(State::Within),
            (Some(b'"'), State::Within) => self.quote(State::Between),
            _ => {}
        }
    }

    fn quote(&mut self, state: State) {
        self.state = state;
        self.quotes += 1;
    }

    fn begin_line(&mut self) {
        if !self.is_whole {
            let rest = &self.body[self.at..];
            let rest = rest.strip_prefix(DATA).unwrap_or(rest);
            let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            self.state = if begins_json(&rest[spaces..]) { State::Between } else { State::Text };
        }
    }
}

/// Whether a text begins as a JSON object, array or string does.
fn begins_json(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'[' | b'"'))
}

/// Whether a text is a JSON object or array, or the beginning of one.
pub(super) fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
        && serde_json::from_slice::<IgnoredAny>(text).map_or_else(|error| error.is_eof(), |_| true)
}

/// A text as it is written within a JSON string.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn a_place_is_within_a_string_where_json_has_one() {
        for (body, expected) in [
            (r#"{"a":"x1234y"}"#, true),
            (r#" [ "1234" ]"#, true),
            (r#""1234""#, true),
            (r#"{"1234":1}"#, true),
            (r#"{"a":"b\"1234"}"#, true),
            (r#"{"a":"b\\","c":1234}"#, false),
            (r#"{"a":1234}"#, false),
            (r#"{"a":"broken off 1234"#, true),
            ("\"a\" said 1234", false),
            ("he said \"1234\"", false),
            ("data: {\"a\":\"1234\"}\n\n", true),
            ("event: x\ndata:{\"a\":1234}\n\n", false),
            (": it's \"quoted\nid: \"1234\"\n", false),
            ("data: {\"a\":\"broken\ndata: {\"a\":1234}\n", false),
            ("data: {\"a\":1}\n\ndata: {\"b\":\"c 1234\"}\n", true),
            ("{\"a\":\"b\"}\n{\"a\":\"1234\"}\n", true),
        ] {
            let start = body.find("1234").unwrap();
            assert_eq!(JsonStrings::of(body.as_bytes()).hold(&(start..start + 4)), expected, "{body}");
        }
    }

    #[test]
    fn strings_with_escapes_are_told_from_others() {
        for (body, expected) in [
            (r#"{"a\n":"b","c":["d\"e","f"]}"#, vec![r"a\n", r#"d\"e"#]),
            (r#"{"a":"b\\","c":1}"#, vec![r"b\\"]),
            (r#"{"a":"b"}"#, vec![]),
            (r#"{"a":"b\nbroken off"#, vec![r"b\nbroken off"]),
            (r#"{"a":"b\"#, vec![r"b\"]),
            ("data: {\"a\":\"b\\nbroken\ndata: {\"a\":\"c\\td\"}\n\n", vec![r"b\nbroken", r"c\td"]),
            ("event: \"a\\n\"\ndata: {\"b\":1}\n\n", vec![]),
            ("no \"JSON\\n\"", vec![]),
        ] {
            let mut strings = JsonStrings::of(body.as_bytes());
            let texts: Vec<_> = iter::from_fn(|| strings.next_escaped()).map(|place| &body[place]).collect();
            assert_eq!(texts, expected, "{body}");
        }
    }

    #[test]
    fn a_text_is_json_where_it_is_an_object_or_array_or_breaks_off_as_one() {
        for (text, expected) in [
            (r#"{"a":1}"#, true),
            (r#" ["a", {"b": "c"}]"#, true),
            (r#"{"a":"b"#, true),
            ("[text](https://a.b)", false),
            (r#""a""#, false),
            ("12", false),
            (r#"{"a":1} and more"#, false),
            ("", false),
        ] {
            assert_eq!(is_json(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_reaches_over_a_strings_end_is_not_within() {
        let body = br#"{"a":"b","c":"d"}"#;
        let mut strings = JsonStrings::of(body);
        for (place, expected) in [(1..4, false), (6..7, true), (6..8, false), (10..14, false), (14..15, true)] {
            assert_eq!(strings.hold(&place), expected, "{place:?}");
        }
    }
}
