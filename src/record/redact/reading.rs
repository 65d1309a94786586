//! A text that a body has, and where each part of it is written.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::{iter, slice};

use super::escape::{breaks_off, character};
use super::json::Json;

/// A text that a body has: its bytes, what a string of it stands for, or what several do together.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// The parts of the text in order, which is the one of the body too.
    parts: Vec<Part>,
    /// How often what stands in it is escaped in the body.
    pub(super) depth: usize,
    /// Whether it surely is what the body means: in what is no JSON, a backslash may be just that.
    pub(super) is_certain: bool,
    json: OnceCell<Json>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// Where it is in the text. An escape that is written in two places has a part for each.
    meant: Range<usize>,
    /// Where it is written in the body.
    written: Range<usize>,
    /// Whether it is written as an escape, which is to be taken whole. Else it is written as it is.
    is_escape: bool,
}

impl<'a> Reading<'a> {
    /// The bytes of a body, and the JSON that it has, where that is known.
    pub(super) fn of(body: &'a [u8], json: Option<Json>) -> Self {
        let parts = vec![Part { meant: 0..body.len(), written: 0..body.len(), is_escape: false }];
        let json = json.map_or_else(OnceCell::new, OnceCell::from);
        Self { text: body.into(), parts, depth: 0, is_certain: true, json }
    }

    /// Where the text has JSON.
    pub(super) fn json(&self) -> &Json {
        self.json.get_or_init(|| Json::of(&self.text))
    }

    /// What the strings that it has at some places stand for together. What is no escape stands for
    /// itself, and what is only a part of a character, for one that nobody knows.
    pub(super) fn decoded(&self, places: &[Range<usize>]) -> Reading<'static> {
        let mut strings = self.empty(self.depth);
        for place in places {
            strings.copy(self, place.clone());
        }
        let mut decoded = self.empty(self.depth + 1);
        let mut at = 0;
        while at < strings.text.len() {
            let rest = &strings.text[at..];
            let end = match (rest.iter().position(|byte| *byte == b'\\'), character(rest)) {
                (Some(0), Some((character, length))) => {
                    decoded.escape(&strings, at..at + length, character);
                    at += length;
                    continue;
                }
                (Some(0), None) if breaks_off(rest) => {
                    decoded.escape(&strings, at..strings.text.len(), char::REPLACEMENT_CHARACTER);
                    break;
                }
                (Some(0), None) => at + 1,
                (plain, _) => plain.map_or(strings.text.len(), |plain| at + plain),
            };
            decoded.copy(&strings, at..end);
            at = end;
        }
        decoded
    }

    /// The same, of a place that may or may not be of a string; `None` where it has no escape.
    pub(super) fn guessed(&self, place: &Range<usize>) -> Option<Reading<'static>> {
        let decoded = self.decoded(slice::from_ref(place));
        (*decoded.text != self.text[place.clone()]).then_some(Reading { is_certain: false, ..decoded })
    }

    fn empty(&self, depth: usize) -> Reading<'static> {
        let is_certain = self.is_certain;
        Reading { text: Cow::default(), parts: Vec::new(), depth, is_certain, json: OnceCell::new() }
    }

    /// Adds a part of another text.
    fn copy(&mut self, from: &Reading<'_>, place: Range<usize>) {
        let text = self.text.to_mut();
        let (base, start) = (text.len(), place.start);
        text.extend_from_slice(&from.text[place.clone()]);
        let moved = |part: Part| {
            let meant = part.meant.start - start + base..part.meant.end - start + base;
            Part { meant, ..part }
        };
        self.parts.extend(from.parts_of(&place).map(moved));
    }

    /// Adds what an escape at a place of another text stands for.
    fn escape(&mut self, from: &Reading<'_>, place: Range<usize>, character: char) {
        let text = self.text.to_mut();
        let start = text.len();
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        let meant = start..text.len();
        let part = |written| Part { meant: meant.clone(), written, is_escape: true };
        self.parts.extend(from.written(&place).into_iter().map(part));
    }

    /// Its parts, as far as they are in a place.
    fn parts_of(&self, place: &Range<usize>) -> impl Iterator<Item = Part> {
        let (start, end) = (place.start, place.end);
        let parts = self.parts[self.part_at(start)..].iter().take_while(move |part| part.meant.start < end);
        parts.map(move |part| if part.is_escape { part.clone() } else { part.within(start, end) })
    }

    /// Where a part of it is written, each escape as a whole.
    pub(super) fn written(&self, place: &Range<usize>) -> Vec<Range<usize>> {
        if place.is_empty() {
            let at = self.written_at(place.start);
            return iter::once(at..at).collect();
        }
        let mut written: Vec<Range<usize>> = Vec::new();
        for part in self.parts_of(place) {
            match written.last_mut() {
                Some(last) if last.end == part.written.start => last.end = part.written.end,
                _ => written.push(part.written),
            }
        }
        written
    }

    /// Where what begins at a place is written.
    fn written_at(&self, at: usize) -> usize {
        match self.parts.get(self.part_at(at)) {
            Some(part) if part.is_escape => part.written.start,
            Some(part) => part.written.start + at - part.meant.start,
            None => self.parts.last().map_or(0, |last| last.written.end),
        }
    }

    /// The first part that ends behind a place.
    fn part_at(&self, at: usize) -> usize {
        self.parts.partition_point(|part| part.meant.end <= at)
    }

    /// What its escapes stand for, and where they are written.
    pub(super) fn escapes(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        self.parts.iter().filter(|part| part.is_escape).map(|part| (part.meant.clone(), part.written.clone()))
    }
}

impl Part {
    /// What of it is between two places. It is no escape.
    fn within(&self, start: usize, end: usize) -> Self {
        let meant = self.meant.start.max(start)..self.meant.end.min(end);
        let base = self.written.start;
        let written = base + meant.start - self.meant.start..base + meant.end - self.meant.start;
        Self { meant, written, is_escape: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_text_is_where_the_body_writes_it() {
        let body = r#"{"a":"x\nyo\u00eb\ud83d\ude00z"}"#;
        let whole = Reading::of(body.as_bytes(), None);
        let decoded = whole.decoded(slice::from_ref(&whole.json().strings[1]));
        let written = |place: Range<usize>| {
            let written = decoded.written(&place);
            assert_eq!(written.len(), 1, "{place:?}");
            written[0].clone()
        };
        for (part, expected) in [
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
            assert_eq!(&body[written(start..start + part.len())], expected, "{part}");
        }
        let (start, end) = (body.find('x').unwrap(), body.find('z').unwrap() + 1);
        assert_eq!(written(0..0), start..start);
        assert_eq!(written(decoded.text.len()..decoded.text.len()), end..end);
    }

    #[test]
    fn an_escape_of_strings_that_are_one_is_in_each_place_where_a_part_of_it_is() {
        let body = r#"["x\ud8", "3d-\ude00\\", "ny"]"#;
        let whole = Reading::of(body.as_bytes(), None);
        // As pieces that cut an escape of theirs, and then as pieces of a string that has escapes itself.
        let deltas = whole.decoded(&[2..7, 11..13, 14..20]);
        assert_eq!((&*deltas.text, deltas.written(&(1..5))), ("x😀".as_bytes(), vec![3..7, 11..13, 14..20]));
        let string = whole.decoded(&[20..22, 26..28]);
        assert_eq!((&*string.text, string.depth), (&br"\ny"[..], 1));
        let text = string.decoded(slice::from_ref(&(0..3)));
        assert_eq!((&*text.text, text.depth), (&b"\ny"[..], 2));
        for (place, expected) in [(0..1, [20..22, 26..27]), (0..2, [20..22, 26..28])] {
            assert_eq!(text.written(&place), expected, "{place:?}");
        }
        assert_eq!(text.escapes().collect::<Vec<_>>(), [(0..1, 20..22), (0..1, 26..27)]);
    }

    #[test]
    fn what_is_guessed_has_an_escape() {
        for (text, expected) in
            [(r"a\tb\x\u00eb", Some("a\tb\\xë")), (r"C:\dir", None), ("plain", None), (r"\ud83d!", Some("\u{fffd}!"))]
        {
            let guessed = Reading::of(text.as_bytes(), None).guessed(&(0..text.len()));
            assert_eq!(guessed.as_ref().map(|guessed| str::from_utf8(&guessed.text).unwrap()), expected, "{text}");
        }
    }
}
