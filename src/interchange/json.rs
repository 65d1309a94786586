//! JSON documents, with the lines that their upper levels begin on.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::Members;

use super::node::{Content, Node};

/// So many levels know their lines: what holds the interactions, the list of them, and each.
const LEVELS: usize = 4;

/// Reads a text.
pub(super) fn document(text: &str) -> Result<Node, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(text)?;
    let mut reader = Reader { text, counted: 0, line: 1 };
    reader.node(raw, LEVELS)
}

struct Reader<'a> {
    text: &'a str,
    /// Up to where lines were counted.
    counted: usize,
    line: usize,
}

impl Reader<'_> {
    fn node(&mut self, raw: &RawValue, levels: usize) -> Result<Node, serde_json::Error> {
        let line = self.line_of(raw);
        let content = match raw.get().as_bytes() {
            [b'{', ..] if levels > 0 => {
                let members = Members::parse(raw.get().as_bytes())?.0;
                let members = members.into_iter().map(|(name, value)| Ok((name, self.node(value, levels - 1)?)));
                Content::Map(members.collect::<Result<_, serde_json::Error>>()?)
            }
            [b'[', ..] if levels > 0 => {
                let elements: Vec<&RawValue> = serde_json::from_str(raw.get())?;
                let elements = elements.into_iter().map(|element| self.node(element, levels - 1));
                Content::List(elements.collect::<Result<_, _>>()?)
            }
            _ => content(serde_json::from_str(raw.get())?, line),
        };
        Ok(Node { line, content })
    }

    /// The line that a value begins on. Values come in the order of the text.
    fn line_of(&mut self, raw: &RawValue) -> usize {
        let offset = raw.get().as_ptr() as usize - self.text.as_ptr() as usize;
        if let Some(between) = self.text.as_bytes().get(self.counted..offset) {
            self.line += between.split(|byte| *byte == b'\n').count() - 1;
            self.counted = offset;
        }
        self.line
    }
}

fn content(value: Value, line: usize) -> Content {
    let node = |value| Node { line, content: content(value, line) };
    match value {
        Value::Null => Content::Null,
        Value::Bool(value) => Content::Text { value: value.to_string(), plain: true },
        Value::Number(number) => Content::Text { value: number.to_string(), plain: true },
        Value::String(value) => Content::Text { value, plain: false },
        Value::Array(elements) => Content::List(elements.into_iter().map(node).collect()),
        Value::Object(members) => Content::Map(members.into_iter().map(|(name, value)| (name, node(value))).collect()),
    }
}

/// The JSON value that a node of [`document`] was.
pub(super) fn value(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Text { value, plain: true } => serde_json::from_str(value).unwrap_or_default(),
        Content::Text { value, .. } => Value::String(value.clone()),
        Content::Bytes(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Content::List(elements) => elements.iter().map(value).collect(),
        Content::Map(members) => members.iter().map(|(name, member)| (name.clone(), value(member))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_levels_know_their_lines() {
        let node = document("{\n \"log\": {\"entries\": [\n\n {\"a\": \"x\\n\",\n \"b\": 1}, [2]\n]}}").unwrap();
        let entries = node.get("log").and_then(|log| log.list_of("entries")).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(entries[0].get("b").unwrap().line, 5);
        assert_eq!(entries[0].text_of("a").unwrap(), "x\n");
        assert!(document("{\"a\": }").is_err());
    }
}
