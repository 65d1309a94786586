//! A body as people and programs read it.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::terminal_text::lines;

/// How deep JSON may be nested to be laid out over lines; the deeper, the wider its indents.
const DEPTH: usize = 64;
/// What a level is indented by.
const INDENT: &str = "  ";

/// A body for people: JSON over several lines, anything else as it is; fit for a terminal.
pub(super) fn text(body: &[u8]) -> String {
    let laid_out = json(body).and_then(|json| layout(json.get()));
    let mut text = lines(laid_out.as_deref().map_or(body, str::as_bytes));
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A body for programs: JSON as it is, anything else as a string.
pub(super) struct Body<'a>(pub(super) &'a [u8]);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match json(self.0) {
            Some(json) => json.serialize(serializer),
            None => serializer.serialize_str(&String::from_utf8_lossy(self.0)),
        }
    }
}

fn json(body: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(body.trim_ascii()).ok()
}

/// Lays JSON out over lines. Numbers, strings and names stay as they are written, repeated names
/// too. `None` where it is nested too deep.
fn layout(json: &str) -> Option<String> {
    let mut layout = Layout { out: String::with_capacity(json.len() * 2), depth: 0 };
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => string_end(rest),
            _ => first.len_utf8(),
        };
        let (token, tail) = rest.split_at(end);
        rest = tail.trim_ascii_start();
        match first {
            '{' | '[' if rest.starts_with(['}', ']']) => layout.out.push_str(token),
            '{' | '[' => layout.open(token)?,
            '}' | ']' if layout.out.ends_with(['{', '[']) => layout.out.push_str(token),
            '}' | ']' => layout.close(token),
            ',' => layout.line(token),
            ':' => layout.out.push_str(": "),
            _ => layout.out.push_str(token),
        }
    }
    Some(layout.out)
}

/// Where the string that a text begins with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

struct Layout {
    out: String,
    depth: usize,
}

impl Layout {
    fn open(&mut self, token: &str) -> Option<()> {
        self.depth += 1;
        self.line(token);
        (self.depth <= DEPTH).then_some(())
    }

    fn close(&mut self, token: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line("");
        self.out.push_str(token);
    }

    fn line(&mut self, token: &str) {
        self.out.push_str(token);
        self.out.push('\n');
        self.out.push_str(&INDENT.repeat(self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_its_tokens_stay_as_they_are() {
        let body = br#" {"a":1.0e2,"a":[ ],"b":{"c":[18446744073709551616,"x \" { , : \\"],"d":{}},"e":null} "#;
        let expected = r#"{
  "a": 1.0e2,
  "a": [],
  "b": {
    "c": [
      18446744073709551616,
      "x \" { , : \\"
    ],
    "d": {}
  },
  "e": null
}
"#;
        assert_eq!(text(body), expected);
        assert_eq!(text(b"[\"[\"]"), "[\n  \"[\"\n]\n");
    }

    #[test]
    fn what_is_no_json_is_shown_as_it_is() {
        assert_eq!(text(b"<html>\r\n\x1b[1m"), "<html>\n\\u{1b}[1m\n");
        assert_eq!(text(b"\xff"), "\\xff\n");
        assert_eq!((text(b""), text(b"{\"a\"")), (String::new(), "{\"a\"\n".to_owned()));
    }

    #[test]
    fn json_that_is_nested_too_deep_stays_on_its_line() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(text(deep.as_bytes()).lines().count(), 1);
    }

    #[test]
    fn a_program_reads_json_as_json_and_the_rest_as_a_string() {
        let json = |body: &[u8]| serde_json::to_string(&Body(body)).unwrap();
        assert_eq!(json(b" {\"a\": 1.0} "), "{\"a\": 1.0}");
        assert_eq!(json(b"data: x\n\n"), "\"data: x\\n\\n\"");
        assert_eq!(json(b"\xff"), "\"\u{fffd}\"");
    }
}
