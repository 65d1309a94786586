//! The stream of `messages`.

use serde_json::value::RawValue;

use super::carried::Carried;
use super::growing::{Growing, Members};

/// The events of a message, put together.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The message without its blocks.
    message: Option<Growing>,
    blocks: Vec<Block>,
    /// Whether its last event has come.
    pub(super) stopped: bool,
}

#[derive(Debug)]
struct Block {
    index: u64,
    content: Growing,
    /// The JSON of a tool's input, as far as it has come.
    input: String,
}

/// Whether an event of this type belongs to a message.
pub(super) fn is_of_message(kind: &str) -> bool {
    kind.starts_with("message_") || kind.starts_with("content_block_") || kind == "ping"
}

impl Messages {
    /// Adds an event.
    pub(super) fn add(&mut self, kind: &str, event: &Members<'_>) -> Carried {
        let inner = |name: &str| event.get(name).map(Members::of);
        match kind {
            "message_start" => {
                for (name, value) in inner("message").into_iter().flat_map(|message| message.0) {
                    self.set(&name, value);
                }
                Carried::Nothing
            }
            "content_block_start" => self.start(event),
            "content_block_delta" => inner("delta").map_or(Carried::Nothing, |delta| self.grow(event, &delta)),
            "message_delta" => {
                for (name, value) in inner("delta").into_iter().flat_map(|delta| delta.0) {
                    self.set(&name, value);
                }
                // What the first usage has and the last one has not stays.
                for (name, value) in inner("usage").into_iter().flat_map(|usage| usage.0) {
                    let usage = self.message.get_or_insert_with(Growing::object).member("usage");
                    set_filled(usage, &name, value);
                }
                Carried::Nothing
            }
            "message_stop" => {
                self.stopped = true;
                Carried::Nothing
            }
            _ => Carried::Nothing,
        }
    }

    fn set(&mut self, name: &str, value: &RawValue) {
        set_filled(self.message.get_or_insert_with(Growing::object), name, value);
    }

    fn start(&mut self, event: &Members<'_>) -> Carried {
        let Some(block) = event.get("content_block").map(Growing::read) else { return Carried::Nothing };
        let has = |name: &str| block.get(name).is_some_and(Growing::is_filled);
        let carried = Carried::Answer.when(has("text") || has("name")).max(Carried::Reasoning.when(has("thinking")));
        self.block(event).content = block;
        carried
    }

    fn grow(&mut self, event: &Members<'_>, delta: &Members<'_>) -> Carried {
        let Block { content, input, .. } = self.block(event);
        let mut carried = Carried::Nothing;
        for (name, value) in &delta.0 {
            let value = Growing::read(value);
            carried = carried.max(match name.as_str() {
                "text" | "partial_json" => Carried::Answer.when(value.is_filled()),
                "thinking" => Carried::Reasoning.when(value.is_filled()),
                _ => Carried::Nothing,
            });
            match name.as_str() {
                "type" => {}
                "partial_json" => input.push_str(&value.text().unwrap_or_default()),
                "citation" => content.grow("citations", Growing::List(vec![value])),
                _ => content.grow(name, value),
            }
        }
        carried
    }

    fn block(&mut self, event: &Members<'_>) -> &mut Block {
        let index = event.number("index").unwrap_or(0);
        let at = self.blocks.partition_point(|block| block.index < index);
        if self.blocks.get(at).is_none_or(|block| block.index != index) {
            self.blocks.insert(at, Block { index, content: Growing::object(), input: String::new() });
        }
        &mut self.blocks[at]
    }

    /// Whether the message says why it ended.
    pub(super) fn is_finished(&self) -> bool {
        let message = self.message.as_ref();
        message.and_then(|message| message.get("stop_reason")).is_some_and(Growing::is_filled)
    }

    /// The body that holds all of it.
    pub(super) fn into_body(self) -> Growing {
        let mut message = self.message.unwrap_or(Growing::object());
        message.set("content", Growing::List(self.blocks.into_iter().map(Block::whole).collect()));
        message
    }
}

impl Block {
    /// The block with its input. An input that broke off half-way is no JSON, and stays a text.
    fn whole(mut self) -> Growing {
        if !self.input.trim().is_empty() {
            let input = serde_json::from_str::<&RawValue>(&self.input).map(|input| Growing::Other(input.to_owned()));
            self.content.set("input", input.unwrap_or_else(|_| Growing::Text(self.input.into_bytes())));
        }
        self.content
    }
}

fn set_filled(object: &mut Growing, name: &str, value: &RawValue) {
    let value = Growing::read(value);
    if !value.is_null() || object.get(name).is_none() {
        object.set(name, value);
    }
}
