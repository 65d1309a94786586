//! JSON documents, with the lines that their upper levels begin on.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::Members;

use super::node::{Content, Node, Style};
use super::yaml::pointed_text;

/// So many levels know their lines: what holds the interactions, the list of them, and each.
const LEVELS: usize = 4;
/// Down to this level it is looked for which part of a value cannot be read.
const MOST_LEVELS: usize = 16;
/// Why a text is none that has bytes.
const HALF: &str = "half of a surrogate pair, which is no character";

/// Reads a text. What is JSON and yet stands for nothing, such as half of a surrogate pair, is a
/// value that cannot be read, and no reason to give up the others.
pub(super) fn document(text: &str) -> Result<Node, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(text)?;
    let mut reader = Reader { text, counted: 0, line: 1 };
    Ok(reader.node(raw, 0))
}

struct Reader<'a> {
    text: &'a str,
    /// Up to where lines were counted.
    counted: usize,
    line: usize,
}

impl Reader<'_> {
    fn node(&mut self, raw: &RawValue, level: usize) -> Node {
        let line = self.line_of(raw);
        let has_parts = raw.get().starts_with(['{', '[']) && level < MOST_LEVELS;
        if has_parts && level < LEVELS {
            return self.in_parts(raw, level, line);
        }
        match serde_json::from_str(raw.get()) {
            Ok(value) => Node { line, content: content(value, line) },
            Err(_) if has_parts => self.in_parts(raw, level, line),
            Err(error) => Node { line, content: self.unreadable(raw, &error) },
        }
    }

    fn in_parts(&mut self, raw: &RawValue, level: usize, line: usize) -> Node {
        let content = if raw.get().starts_with('{') {
            Members::parse(raw.get().as_bytes()).map(|members| {
                Content::map(members.0.into_iter().map(|(name, value)| (name, self.node(value, level + 1))))
            })
        } else {
            serde_json::from_str(raw.get()).map(|elements: Vec<&RawValue>| {
                Content::List(elements.into_iter().map(|element| self.node(element, level + 1)).collect())
            })
        };
        let content = content.unwrap_or_else(|error| self.unreadable(raw, &error));
        Node { line, content }
    }

    /// A value that is JSON and cannot be read, with the place of what is wrong with it.
    fn unreadable(&self, raw: &RawValue, error: &serde_json::Error) -> Content {
        let start = self.start_of(raw);
        let before = &self.text[..start];
        let column = if error.line() > 1 { 0 } else { start - before.rfind('\n').map_or(0, |end| end + 1) };
        let line = before.matches('\n').count() + error.line().max(1);
        let why = match error.to_string() {
            said if said.contains("hex escape") => HALF,
            said if said.contains("recursion") => "nested too deeply",
            said if said.contains("number out of range") => "a number out of range",
            _ => "no JSON that can be read",
        };
        let place = format!("line {line}, column {}: {why}", column + error.column());
        match raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) if why == HALF => Content::Halved { utf16: utf16(text), why: place },
            _ => Content::Broken(place),
        }
    }

    fn start_of(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr() as usize - self.text.as_ptr() as usize
    }

    /// The line that a value begins on. Values come in the order of the text.
    fn line_of(&mut self, raw: &RawValue) -> usize {
        let offset = self.start_of(raw);
        if let Some(between) = self.text.as_bytes().get(self.counted..offset) {
            self.line += between.split(|byte| *byte == b'\n').count() - 1;
            self.counted = offset;
        }
        self.line
    }
}

/// The UTF-16 of what stands between the quotes of a JSON string.
fn utf16(text: &str) -> Vec<u16> {
    let (mut units, mut rest) = (Vec::new(), text);
    while let Some((plain, escape)) = rest.split_once('\\') {
        units.extend(plain.encode_utf16());
        let (kind, behind) = escape.split_at(1);
        let (digits, after) = if kind == "u" { behind.split_at(4) } else { ("", behind) };
        units.push(match kind {
            "u" => u16::from_str_radix(digits, 16).expect("an escape has four digits: the text was parsed"),
            "b" => 0x08,
            "f" => 0x0c,
            "n" => 0x0a,
            "r" => 0x0d,
            "t" => 0x09,
            itself => u16::from(itself.as_bytes()[0]),
        });
        rest = after;
    }
    units.extend(rest.encode_utf16());
    units
}

fn content(value: Value, line: usize) -> Content {
    let node = |value| Node { line, content: content(value, line) };
    match value {
        Value::Null => Content::Null,
        Value::Bool(value) => Content::Text { value: value.to_string(), style: Style::Plain },
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            // Whoever asks what a plain scalar means knows the numbers of YAML.
            Content::Text { value: float.map_or_else(|| number.to_string(), pointed_text), style: Style::Plain }
        }
        Value::String(value) => Content::Text { value, style: Style::Quoted },
        Value::Array(elements) => Content::List(elements.into_iter().map(node).collect()),
        Value::Object(members) => Content::Map(members.into_iter().map(|(name, value)| (name, node(value))).collect()),
    }
}

/// The JSON value that a node of [`document`] was.
///
/// # Errors
/// Why a part of it cannot be read, and where.
pub(super) fn value(node: &Node) -> Result<Value, &str> {
    Ok(match &node.content {
        Content::Null => Value::Null,
        Content::Broken(why) | Content::Halved { why, .. } => return Err(why),
        Content::Text { value, style: Style::Plain } => {
            serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()))
        }
        Content::Text { value, .. } => Value::String(value.clone()),
        Content::Bytes(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Content::List(elements) => Value::Array(elements.iter().map(value).collect::<Result<_, _>>()?),
        Content::Map(members) => {
            let members = members.iter().map(|(name, member)| Ok((name.clone(), value(member)?)));
            Value::Object(members.collect::<Result<_, &str>>()?)
        }
    })
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

    #[test]
    fn what_cannot_be_read_is_told_by_its_place_and_leaves_the_rest() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (bad, why) in [
            ("\"x\\ud83d\"", "line 4, column 17: half of a surrogate pair, which is no character"),
            ("\"\\udc00\\ud83d\"", "line 4, column 15: half of a surrogate pair, which is no character"),
            ("1e999", "line 4, column 13: a number out of range"),
            ("{\"\\ud83d\": 1}", "line 4, column 17: half of a surrogate pair, which is no character"),
        ] {
            let text =
                format!("{{\"log\": {{\"entries\": [\n  {{\n   \"a\": 1,\n   \"b\": {bad},\n \"c\": \"good\"}}]}}}}");
            let node = document(&text).unwrap();
            let entry = &node.get("log").and_then(|log| log.list_of("entries")).unwrap()[0];
            let told = entry.get("b").unwrap().problem();
            assert_eq!(told, Some(why), "{bad}");
            assert_eq!((entry.text_of("b"), entry.text_of("c").unwrap().into_owned()), (None, "good".to_owned()));
            // Below the levels that are read one by one.
            let node =
                document(&format!("{{\"a\":{{\"a\":{{\"a\":{{\"a\":{{\"b\": {bad}, \"c\": 1}}}}}}}}}}")).unwrap();
            let inner = (0..4).fold(&node, |node, _| node.get("a").unwrap());
            assert!(inner.get("b").unwrap().problem().is_some_and(|why| why.starts_with("line 1, column ")), "{bad}");
            assert_eq!(inner.text_of("c").unwrap(), "1");
        }
        let node = document(&format!("{{\"a\": {deep}, \"b\": \"good\"}}")).unwrap();
        assert_eq!(node.text_of("b").unwrap(), "good");
    }
}
