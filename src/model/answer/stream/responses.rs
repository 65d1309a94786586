//! The stream of `responses`.

use serde_json::value::RawValue;

use super::carried::Carried;
use super::growing::{Growing, Members};

/// What the type of every event begins with.
pub(super) const PREFIX: &str = "response.";

/// The events of a response, put together.
#[derive(Debug, Default)]
pub(super) struct Responses {
    /// The response as the newest event has it that has it.
    response: Option<Box<RawValue>>,
    /// What is in `output`, by index.
    items: Vec<(u64, Growing)>,
    /// Whether the event came that holds the whole of it.
    pub(super) ended: bool,
}

impl Responses {
    /// Adds an event.
    pub(super) fn add(&mut self, kind: &str, event: &Members<'_>) -> Carried {
        if let Some(response) = event.get("response") {
            self.response = Some(response.to_owned());
        }
        match kind.strip_prefix(PREFIX).unwrap_or(kind) {
            "completed" | "incomplete" | "failed" | "cancelled" => {
                self.ended = true;
                Carried::Nothing
            }
            "output_item.added" => self.add_item(event),
            "output_item.done" => {
                let carried = self.add_item(event);
                // Deltas have told of it before, if there were any.
                carried.max(Carried::Answer.when(self.item(event).get("content").is_some_and(Growing::is_filled)))
            }
            kind => match kind.rsplit_once('.') {
                Some((part, "delta")) => self.add_delta(part, event),
                _ => Carried::Nothing,
            },
        }
    }

    fn add_item(&mut self, event: &Members<'_>) -> Carried {
        let Some(item) = event.get("item").map(Growing::read) else { return Carried::Nothing };
        let carried = Carried::Answer.when(item.get("name").is_some_and(Growing::is_filled));
        *self.item(event) = item;
        carried
    }

    fn add_delta(&mut self, part: &str, event: &Members<'_>) -> Carried {
        let Some(delta) = event.get("delta").map(Growing::read) else { return Carried::Nothing };
        let filled = delta.is_filled();
        let (list, index, kind, name) = match part {
            "output_text" => ("content", "content_index", "output_text", "text"),
            "refusal" => ("content", "content_index", "refusal", "refusal"),
            "reasoning_text" => ("content", "content_index", "reasoning_text", "text"),
            "reasoning_summary_text" => ("summary", "summary_index", "summary_text", "text"),
            _ if part.ends_with("_arguments") => {
                self.item(event).grow("arguments", delta);
                return Carried::Answer.when(filled);
            }
            _ => return Carried::Nothing,
        };
        let is_reasoning = part.starts_with("reasoning");
        let item = self.item(event);
        item.grow("type", Growing::Text(if is_reasoning { b"reasoning".to_vec() } else { b"message".to_vec() }));
        let index = event.number(index).unwrap_or(0);
        let piece = item.part(list, index);
        piece.grow("type", Growing::Text(kind.as_bytes().to_vec()));
        piece.grow(name, delta);
        if is_reasoning { Carried::Reasoning.when(filled) } else { Carried::Answer.when(filled) }
    }

    fn item(&mut self, event: &Members<'_>) -> &mut Growing {
        let index = event.number("output_index").unwrap_or(0);
        let at = self.items.partition_point(|(known, _)| *known < index);
        if self.items.get(at).is_none_or(|(known, _)| *known != index) {
            self.items.insert(at, (index, Growing::object()));
        }
        &mut self.items[at].1
    }

    /// The body that holds all of it: the response where it has its output, else with the items
    /// that came one by one.
    pub(super) fn into_body(self) -> Growing {
        let mut body = self.response.map_or_else(Growing::object, |response| Growing::read(&response));
        if !body.get("output").is_some_and(Growing::is_filled) {
            body.set("output", Growing::List(self.items.into_iter().map(|(_, item)| item).collect()));
        }
        body
    }
}

impl Growing {
    /// A part of one of an item's lists.
    fn part(&mut self, list: &str, index: u64) -> &mut Self {
        let list = self.member(list);
        if !matches!(list, Self::List(_)) {
            *list = Self::List(Vec::new());
        }
        let Self::List(parts) = list else { unreachable!("it has just become a list") };
        // A part without text is passed over, so that one that was never told of does no harm.
        let at = usize::try_from(index).unwrap_or(usize::MAX).min(parts.len());
        if at == parts.len() {
            parts.push(Self::object());
        }
        &mut parts[at]
    }
}
