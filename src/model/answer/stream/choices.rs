//! The streams of `chat/completions` and `completions`.

use serde_json::value::RawValue;

use super::carried::Carried;
use super::growing::{Growing, Members};

/// The chunks of a stream of choices, put together.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// What stands beside the choices.
    top: Option<Growing>,
    list: Vec<Choice>,
    usage: Option<Growing>,
}

#[derive(Debug)]
struct Choice {
    index: u64,
    members: Growing,
}

impl Choices {
    /// Adds a chunk. Usage may come with any chunk; the last one counts.
    pub(super) fn add(&mut self, Members(members): Members<'_>) -> Carried {
        let mut carried = Carried::Nothing;
        for (name, value) in members {
            match name.as_str() {
                "choices" => carried = carried.max(self.add_choices(value)),
                "usage" => {
                    let usage = Growing::read(value);
                    self.usage = Some(usage).filter(|usage| !usage.is_null()).or(self.usage.take());
                }
                "error" => {}
                _ => self.add_top(&name, value),
            }
        }
        carried
    }

    fn add_top(&mut self, name: &str, value: &RawValue) {
        let top = self.top.get_or_insert_with(Growing::object);
        // Chunks repeat them.
        if !top.get(name).is_some_and(Growing::is_filled) {
            let value = Growing::read(value);
            let is_chunk = name == "object" && value.text().as_deref() == Some("chat.completion.chunk");
            top.grow(name, if is_chunk { Growing::Text(b"chat.completion".to_vec()) } else { value });
        }
    }

    fn add_choices(&mut self, list: &RawValue) -> Carried {
        let list: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
        list.into_iter().map(|choice| self.add_choice(Members::of(choice))).max().unwrap_or_default()
    }

    fn add_choice(&mut self, members: Members<'_>) -> Carried {
        let index = members.number("index").unwrap_or(0);
        let at = self.list.partition_point(|choice| choice.index < index);
        if self.list.get(at).is_none_or(|choice| choice.index != index) {
            self.list.insert(at, Choice { index, members: Growing::object() });
        }
        let choice = &mut self.list[at].members;
        let mut carried = Carried::Nothing;
        for (name, value) in members.0 {
            let value = Growing::read(value);
            match name.as_str() {
                // Some servers put a whole answer into one event.
                "delta" | "message" => {
                    carried = carried.max(Carried::by_message(&value));
                    choice.grow("message", value);
                }
                "finish_reason" | "native_finish_reason" if value.is_filled() => choice.set(&name, value),
                "text" => {
                    carried = carried.max(Carried::Answer.when(value.is_filled()));
                    choice.grow(&name, value);
                }
                _ => choice.grow(&name, value),
            }
        }
        carried
    }

    /// Whether every choice that came has ended.
    pub(super) fn is_finished(&self) -> bool {
        let finished = |choice: &Choice| choice.members.get("finish_reason").is_some_and(Growing::is_filled);
        !self.list.is_empty() && self.list.iter().all(finished)
    }

    /// Whether the choices have texts and no messages.
    pub(super) fn are_texts(&self) -> bool {
        self.list.first().is_some_and(|choice| choice.members.get("message").is_none())
    }

    /// The body that holds all of it.
    pub(super) fn into_body(self) -> Growing {
        let mut body = self.top.unwrap_or(Growing::object());
        let choices: Vec<Growing> = self.list.into_iter().map(|choice| choice.members).collect();
        body.set("choices", Growing::List(choices));
        if let Some(usage) = self.usage {
            body.set("usage", usage);
        }
        body
    }
}
