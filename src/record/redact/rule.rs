//! One thing to strike.

use std::ops::Range;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::Edit;

/// What stands in the place of a known credential.
const STRUCK: &str = "[redacted]";
/// How large a rule's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// One thing to strike: a pattern, and what takes the place of what it matches.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    regex: Regex,
    with: Box<[u8]>,
}

/// A rule that is no regular expression.
#[derive(Debug, thiserror::Error)]
#[error("record.redact: {pattern:?} is not a regular expression: {source}")]
pub struct RedactError {
    /// The rule.
    pub pattern: String,
    /// What is wrong with it.
    pub source: regex::Error,
}

impl Rule {
    pub(super) fn new(pattern: &str, with: &str) -> Result<Self, RedactError> {
        let regex = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build();
        let regex = regex.map_err(|source| RedactError { pattern: pattern.to_owned(), source })?;
        Ok(Self { regex, with: with.as_bytes().into() })
    }

    /// The rule for a credential, in all its spellings.
    pub(super) fn of_secret(secret: &str) -> Result<Self, RedactError> {
        Self::new(&secret.chars().map(spellings).collect::<String>(), STRUCK)
    }

    /// The text with every match replaced, and the places; `None` where nothing matches.
    pub(super) fn apply(&self, text: &[u8]) -> Option<(Vec<u8>, Vec<Edit>)> {
        self.regex.find(text)?;
        let (mut out, mut edits, mut copied) = (Vec::with_capacity(text.len()), Vec::new(), 0);
        for captures in self.regex.captures_iter(text) {
            let found = captures.get(0).expect("the whole match is always there");
            out.extend_from_slice(&text[copied..found.start()]);
            let before = out.len();
            captures.expand(&self.with, &mut out);
            edits.push(Edit { start: found.start(), end: found.end(), length: out.len() - before });
            copied = found.end();
        }
        out.extend_from_slice(&text[copied..]);
        Some((out, edits))
    }

    /// The matches in a text that something else takes the place of, each with that.
    pub(super) fn replacements(&self, text: &[u8]) -> Vec<(Range<usize>, Vec<u8>)> {
        let replacement = |captures: Captures<'_>| {
            let mut with = Vec::new();
            captures.expand(&self.with, &mut with);
            (captures.get(0).expect("the whole match is always there").range(), with)
        };
        let replacements = self.regex.captures_iter(text).map(replacement);
        replacements.filter(|(range, with)| text[range.clone()] != **with).collect()
    }
}

/// A pattern for one character of a credential: as it is, and where a JSON text or a URL may write
/// it otherwise, as they do. JSON may itself stand in a JSON text, with more backslashes.
fn spellings(character: char) -> String {
    let plain = regex::escape(character.encode_utf8(&mut [0; 4]));
    // Nobody escapes these.
    if character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '~') {
        return plain;
    }
    let mut utf8 = [0; 4];
    let percent: String = character.encode_utf8(&mut utf8).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut utf16 = [0; 2];
    let unicode: String =
        character.encode_utf16(&mut utf16).iter().map(|unit| format!(r"\\{{1,4}}u{unit:04x}")).collect();
    format!(r"(?:\\{{0,4}}{plain}|(?i:{percent}|{unicode}))")
}
