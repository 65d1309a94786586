//! What is sent with a request beside it: what a gateway's own log is told, and what somebody else sent.

use std::fmt::Write as _;

use reqwest::header::HeaderValue;
use serde_json::{Map, Value, json};

use super::PassedOn;

/// The longest text of one entry, in characters: an id may be a whole cell of a table, and a
/// server refuses a header of that size.
const LONGEST: usize = 200;
/// The longest row's id and model's name within an item's text, so that neither cuts the other off.
const LONGEST_ROW: usize = 110;
const LONGEST_MODEL: usize = 70;

/// Which send of which item this is. A Cloudflare gateway keeps it in its log beside the request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tag {
    /// The run's id.
    pub run: String,
    /// The item: its row, model and sample in one text.
    pub item: String,
    /// Which send of the item this is, from 1.
    pub attempt: u32,
    /// An id of this send alone, by which it is found in the gateway's log.
    pub event_id: String,
    /// What is passed on of whoever asks through us; nothing where nobody does.
    pub passed_on: PassedOn,
}

impl Tag {
    /// The text that names an item: `ROW MODEL #SAMPLE`, whole but for ids of unusual length.
    #[must_use]
    pub fn item(row_id: &str, model: &str, sample: u32) -> String {
        format!("{} {} #{sample}", cut(row_id, LONGEST_ROW), cut(model, LONGEST_MODEL))
    }

    /// The value of `cf-aig-metadata`: one JSON object of three entries and the job's own (five are
    /// allowed), in ASCII, since a header carries nothing else unharmed.
    pub(super) fn metadata(&self, own: &Map<String, Value>) -> HeaderValue {
        let mut entries = json!({
            "run": shortened(&self.run),
            "item": shortened(&self.item),
            "attempt": self.attempt,
        });
        for (name, value) in own {
            entries[name.as_str()] = value.clone();
        }
        HeaderValue::from_str(&ascii(&entries.to_string())).expect("escaped JSON is graphic ASCII and blanks alone")
    }

    /// The value of `cf-aig-event-id`; what no id should have in it becomes `_`.
    pub(super) fn event_id(&self) -> HeaderValue {
        let id: String =
            self.event_id.chars().take(LONGEST).map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
        HeaderValue::from_str(&id).expect("graphic ASCII characters are a header value")
    }
}

fn shortened(text: &str) -> String {
    cut(text, LONGEST)
}

/// At most so many characters; where there are more, the last one says so.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// JSON with everything outside of printable ASCII as `\u` escapes. `serde_json` has escaped the
/// control characters already, but for U+007F.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, ' '..='~') {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(escaped, "\\u{unit:04x}").expect("writing into a string does not fail");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_ascii_and_reads_back_as_it_was() {
        let tag = Tag {
            run: "nächtlich".to_owned(),
            item: "a\"b\\\n\u{7f}😀".to_owned(),
            attempt: 2,
            event_id: "01 é".to_owned(),
            ..Tag::default()
        };
        let own = json!({"team": "Grün", "night": true, "shift": 2}).as_object().unwrap().clone();
        let header = tag.metadata(&own);
        let text = header.to_str().unwrap();
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let expected =
            json!({"run": tag.run, "item": tag.item, "attempt": 2, "team": "Grün", "night": true, "shift": 2});
        assert_eq!(value, expected);
        assert_eq!(tag.event_id(), "01__");
    }

    #[test]
    fn a_huge_id_is_cut() {
        let tag = Tag { item: "x".repeat(10_000_000), ..Tag::default() };
        assert!(tag.metadata(&Map::new()).len() < 400);
    }

    #[test]
    fn an_item_is_named_by_row_model_and_sample_however_long_they_are() {
        assert_eq!(Tag::item("q17", "openai/gpt-5-mini", 2), "q17 openai/gpt-5-mini #2");
        let long = Tag::item(&"é".repeat(10_000), &"m".repeat(10_000), u32::MAX);
        assert!(long.contains("… mmm") && long.ends_with("m… #4294967295"), "{long}");
        assert!(long.chars().count() <= LONGEST);
    }
}
