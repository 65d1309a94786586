//! Striking what the deltas of a stream add up to, where no event has all of it.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::model::{Event, Members, events, text_bytes, with_data};

use super::replacement::Replacement;
use super::{Edit, Redactor};

/// How deep an event is looked into.
const DEPTH: usize = 16;
/// Texts of a delta that say what it is, and that every delta repeats.
const LABELS: [&str; 7] = ["role", "type", "id", "name", "format", "finish_reason", "native_finish_reason"];
/// What tells one text of a stream from another beside its path.
const PLACES: [&str; 6] = ["type", "item_id", "index", "output_index", "content_index", "summary_index"];

/// A text of a delta.
#[derive(Debug)]
struct Piece {
    /// Which event it stands in.
    event: usize,
    /// Where in the event's data its JSON string stands.
    place: Range<usize>,
    text: Vec<u8>,
    changed: bool,
}

/// The pieces of each text of a stream, in order.
type Texts = BTreeMap<String, Vec<Piece>>;

impl Redactor {
    /// A stream whose deltas add up to nothing that must not be kept, and where it differs; `None`
    /// where it does not.
    pub(super) fn strike_stream(&self, body: &Bytes) -> Option<(Bytes, Vec<Edit>)> {
        let (events, _) = events(body);
        let mut texts = Texts::new();
        for (number, event) in events.iter().enumerate() {
            if let Ok(members) = Members::parse(&event.data) {
                Walk { event: number, data: &event.data, texts: &mut texts }.event(&members);
            }
        }
        for pieces in texts.values_mut() {
            for finder in self.finders() {
                let replacements = finder.in_text(&joined(pieces));
                strike(pieces, &replacements);
            }
        }
        let mut changed: BTreeMap<usize, Vec<&Piece>> = BTreeMap::new();
        for piece in texts.values().flatten().filter(|piece| piece.changed) {
            changed.entry(piece.event).or_default().push(piece);
        }
        (!changed.is_empty()).then(|| rewritten(body, &events, changed))
    }
}

fn joined(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.text.iter().copied()).collect()
}

/// Puts what takes a match's place where the match begins, and takes the rest of it out of the
/// pieces that follow.
fn strike(pieces: &mut [Piece], replacements: &[Replacement]) {
    let mut start = 0;
    let mut replacements = replacements.iter().peekable();
    for piece in pieces {
        let end = start + piece.text.len();
        let (mut text, mut at) = (Vec::new(), start);
        while let Some(Replacement { place: range, with }) =
            replacements.peek().filter(|replacement| replacement.place.start < end)
        {
            piece.changed = true;
            text.extend_from_slice(&piece.text[at.min(range.start).max(start) - start..range.start.max(at) - start]);
            if range.start >= start {
                text.extend_from_slice(with);
            }
            at = range.end.min(end).max(at);
            if range.end > end {
                break;
            }
            replacements.next();
        }
        text.extend_from_slice(&piece.text[at - start..]);
        piece.text = text;
        start = end;
    }
}

/// The stream with the texts of some events changed.
fn rewritten(body: &Bytes, events: &[Event], changed: BTreeMap<usize, Vec<&Piece>>) -> (Bytes, Vec<Edit>) {
    let (mut out, mut edits, mut copied) = (Vec::with_capacity(body.len()), Vec::new(), 0);
    for (number, mut pieces) in changed {
        let event = &events[number];
        pieces.sort_by_key(|piece| piece.place.start);
        let (mut data, mut from) = (Vec::with_capacity(event.data.len()), 0);
        for piece in pieces {
            data.extend_from_slice(&event.data[from..piece.place.start]);
            let text = String::from_utf8_lossy(&piece.text);
            serde_json::to_writer(&mut data, &text).expect("a string is JSON, and memory takes it");
            from = piece.place.end;
        }
        data.extend_from_slice(&event.data[from..]);
        out.extend_from_slice(&body[copied..event.start]);
        let event_text = with_data(&body[event.start..event.end], &data);
        edits.push(Edit { start: event.start, end: event.end, length: event_text.len() });
        out.extend_from_slice(&event_text);
        copied = event.end;
    }
    out.extend_from_slice(&body[copied..]);
    (out.into(), edits)
}

/// Finds the texts of one event's deltas.
struct Walk<'a> {
    event: usize,
    data: &'a [u8],
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
        let Some(text) = text_bytes(raw) else { return };
        // A borrowed raw value is a part of the data, so its address says where.
        let start = raw.get().as_ptr() as usize - self.data.as_ptr() as usize;
        let place = start..start + raw.get().len();
        let piece = Piece { event: self.event, place, text, changed: false };
        self.texts.entry(path.to_owned()).or_default().push(piece);
    }
}

/// What an event says of whose text it carries.
fn place_of(members: &Members<'_>) -> String {
    PLACES.iter().map(|name| members.get(name).map_or("", RawValue::get)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chunk, End, Reply};

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
