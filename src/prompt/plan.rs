//! A body with gaps.

use std::path::Path;

use serde_json::Value;

use super::PromptError;
use super::templates::{TemplateId, Templates};
use crate::job::{MessageSpec, RequestSpec};
use crate::model::Endpoint;

/// A body with gaps for the model and for what templates render.
#[derive(Debug)]
pub(super) struct Plan {
    /// The body; where there are turns, what stands before the first.
    pub(super) head: Vec<Piece>,
    /// The user's message of each turn; none where there is one step alone.
    pub(super) turns: Vec<Vec<Piece>>,
    /// What stands behind the last turn.
    pub(super) tail: Vec<Piece>,
}

/// A part of a body.
#[derive(Debug)]
pub(super) enum Piece {
    /// These bytes.
    Raw(Vec<u8>),
    /// What the template renders, as a JSON string.
    Text(TemplateId),
    /// The model, as a JSON string.
    Model,
}

/// Writes pieces, and compiles the templates on the way.
struct Writer<'a> {
    templates: &'a mut Templates,
    job: &'a Path,
    pieces: Vec<Piece>,
}

impl Plan {
    /// The plan of a request's body; `None` where the request has no template.
    pub(super) fn new(
        request: &RequestSpec,
        templates: &mut Templates,
        job: &Path,
    ) -> Result<Option<Self>, PromptError> {
        if request.prompt.is_none() && request.messages.is_none() && request.turns.is_none() {
            return Ok(None);
        }
        let mut writer = Writer { templates, job, pieces: Vec::new() };
        writer.raw(b"{\"model\":");
        writer.pieces.push(Piece::Model);
        let turns = writer.asked(request)?;
        let head = if request.turns.is_some() { std::mem::take(&mut writer.pieces) } else { Vec::new() };
        writer.close(request)?;
        let rest = writer.pieces;
        let (head, tail) = if request.turns.is_some() { (head, rest) } else { (rest, Vec::new()) };
        Ok(Some(Self { head, turns, tail }))
    }
}

impl Writer<'_> {
    fn raw(&mut self, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Raw(raw)) => raw.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Raw(bytes.to_owned())),
        }
    }

    fn json(&mut self, value: &Value) {
        self.raw(value.to_string().as_bytes());
    }

    /// A string; a template where it has one of the marks.
    fn text(&mut self, key: &str, text: &str, marks: &[&str]) -> Result<(), PromptError> {
        if marks.iter().any(|mark| text.contains(mark)) {
            let template = self.templates.add(key, text, self.job)?;
            self.pieces.push(Piece::Text(template));
        } else {
            self.json(&Value::String(text.to_owned()));
        }
        Ok(())
    }

    fn prompt(&mut self, key: &str, text: &str) -> Result<(), PromptError> {
        self.text(key, text, &["{{", "{%", "{#"])
    }

    /// Any value, in which every string may be a template.
    fn value(&mut self, key: &str, value: &Value) -> Result<(), PromptError> {
        match value {
            // A `{#` alone is no comment here: schemas and patterns have it too.
            Value::String(text) => self.text(key, text, &["{{", "{%"]),
            Value::Array(items) => {
                self.raw(b"[");
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.value(&format!("{key}[{index}]"), item)?;
                }
                self.raw(b"]");
                Ok(())
            }
            Value::Object(members) => {
                self.raw(b"{");
                for (index, (name, member)) in members.iter().enumerate() {
                    self.comma(index);
                    self.member(key, name, member)?;
                }
                self.raw(b"}");
                Ok(())
            }
            other => {
                self.json(other);
                Ok(())
            }
        }
    }

    fn member(&mut self, key: &str, name: &str, value: &Value) -> Result<(), PromptError> {
        self.json(&Value::String(name.to_owned()));
        self.raw(b":");
        self.value(&format!("{key}.{name}"), value)
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.raw(b",");
        }
    }

    /// What is asked, in the endpoint's own field: all of it, or of a conversation what stands
    /// before its first turn, with the turns.
    fn asked(&mut self, request: &RequestSpec) -> Result<Vec<Vec<Piece>>, PromptError> {
        match request.endpoint {
            Endpoint::ChatCompletions => {
                self.raw(b",\"messages\":");
                self.messages(request, request.system.as_deref())
            }
            Endpoint::Messages => {
                self.system("system", request)?;
                self.raw(b",\"messages\":");
                self.messages(request, None)
            }
            Endpoint::Responses => {
                self.system("instructions", request)?;
                self.raw(b",\"input\":");
                self.input(request)
            }
            Endpoint::Completions => {
                self.raw(b",\"prompt\":");
                self.input(request)
            }
            Endpoint::Embeddings => {
                self.raw(b",\"input\":");
                self.input(request)
            }
            Endpoint::Models => Ok(Vec::new()),
        }
    }

    /// One text where there is one, else messages.
    fn input(&mut self, request: &RequestSpec) -> Result<Vec<Vec<Piece>>, PromptError> {
        match &request.prompt {
            Some(prompt) => self.prompt("request.prompt", prompt).map(|()| Vec::new()),
            None => self.messages(request, None),
        }
    }

    fn system(&mut self, field: &str, request: &RequestSpec) -> Result<(), PromptError> {
        let Some(system) = &request.system else { return Ok(()) };
        self.raw(format!(",\"{field}\":").as_bytes());
        self.prompt("request.system", system)
    }

    fn messages(&mut self, request: &RequestSpec, system: Option<&str>) -> Result<Vec<Vec<Piece>>, PromptError> {
        self.raw(b"[");
        if let Some(system) = system {
            self.message("request.system", "system", system)?;
            self.raw(b",");
        }
        if let Some(turns) = &request.turns {
            return self.turns(turns);
        }
        for (index, message) in request.messages.iter().flatten().enumerate() {
            self.comma(index);
            self.given_message(index, message)?;
        }
        if let Some(prompt) = &request.prompt {
            self.message("request.prompt", "user", prompt)?;
        }
        self.raw(b"]");
        Ok(Vec::new())
    }

    fn message(&mut self, key: &str, role: &str, content: &str) -> Result<(), PromptError> {
        self.raw(format!("{{\"role\":\"{role}\",\"content\":").as_bytes());
        self.prompt(key, content)?;
        self.raw(b"}");
        Ok(())
    }

    fn given_message(&mut self, index: usize, message: &MessageSpec) -> Result<(), PromptError> {
        let key = format!("request.messages[{index}].content");
        if let Value::String(content) = &message.content {
            return self.message(&key, &message.role, content);
        }
        self.raw(format!("{{\"role\":\"{}\",\"content\":", message.role).as_bytes());
        self.value(&key, &message.content)?;
        self.raw(b"}");
        Ok(())
    }

    fn turns(&mut self, turns: &[String]) -> Result<Vec<Vec<Piece>>, PromptError> {
        let before = std::mem::take(&mut self.pieces);
        let mut messages = Vec::new();
        for (index, turn) in turns.iter().enumerate() {
            self.message(&format!("request.turns[{index}]"), "user", turn)?;
            messages.push(std::mem::take(&mut self.pieces));
        }
        self.pieces = before;
        Ok(messages)
    }

    /// The end of the list that turns leave open, the further fields, and the end of the body.
    fn close(&mut self, request: &RequestSpec) -> Result<(), PromptError> {
        if request.turns.is_some() {
            self.raw(b"]");
        }
        for (name, value) in &request.params {
            self.raw(b",");
            self.member("request.params", name, value)?;
        }
        if request.stream {
            self.raw(b",\"stream\":true");
        }
        self.raw(b"}");
        Ok(())
    }
}
