//! Answers as event streams.

use serde_json::Value;

use super::super::Ends;
use super::Play;

/// What the router sends while a model thinks.
pub(super) const COMMENT: &str = ": OPENROUTER PROCESSING\n\n";
/// What ends the stream of a chat.
pub(super) const DONE: &str = "data: [DONE]\n\n";

/// An event without a name.
pub(super) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// An event named by the type that its data has.
pub(super) fn typed_event(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
}

/// A stream of which each text is a piece of its own.
pub(super) fn stream(pieces: Vec<String>, ends: Ends) -> Play {
    Play::Stream(pieces.into_iter().map(String::into_bytes).collect(), ends)
}
