//! What normalisers make of the values of a body.

use std::borrow::Cow;

use super::numbering::mark;
use super::{Normaliser, Pattern, ids, model_dates, timestamps, tool_call_ids};
use crate::model::canonical::Step;

/// What the declared normalisers make of the values of a body. Ids are marked, for
/// [`super::number`] to number once the whole text stands.
#[derive(Debug, Clone)]
pub(in crate::model) struct Rewrite<'a> {
    declared: &'a [Normaliser],
    patterns: Vec<&'a Pattern>,
}

impl<'a> Rewrite<'a> {
    pub(in crate::model) fn new(declared: &'a [Normaliser]) -> Self {
        let mut patterns: Vec<_> = declared.iter().filter_map(pattern).collect();
        patterns.sort();
        Self { declared, patterns }
    }

    fn has(&self, normaliser: &Normaliser) -> bool {
        self.declared.contains(normaliser)
    }

    /// What stands for a string at a place.
    pub(in crate::model) fn string<'t>(&self, path: &[Step<'_>], text: Cow<'t, [u8]>) -> Cow<'t, [u8]> {
        if self.has(&Normaliser::ToolCallIds) && tool_call_ids::is_place(path) {
            return Self::tool_call_id(text);
        }
        let mut text = self.patterns.iter().fold(text, |text, pattern| pattern.replace(text));
        if names_a_model(path) {
            return if self.has(&Normaliser::ModelDates) { undated(text) } else { text };
        }
        if self.has(&Normaliser::Timestamps) {
            text = timestamps::replace(path, text);
        }
        if self.has(&Normaliser::Ids) { ids::replace(text) } else { text }
    }

    /// What stands for a number at a place; `None` where it stays.
    pub(in crate::model) fn number(&self, path: &[Step<'_>], number: &[u8]) -> Option<&'static str> {
        (self.has(&Normaliser::Timestamps) && timestamps::is_unix_time(path, number)).then_some(timestamps::PLACEHOLDER)
    }

    /// Whether the `id` of an object is the id of a tool call, by the names and canonical values of
    /// its members: then [`Self::tool_call_id`] stands for it.
    pub(in crate::model) fn is_tool_call<'m>(&self, mut members: impl Iterator<Item = (&'m [u8], &'m [u8])>) -> bool {
        self.has(&Normaliser::ToolCallIds) && members.any(|(name, value)| is_call(name, value))
    }

    /// What stands for the id of a tool call.
    pub(in crate::model) fn tool_call_id(id: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
        if id.is_empty() {
            return id;
        }
        let mut text = Vec::with_capacity(id.len() + 2);
        mark(&id, &mut text);
        Cow::Owned(text)
    }
}

fn pattern(normaliser: &Normaliser) -> Option<&Pattern> {
    match normaliser {
        Normaliser::Pattern(pattern) => Some(pattern),
        _ => None,
    }
}

fn names_a_model(path: &[Step<'_>]) -> bool {
    match path {
        [Step::Member(name)] => **name == *b"model",
        [Step::Member(name), Step::Element(_)] => **name == *b"models",
        _ => false,
    }
}

fn is_call(name: &[u8], value: &[u8]) -> bool {
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    name == b"type" && quoted.and_then(|value| str::from_utf8(value).ok()).is_some_and(tool_call_ids::is_type)
}

fn undated(model: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match str::from_utf8(&model) {
        Ok(name) => Cow::Owned(model_dates::undated(name).into_bytes()),
        Err(_) => model,
    }
}
