//! What the deltas of a stream add up to, where no event has all of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use crate::model::{Event, Members, events};

use super::closed::closed;
use super::json::Json;

/// How deep an event is looked into.
const DEPTH: usize = 16;
/// Texts of a delta that say what it is, and that every delta repeats.
const LABELS: [&str; 7] = ["role", "type", "id", "name", "format", "finish_reason", "native_finish_reason"];
/// What tells one text of a stream from another beside its path.
const PLACES: [&str; 6] = ["type", "item_id", "index", "output_index", "content_index", "summary_index"];

/// The strings of a stream of events.
#[derive(Debug)]
pub(super) struct Stream {
    /// The JSON of its events.
    pub(super) json: Json,
    /// The places of the pieces of each text that its deltas add up to, without their quotes, in order.
    pub(super) texts: Vec<Vec<Range<usize>>>,
}

impl Stream {
    /// What a body has of them.
    pub(super) fn of(body: &[u8]) -> Self {
        let (mut json, mut texts) = (Json::default(), Texts::new());
        for event in events(body).0 {
            let lines = Lines::of(&event, body);
            let Json { values, strings } = Json::of(&event.data);
            json.values.extend(values.iter().map(|value| lines.place(value)));
            json.strings.extend(strings.iter().map(|string| lines.place(string)));
            if let Ok(members) = Members::parse(&event.data) {
                Walk { data: &event.data, lines: &lines, texts: &mut texts }.event(&members);
            } else {
                add_cut(&mut texts, &event.data, &lines);
            }
        }
        Self { json, texts: texts.into_values().collect() }
    }
}

/// The pieces of each text of a stream, in order, by what tells that text from another, in lines.
type Texts = BTreeMap<String, Vec<Range<usize>>>;

/// Adds what came of an event that breaks off. It may not say whose text it has: then it is a piece of
/// each one that it may be of.
fn add_cut(texts: &mut Texts, data: &[u8], lines: &Lines) {
    let (data, mut cut) = (closed(data), Texts::new());
    let Ok(members) = Members::parse(&data) else { return };
    Walk { data: &data, lines, texts: &mut cut }.event(&members);
    for (path, pieces) in cut {
        let is_known = texts.contains_key(&path);
        let mut owners: Vec<_> =
            texts.iter_mut().filter(|(known, _)| !is_known && may_be(known, &path)).map(|(_, owner)| owner).collect();
        for owner in &mut owners {
            owner.extend_from_slice(&pieces);
        }
        if owners.is_empty() {
            texts.entry(path).or_default().extend(pieces);
        }
    }
}

/// Whether what tells a text may be what an event says that breaks off: of that, a line may not have come,
/// and of a string in it not all.
fn may_be(known: &str, cut: &str) -> bool {
    let may_be_line = |known: &str, cut: &str| {
        let begins = cut.strip_suffix('"').is_some_and(|beginning| known.starts_with(beginning));
        cut.is_empty() || known == cut || begins
    };
    known.split('\n').count() == cut.split('\n').count()
        && known.split('\n').zip(cut.split('\n')).all(|(known, cut)| may_be_line(known, cut))
}

/// Where the data of an event stand in the body.
struct Lines(Vec<Line>);

/// A line of an event's data.
struct Line {
    /// Where it begins in the data, and in the body.
    data: usize,
    body: usize,
}

impl Lines {
    fn of(event: &Event, body: &[u8]) -> Self {
        let mut data = 0;
        let line = |place: Range<usize>| {
            let line = Line { data, body: place.start };
            data += place.len() + 1;
            line
        };
        Self(event.data_places(body).into_iter().map(line).collect())
    }

    /// Where the body has a place of the data.
    fn place(&self, place: &Range<usize>) -> Range<usize> {
        self.at(place.start)..self.at(place.end)
    }

    fn at(&self, at: usize) -> usize {
        let line = self.0.partition_point(|line| line.data <= at).checked_sub(1).map(|last| &self.0[last]);
        line.map_or(at, |line| line.body + at - line.data)
    }
}

/// Finds the texts of one event's deltas.
struct Walk<'a> {
    data: &'a [u8],
    lines: &'a Lines,
    texts: &'a mut Texts,
}

impl Walk<'_> {
    fn event(&mut self, members: &Members<'_>) {
        let place = place_of(members);
        for name in ["choices", "delta"] {
            if let Some(value) = members.get(name) {
                self.value(&format!("{place}\n{name}"), value, DEPTH);
            }
        }
    }

    fn value(&mut self, path: &str, raw: &RawValue, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match raw.get().as_bytes().first() {
            Some(b'"') => self.text(path, raw),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
                for item in items {
                    self.value(path, item, depth);
                }
            }
            Some(b'{') => {
                let members = Members::of(raw);
                let index = members.number("index").map_or_else(String::new, |index| index.to_string());
                for (name, value) in members.0.iter().filter(|(name, _)| !LABELS.contains(&name.as_str())) {
                    self.value(&format!("{path}\n{index}\n{name}"), value, depth);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, path: &str, raw: &RawValue) {
        // A borrowed raw value is a part of the data, so its address says where.
        let start = raw.get().as_ptr() as usize - self.data.as_ptr() as usize;
        let piece = self.lines.place(&(start + 1..start + raw.get().len() - 1));
        self.texts.entry(path.to_owned()).or_default().push(piece);
    }
}

/// What an event says of whose text it carries.
fn place_of(members: &Members<'_>) -> String {
    PLACES.iter().map(|name| members.get(name).map_or("", RawValue::get)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use crate::model::{Chunk, End, Reply};
    use crate::record::Redactor;

    #[test]
    fn what_a_rule_names_is_struck_from_a_stream_where_its_events_escape_it() {
        let redactor = Redactor::new([], [("Zoë|\"4711\"", "N")]).unwrap();
        let lines = |lines: [&str; 3]| lines.map(|line| format!("data: {line}\n\n"));
        let events = lines([
            r#"{"model":"Zo\u00eb","choices":[{"index":0,"delta":{"content":"I am Z"}}]}"#,
            r#"{"model":"\u00eb","choices":[{"index":0,"delta":{"content":"o\u00eb!"}}]}"#,
            r#"{"type":"response.completed","text":"I am Zo\u00eb! \"4711\" \u00e9"}"#,
        ]);
        let chunks = (1..).zip(&events).map(|(offset_us, event)| Chunk { offset_us, length: event.len() }).collect();
        let mut reply =
            Reply { status: 200, headers: vec![], body: events.concat().into(), chunks, end: End::Complete };
        redactor.strike_reply(&mut reply);
        let expected = lines([
            r#"{"model":"N","choices":[{"index":0,"delta":{"content":"I am N"}}]}"#,
            r#"{"model":"\u00eb","choices":[{"index":0,"delta":{"content":"!"}}]}"#,
            r#"{"type":"response.completed","text":"I am N! N \u00e9"}"#,
        ]);
        assert_eq!(reply.body, expected.concat());
        let lengths: Vec<_> = reply.chunks.iter().map(|chunk| chunk.length).collect();
        assert_eq!(lengths, expected.map(|event| event.len()));
    }

    /// The two last events of a stream, each with where the text of its delta stands.
    fn split(form: &str, pieces: [&str; 2]) -> [(String, usize); 2] {
        let start = "data: ".len() + form.find('@').unwrap();
        pieces.map(|piece| (format!("data: {}\n\n", form.replace('@', piece)), start))
    }

    #[test]
    fn what_is_named_is_struck_wherever_the_last_delta_breaks_off() {
        const KEY: &str = "sk-or-v1-canary5d1f7c2e9b8a7766";
        let redactor = Redactor::new([KEY], [("TOP[A-F]{3,}|Zoë😀!", "N")]).unwrap();
        let forms = [
            r#"{"choices":[{"index":0,"delta":{"content":"@"}}]}"#,
            r#"{"id":"é","choices":[{"delta":{"content":"@"},"index":12}],"type":"c"}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"@"}}]}}]}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@"}}"#,
            r#"{"delta":{"partial_json":"@","type":"input_json_delta"},"index":10,"type":"content_block_delta"}"#,
            r#"{"type":"response.output_text.delta","item_id":"i.1","output_index":0,"delta":"@","x":null}"#,
            "{\"delta\":\"@\",\ndata: \"item_id\":\"i\",\"output_index\":10,\"type\":\"response.output_text.delta\"}",
        ];
        let said = [
            ["your key is ", "sk-or-", "v1-canary5d1f7c2e9b8a7766 and"],
            ["your key is ", "sk-or-v1-canar", "y5d1f7c2e9b8a7766 \\u00eb\\n"],
            ["a ", "TOP", "ABC \\ud83d\\ude00\\\" é and"],
            ["a ", "Zoë", "😀!\\\\😀 and"],
        ];
        for (form, [before, one, other]) in forms.into_iter().flat_map(|form| said.map(|said| (form, said))) {
            let [(first, start), (last, _)] = split(form, [&format!("{before}{one}"), other]);
            for cut in "data: {".len()..last.len() {
                let came = &last.as_bytes()[..cut];
                let body = [first.as_bytes(), came].concat();
                let mut reply =
                    Reply { status: 200, headers: vec![], body: body.clone().into(), chunks: vec![], end: End::Reset };
                redactor.strike_reply(&mut reply);
                let piece = came.get(start..).map_or(&b""[..], |rest| &rest[..rest.len().min(other.len())]);
                let joined = [one.as_bytes(), piece].concat();
                let struck = redactor.strike(&joined.clone().into());
                let expected = if struck == joined {
                    body
                } else {
                    let with = if struck.starts_with(b"N") { "N" } else { "[redacted]" };
                    let (_, rest) = struck.split_at(with.len());
                    let last = [&came[..start.min(cut)], rest, came.get(start + piece.len()..).unwrap_or_default()];
                    let (first, _) = &split(form, [&format!("{before}{with}"), ""])[0];
                    [first.as_bytes(), &last.concat()].concat()
                };
                let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
                assert_eq!(text(&reply.body), text(&expected), "{form} {cut}");
            }
        }
    }
}
