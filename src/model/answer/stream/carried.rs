//! What an event carries of an answer.

use super::growing::Growing;

/// What an event carries of an answer: the time to the first token looks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Carried {
    /// Nothing that a model wrote.
    #[default]
    Nothing,
    /// Some of its reasoning.
    Reasoning,
    /// Some of its answer: content, a refusal, a tool call.
    Answer,
}

impl Carried {
    /// `self` where there is something, else nothing.
    pub(super) fn when(self, something: bool) -> Self {
        if something { self } else { Self::Nothing }
    }

    /// What a delta of a message carries.
    pub(super) fn by_message(delta: &Growing) -> Self {
        let has = |name: &&str| delta.get(name).is_some_and(Growing::is_filled);
        if ["content", "refusal", "tool_calls", "function_call", "images", "audio"].iter().any(has) {
            Self::Answer
        } else {
            Self::Reasoning.when(["reasoning", "reasoning_content", "reasoning_details"].iter().any(has))
        }
    }
}
