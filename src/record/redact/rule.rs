//! A pattern of a job to strike.

use std::ops::Range;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::json_strings::JsonStrings;
use super::replacement::{Finder, Replacement};

/// How large a rule's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// A pattern, and what takes the place of what it matches.
#[derive(Clone)]
pub(super) struct Rule {
    regex: Regex,
    with: Box<[u8]>,
    /// The same as it is written within a JSON string, where that is something else.
    with_in_json: Option<Box<[u8]>>,
}

/// A rule that is no regular expression. It is told by its number: it may itself be a secret.
#[derive(Debug, thiserror::Error)]
#[error("record.redact: pattern {number} is not a regular expression: {problem}")]
pub struct RedactError {
    /// Which rule it is, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Rule {
    /// The job's rule of a number.
    pub(super) fn new(number: usize, pattern: &str, with: &str) -> Result<Self, RedactError> {
        let regex = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build();
        let regex = regex.map_err(|error| RedactError { number, problem: problem(&error) })?;
        Ok(Self { regex, with: with.as_bytes().into(), with_in_json: in_json(with) })
    }

    /// The matches in a text that something else takes the place of, by what does so at a place.
    fn replacements<'a>(&self, text: &[u8], mut with: impl FnMut(&Range<usize>) -> &'a [u8]) -> Vec<Replacement> {
        let replacement = |captures: Captures<'_>| {
            let place = captures.get(0).expect("the whole match is always there").range();
            let mut expanded = Vec::new();
            captures.expand(with(&place), &mut expanded);
            Replacement { place, with: expanded }
        };
        let replacements = self.regex.captures_iter(text).map(replacement);
        replacements.filter(|replacement| text[replacement.place.clone()] != *replacement.with).collect()
    }
}

impl Finder for Rule {
    fn in_body(&self, body: &[u8]) -> Vec<Replacement> {
        let mut in_json = self.with_in_json.as_deref().map(|with| (with, JsonStrings::of(body)));
        self.replacements(body, |place| {
            let in_string = in_json.as_mut().and_then(|(with, strings)| strings.hold(place).then_some(*with));
            in_string.unwrap_or(&self.with)
        })
    }

    fn in_text(&self, text: &[u8]) -> Vec<Replacement> {
        self.replacements(text, |_| &self.with)
    }
}

/// A text as it is written within a JSON string, where that is something else. The names of groups in
/// it stay as they are.
fn in_json(text: &str) -> Option<Box<[u8]>> {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    let within = &quoted[1..quoted.len() - 1];
    (within != text).then(|| within.as_bytes().into())
}

/// What is wrong with a pattern, without the pattern: the last line of the parser's message.
fn problem(error: &regex::Error) -> String {
    match error {
        regex::Error::Syntax(text) => {
            text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
        other => other.to_string(),
    }
}
