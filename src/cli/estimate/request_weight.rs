//! How large a request is for a tokenizer.

use serde_json::{Map, Value};

/// Bytes that stand for what a chat adds to each message: about four tokens.
const MESSAGE_BYTES: u64 = 16;
/// Bytes that stand for a number, as in a prompt that is a list of tokens.
const NUMBER_BYTES: u64 = 4;
/// The members of a body that a model reads as text.
const PROMPTS: [&str; 5] = ["messages", "input", "prompt", "system", "instructions"];
/// The members of a body that a model reads as JSON.
const SCHEMAS: [&str; 3] = ["tools", "functions", "response_format"];
/// The members that limit an answer.
const LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
/// The members of a message whose strings are no text.
const NO_TEXT: [&str; 6] = ["type", "role", "id", "detail", "media_type", "cache_control"];
/// The members of a message that are images, sounds or files.
const ATTACHMENTS: [&str; 3] = ["image_url", "input_audio", "video_url"];
/// The members of a message that are files where they are objects.
const FILES: [&str; 2] = ["file", "source"];

/// How large a request is for a tokenizer, and how long its answer may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RequestWeight {
    /// Bytes of its text, and what stands for the frame of each message.
    pub(super) bytes: u64,
    /// Images, sounds and files, whose tokens nobody can tell from here.
    pub(super) attachments: u64,
    /// The most tokens of an answer.
    pub(super) token_limit: Option<u64>,
    /// How many answers it asks for at once.
    pub(super) choices: u64,
}

impl RequestWeight {
    /// The weight of a body. One that is no JSON object counts by its length.
    pub(super) fn of(body: &[u8]) -> Self {
        let Ok(members) = serde_json::from_slice::<Map<String, Value>>(body) else {
            return Self { bytes: length(body), choices: 1, ..Self::default() };
        };
        let limits = LIMITS.iter().filter_map(|name| members.get(*name)?.as_u64());
        let choices = members.get("n").and_then(Value::as_u64).unwrap_or(1).max(1);
        let mut weight = Self { token_limit: limits.min(), choices, ..Self::default() };
        for (name, value) in &members {
            if PROMPTS.contains(&name.as_str()) {
                weight.bytes += MESSAGE_BYTES * messages(name, value);
                weight.add(value);
            } else if SCHEMAS.contains(&name.as_str()) {
                weight.bytes += length(value.to_string().as_bytes());
            }
        }
        weight
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) if is_data_url(text) => self.attachments += 1,
            Value::String(text) => self.bytes += length(text.as_bytes()),
            Value::Number(_) => self.bytes += NUMBER_BYTES,
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.iter().for_each(|(name, member)| self.add_member(name, member)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_member(&mut self, name: &str, member: &Value) {
        let is_file = FILES.contains(&name) && member.is_object();
        if is_file || ATTACHMENTS.contains(&name) {
            self.attachments += 1;
        } else if !NO_TEXT.contains(&name) {
            self.add(member);
        }
    }
}

/// How many messages a member of a body is.
fn messages(name: &str, value: &Value) -> u64 {
    match (name, value) {
        ("messages" | "input", Value::Array(items)) => items.iter().filter(|item| item.is_object()).count() as u64,
        ("system" | "instructions", _) => 1,
        _ => 0,
    }
}

fn is_data_url(text: &str) -> bool {
    text.starts_with("data:") && text.split(',').next().is_some_and(|head| head.ends_with(";base64"))
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(body: &str) -> RequestWeight {
        RequestWeight::of(body.as_bytes())
    }

    #[test]
    fn text_counts_by_its_bytes_and_each_message_for_its_frame() {
        for (body, bytes) in [
            (r#"{"model":"m","messages":[{"role":"user","content":"12345678"}]}"#, 24),
            (r#"{"messages":[{"role":"user","content":[{"type":"text","text":"1234"}]}]}"#, 20),
            (r#"{"system":"1234","messages":[{"role":"user","content":"é"}]}"#, 38),
            (r#"{"input":"1234"}"#, 4),
            (r#"{"input":[1,2,3]}"#, 12),
            (r#"{"prompt":["12","34"],"user":"nobody"}"#, 4),
            (r#"{"tools":[{"a":1}]}"#, 9),
            ("no object", 9),
        ] {
            assert_eq!(weight(body).bytes, bytes, "{body}");
        }
    }

    #[test]
    fn attachments_are_counted_and_not_weighed() {
        let body = r#"{"messages":[{"role":"user","content":[
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
            {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},
            {"type":"image","source":{"type":"base64","data":"AAAA"}},
            {"type":"text","text":"data:text/plain;base64,AAAA"}]}]}"#;
        assert_eq!((weight(body).bytes, weight(body).attachments), (16, 4));
    }

    #[test]
    fn an_answer_is_limited_by_the_least_limit() {
        let both = weight(r#"{"max_tokens":9,"max_completion_tokens":5,"n":3}"#);
        assert_eq!((both.token_limit, both.choices), (Some(5), 3));
        let none = weight(r#"{"max_tokens":"9","n":0}"#);
        assert_eq!((none.token_limit, none.choices), (None, 1));
    }
}
