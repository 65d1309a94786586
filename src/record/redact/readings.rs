//! All that a body can be read as.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::ops::Range;
use std::{iter, mem, slice};

use super::escape::escaped;
use super::reading::Reading;
use super::replacement::{Finder, Replacement, apart};
use super::stream::Stream;

/// How often a text is escaped at most in which something is found.
const DEPTH: usize = 12;

/// The texts that a body has: its bytes, what its strings of JSON stand for, what the deltas of a stream
/// add up to, what is escaped in all of these, and so on.
#[derive(Debug)]
pub(super) struct Readings<'a> {
    all: Vec<Reading<'a>>,
    escapes: OnceCell<Vec<Escape>>,
}

/// A place of a body where an escape is written, or a part of one. It stands within no other one.
#[derive(Debug, Clone)]
struct Escape {
    written: Range<usize>,
    /// What has the escape, and where it has what that stands for.
    reading: usize,
    meant: Range<usize>,
}

impl<'a> Readings<'a> {
    /// Those of a body, which may be a stream of events.
    pub(super) fn of(body: &'a [u8], is_stream: bool) -> Self {
        let stream = is_stream.then(|| Stream::of(body));
        let (json, texts) = stream.map_or((None, Vec::new()), |stream| (Some(stream.json), stream.texts));
        let mut pieces: Vec<usize> = texts.iter().flatten().map(|piece| piece.start).collect();
        pieces.sort_unstable();
        let body = Reading::of(body, json);
        let deltas = texts.iter().map(|text| body.decoded(text)).filter(|delta| !delta.text.is_empty());
        let mut all: Vec<Reading<'a>> = deltas.chain(inner(&body, &pieces)).collect();
        all.insert(0, body);
        let mut next = 1;
        while let Some(reading) = all.get(next) {
            let inner = if reading.depth < DEPTH { inner(reading, &[]) } else { Vec::new() };
            all.extend(inner);
            next += 1;
        }
        Self { all, escapes: OnceCell::new() }
    }

    /// What of the body something else takes the place of, in order and apart from each other.
    pub(super) fn found(&self, finder: &dyn Finder) -> Vec<Replacement> {
        // Of the same place the last one counts: what is surely meant, and is escaped most.
        let (certain, guessed): (Vec<_>, Vec<_>) = self.all.iter().partition(|reading| reading.is_certain);
        let mut found = Vec::new();
        for reading in guessed.into_iter().chain(certain) {
            for replacement in finder.find(&reading.text, &|place| reading.json().has_in_string(place)) {
                found.extend(self.in_body(reading, replacement, finder.is_strict()));
            }
        }
        apart(found)
    }

    /// The places where the body has what was found in a text of it, and what takes them: the first one
    /// all of it, the others nothing.
    fn in_body(&self, reading: &Reading<'_>, found: Replacement, is_strict: bool) -> Vec<Replacement> {
        let written = reading.written(&found.place);
        let whole = self.whole(&written);
        // A part of an escape is no text: what is matched beside it is found in what the string stands for.
        if whole != written && !is_strict && reading.json().has_in_string(&found.place) {
            return Vec::new();
        }
        let escape = |with: Vec<u8>, _| escaped(&String::from_utf8_lossy(&with)).into_bytes();
        let mut with = (0..reading.depth).fold(found.with, escape);
        let length = whole.iter().map(Range::len).sum();
        whole.into_iter().map(|place| Replacement { place, with: mem::take(&mut with), length }).collect()
    }

    /// Some places with all of each escape that has a part in them.
    fn whole(&self, places: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut whole = places.to_vec();
        for place in places {
            // What is put between two bytes may part them.
            let beside = usize::from(place.is_empty());
            for escape in self.escapes_in(place.start.saturating_sub(beside)..place.end + beside) {
                let written = self.all[escape.reading].written(&escape.meant);
                if is_cut(&written, places) {
                    whole.extend(written);
                }
            }
        }
        if whole.len() == places.len() { whole } else { united(whole) }
    }

    fn escapes_in(&self, place: Range<usize>) -> impl Iterator<Item = &Escape> {
        let escapes = self.escapes.get_or_init(|| self.outermost_escapes());
        let first = escapes.partition_point(|escape| escape.written.end <= place.start);
        escapes[first..].iter().take_while(move |escape| escape.written.start < place.end)
    }

    /// The escapes of the body, of those within one another the one that has the others.
    fn outermost_escapes(&self) -> Vec<Escape> {
        let certain = self.all.iter().enumerate().filter(|(_, reading)| reading.is_certain);
        let mut escapes: Vec<Escape> = certain
            .flat_map(|(number, reading)| {
                let escape = move |(meant, written)| Escape { written, reading: number, meant };
                reading.escapes().map(escape)
            })
            .collect();
        escapes.sort_by_key(|escape| (escape.written.start, Reverse(escape.written.end), Reverse(escape.reading)));
        let mut end = 0;
        escapes.retain(|escape| {
            let is_outermost = escape.written.start >= end;
            end = end.max(escape.written.end);
            is_outermost
        });
        escapes
    }
}

/// What the strings and the rest of a text stand for where they have escapes, but for the strings that
/// begin at some places.
fn inner(reading: &Reading<'_>, but_for: &[usize]) -> Vec<Reading<'static>> {
    let is_escaped = |place: &Range<usize>| reading.text[place.clone()].contains(&b'\\');
    if !is_escaped(&(0..reading.text.len())) {
        return Vec::new();
    }
    let json = reading.json();
    let strings = json.strings.iter().filter(|string| is_escaped(string));
    let strings = strings.filter(|string| but_for.binary_search(&string.start).is_err());
    let decoded = strings.map(|string| reading.decoded(slice::from_ref(string)));
    let starts = iter::once(0).chain(json.values.iter().map(|value| value.end));
    let ends = json.values.iter().map(|value| value.start).chain([reading.text.len()]);
    let rest = starts.zip(ends).map(|(start, end)| start..end).filter(is_escaped);
    decoded.chain(rest.filter_map(|place| reading.guessed(&place))).collect()
}

/// Whether some places have a part of an escape, or what is put there parts it.
fn is_cut(escape: &[Range<usize>], places: &[Range<usize>]) -> bool {
    let has = |part: &Range<usize>| {
        let next = places.partition_point(|place| place.end < part.end);
        places.get(next).is_some_and(|place| place.start <= part.start)
    };
    let (Some(first), Some(last)) = (escape.first(), escape.last()) else { return false };
    let begins_before = places.last().is_some_and(|place| first.start < place.end);
    let ends_behind = places.first().is_some_and(|place| place.start < last.end);
    begins_before && ends_behind && !escape.iter().all(has)
}

/// Places in order and apart from each other that are what some are together.
fn united(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| (place.start, place.end));
    let mut united: Vec<Range<usize>> = Vec::new();
    for place in places {
        match united.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => united.push(place),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use regex::Regex;
    use serde_json::{Value, json};

    use crate::model::{End, Reply, events};
    use crate::record::Redactor;

    fn redactor(pattern: &str) -> Redactor {
        Redactor::new(["nsecret-of-mine"], [(pattern, "\"N\"\n")]).unwrap()
    }

    /// What is kept of a stream.
    fn kept(redactor: &Redactor, body: String) -> Bytes {
        let mut reply = Reply { status: 200, headers: vec![], body: body.into(), chunks: vec![], end: End::Complete };
        redactor.strike_reply(&mut reply);
        reply.body
    }

    /// The arguments that deltas of a call add up to.
    fn arguments(body: &[u8]) -> String {
        let data: Vec<Value> =
            events(body).0.iter().map(|event| serde_json::from_slice(&event.data).unwrap()).collect();
        let pieces = data.iter().map(|data| &data["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]);
        pieces.map(|piece| piece.as_str().unwrap()).collect()
    }

    /// An event whose delta has a piece of a call's arguments, as it is written in a string.
    fn event(piece: &str, end: &str) -> String {
        format!(
            r#"data: {{"choices":[{{"delta":{{"tool_calls":[{{"function":{{"arguments":"{piece}"}}}}]}}}}]}}{end}{end}"#
        )
    }

    /// A text as a string has it, the characters escaped that must be or that are to be.
    fn written(text: &str, mut escapes: impl Iterator<Item = bool>) -> String {
        let mut written = String::new();
        for character in text.chars() {
            match character {
                '\n' if escapes.next() == Some(true) => written += "\\n",
                '"' | '\\' if escapes.next() == Some(true) => written.extend(['\\', character]),
                '"' | '\\' | '\n' => written += &format!("\\u{:04X}", u32::from(character)),
                _ if escapes.next() != Some(true) => written.push(character),
                _ => written.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            }
        }
        written
    }

    #[test]
    fn an_escape_that_deltas_share_is_cut_by_none_of_them() {
        for (pattern, pieces, expected) in [
            // Each piece is written as it is: a backslash of the arguments is two of them.
            ("n?abc", [r#"{\"a\":\"x\\"#, r#"nabc\"}"#], [r#"{\"a\":\"x\\"#, r#"nN\"}"#]),
            ("[0-9]+", [r#"{\"a\":\"\\u04"#, r#"1012\"}"#], [r#"{\"a\":\"\\u04"#, r#"10N\"}"#]),
            ("[0-9]+", [r#"{\"a\":\"\\u0410 12"#, r#"34\"}"#], [r#"{\"a\":\"\\u0410 N"#, r#"\"}"#]),
            ("Zoë", [r#"{\"a\":\"Zo\\u"#, r#"00eb\"}"#], [r#"{\"a\":\"N"#, r#"\"}"#]),
            ("xyz[0-9]?", [r#"{\"b\":\"xyz\\ud8"#, r#"3d\\ude00\"}"#], [r#"{\"b\":\"N\\ud8"#, r#"3d\\ude00\"}"#]),
            ("😀", [r"\ud83d", r"\ude00!"], ["N", "!"]),
            ("Zo", [r"Zo\ud83d", r"\ude00!"], [r"N\ud83d", r"\ude00!"]),
            ("Zo", [r"Zo\ud83d", "!"], [r"N\ud83d", "!"]),
        ] {
            for end in ["\n", "\r\n", "\r"] {
                let body = pieces.map(|piece| event(piece, end)).concat();
                let redactor = Redactor::new([], [(pattern, "N")]).unwrap();
                let expected = expected.map(|piece| event(piece, end)).concat();
                assert_eq!(kept(&redactor, body), expected, "{pattern}");
            }
        }
    }

    #[test]
    fn a_credential_takes_an_escape_along_that_it_cuts() {
        let redactor = Redactor::new(["nsecret-of-mine"], []).unwrap();
        for (body, expected) in [
            (r#"["a\nsecret-of-mine"]"#, r#"["a[redacted]"]"#),
            (r#"["{\"a\":\"b\\nsecret-of-mine\"}"]"#, r#"["{\"a\":\"b[redacted]\"}"]"#),
            (r#"["a\\nsecret-of-mine"]"#, r#"["a\\[redacted]"]"#),
        ] {
            assert_eq!(redactor.strike(&Bytes::from(body)), expected);
        }
        let body = event(r#"{\"a\":\"b\\"#, "\n") + &event(r#"nsecret-of-mine\"}"#, "\n");
        assert_eq!(arguments(&kept(&redactor, body)), r#"{"a":"b[redacted]"}"#);
    }

    #[test]
    fn what_stands_in_data_of_several_lines_is_struck_and_the_lines_stay() {
        for end in ["\n", "\r\n", "\r"] {
            let event = |one: &str, other: &str| {
                let lines = [
                    "event: e",
                    "data: {\"a\": \"",
                    one,
                    "\",",
                    "data:\"choices\":[{\"delta\":{\"content\":\"",
                    other,
                    "\"}}]",
                    "data: }",
                    "id: 7",
                ];
                format!(
                    "{}{end}{}{}{}{end}{}{}{}{end}{}{end}{}{end}{end}",
                    lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], lines[6], lines[7], lines[8]
                )
            };
            let body = event(r"\u0410412", "Z") + &event("12", r"o\u00eb\n");
            let redactor = Redactor::new([], [("Zoë|[0-9]+", "\"N\"")]).unwrap();
            let expected = event(r#"\u0410\"N\""#, r#"\"N\""#) + &event(r#"\"N\""#, r"\n");
            let expected = expected.replace("id: 7", "id: \"N\"");
            assert_eq!(kept(&redactor, body), expected);
        }
    }

    #[test]
    fn what_is_long_is_read_in_no_more_than_a_few_times_its_length() {
        let nested = |text: String, times: usize| (0..times).fold(text, |text, _| json!([text]).to_string());
        let many = event(r"x\\n", "\n").repeat(2_000);
        for body in [
            nested("a\nb\"c\\".repeat(20_000), 2),
            "\\u005c".to_owned() + &"u005c".repeat(40_000),
            "\\".repeat(200_000),
            json!(vec!["a\n"; 20_000]).to_string(),
            "[\"\\n".repeat(50_000),
        ] {
            let readings = super::Readings::of(body.as_bytes(), false);
            let length: usize = readings.all.iter().map(|reading| reading.text.len()).sum();
            assert!(length <= body.len() * (super::DEPTH + 1), "{length}");
        }
        let readings = super::Readings::of(many.as_bytes(), true);
        assert!(readings.all.len() <= 4, "{}", readings.all.len());
    }

    proptest! {
        #[test]
        fn however_deltas_cut_json_what_is_named_is_struck_and_the_rest_stays(
            texts in prop::collection::vec("([nuxyz0-9d8e\"\n é😀Ж]|Zoë|nx|123|x\"y){0,12}", 1..4),
            escapes in prop::collection::vec(any::<bool>(), 64),
            cuts in prop::collection::vec(1..7_usize, 1..60),
        ) {
            let pattern = "Zoë|nx?y|[0-9]{2,}[de]?|😀\n|x\"y";
            let mut escapes = escapes.iter().copied().cycle();
            let named = texts.iter().zip("abc".chars());
            let member = |(text, name): (&String, char)| format!("\"{name}\": \"{}\"", written(text, &mut escapes));
            let members: Vec<_> = named.map(member).collect();
            let said = format!("{{{}}}", members.join(", "));
            let (mut rest, mut body) = (said.as_str(), String::new());
            for cut in cuts {
                let (piece, tail) = rest.split_at(rest.floor_char_boundary(cut.min(rest.len())));
                body += &event(&written(piece, &mut escapes), "\r\n");
                rest = tail;
            }
            body += &event(&written(rest, &mut escapes), "\n");
            prop_assert_eq!(arguments(body.as_bytes()), said);
            let kept = kept(&redactor(pattern), body.clone());
            let arguments: Value = serde_json::from_str(&arguments(&kept)).unwrap();
            let rule = Regex::new(pattern).unwrap();
            let mut has_all_stayed = true;
            for (text, name) in texts.iter().zip(["a", "b", "c"]) {
                let expected = rule.replace_all(text, "\"N\"\n");
                has_all_stayed &= expected == *text;
                prop_assert_eq!(arguments[name].as_str().unwrap(), expected);
            }
            prop_assert_eq!(has_all_stayed, kept == body);
        }

        #[test]
        fn json_stays_json_however_deep_a_match_stands(
            text in r#"([\[\]{}:,"\\nu0dé8x ]|"a":|\\u00e9|\\ud83d|\\"|\["|"\]|nx){0,24}"#,
            times in 0..4_usize,
            around in prop::bool::ANY,
        ) {
            let nested = |text: String| (0..times).fold(text, |text, time| {
                let json = json!({ "a": text, "b": [0] }).to_string();
                if around && time + 1 < times { format!("So:\n{json}\n\"or\" \\n") } else { json }
            });
            let body = nested(text.clone());
            let kept = redactor("nx|[08]+|[a-z]*é").strike(&Bytes::from(body.clone()));
            let is_json = |body: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
            prop_assert!(!is_json(body.as_bytes()) || is_json(&kept), "{} {:?}", body, kept);
            if !around && is_json(text.as_bytes()) {
                let mut kept = String::from_utf8(kept.to_vec()).unwrap();
                for _ in 0..times {
                    let outer: Value = serde_json::from_str(&kept).unwrap();
                    kept = outer["a"].as_str().unwrap().to_owned();
                }
                prop_assert!(is_json(kept.as_bytes()), "{} {}", text, kept);
            }
        }
    }
}
