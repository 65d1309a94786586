//! What one row asks of one model.

use std::sync::Arc;

use bytes::Bytes;

use super::{PromptError, RowPlace};
use crate::model::{CanonicalError, Endpoint, Key, KeyRules, Request};

/// What one row asks of one model: rendered, so that making its requests cannot meet a missing
/// variable any more.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The model that is asked.
    pub model: Arc<str>,
    /// The call.
    pub endpoint: Endpoint,
    /// The row it came from.
    pub place: RowPlace,
    pub(super) rules: Arc<KeyRules>,
    pub(super) body: Body,
}

/// The body, or what the bodies of a conversation are made of.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Whole(Bytes),
    Turns { head: Vec<u8>, turns: Vec<Vec<u8>>, tail: Vec<u8> },
}

impl Draft {
    /// How many requests follow each other: the turns of a conversation, else one.
    #[must_use]
    pub fn steps(&self) -> usize {
        match &self.body {
            Body::Whole(_) => 1,
            Body::Turns { turns, .. } => turns.len(),
        }
    }

    /// The request of a step, from 0, where `answers` are the texts of the steps before it.
    ///
    /// # Errors
    /// Fails where there is no such step, there is not one answer for each step before it, or a
    /// row's own body has no canonical form.
    pub fn request(&self, step: usize, answers: &[String]) -> Result<Request, PromptError> {
        if step >= self.steps() || answers.len() != step {
            let (place, steps, answers) = (self.place.clone(), self.steps(), answers.len());
            return Err(PromptError::Step { place, step, steps, answers });
        }
        let body = match &self.body {
            Body::Whole(body) => body.clone(),
            Body::Turns { head, turns, tail } => conversation(head, &turns[..=step], tail, answers),
        };
        Request::new(self.endpoint, self.model.clone(), body, &self.rules)
            .map_err(|error| PromptError::Body { place: self.place.clone(), problem: error.to_string() })
    }

    /// The key that a body has among this draft's requests: with what redaction left of one, say.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn key(&self, body: &[u8]) -> Result<Key, CanonicalError> {
        Key::of(self.endpoint, body, &self.rules)
    }
}

fn conversation(head: &[u8], turns: &[Vec<u8>], tail: &[u8], answers: &[String]) -> Bytes {
    let mut body = head.to_owned();
    for (index, turn) in turns.iter().enumerate() {
        if let Some(answer) = index.checked_sub(1).and_then(|before| answers.get(before)) {
            body.extend_from_slice(b",{\"role\":\"assistant\",\"content\":");
            write_string(answer, &mut body);
            body.extend_from_slice(b"},");
        }
        body.extend_from_slice(turn);
    }
    body.extend_from_slice(tail);
    body.into()
}

/// Writes a text as a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string is JSON, and a Vec takes every write");
}
