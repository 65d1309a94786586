//! What the deltas of a stream add up to, where no event has all of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use crate::model::{Event, Members, events};

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
            }
        }
        Self { json, texts: texts.into_values().collect() }
    }
}

/// The pieces of each text of a stream, in order.
type Texts = BTreeMap<String, Vec<Range<usize>>>;

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
                self.value(&format!("{place}.{name}"), value, DEPTH);
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
                let index = members.number("index").map_or_else(String::new, |index| format!("[{index}]"));
                for (name, value) in members.0.iter().filter(|(name, _)| !LABELS.contains(&name.as_str())) {
                    self.value(&format!("{path}{index}.{name}"), value, depth);
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
    PLACES.iter().map(|name| members.get(name).map_or("", RawValue::get)).collect::<Vec<_>>().join(" ")
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
}
