//! Striking secrets and what a job's rules name from bodies, before key and store alike.

use std::borrow::Cow;

use bytes::Bytes;
use regex::bytes::{Regex, RegexBuilder};

use crate::model::{Attempt, Reply};

/// What stands in the place of a known credential.
const STRUCK: &str = "[redacted]";
/// A credential shorter than this is not searched for: it would strike words from answers.
const SHORTEST_SECRET: usize = 8;
/// How large a rule's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// Strikes known credentials and what the job's rules match.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    rules: Vec<(Regex, Bytes)>,
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

impl Redactor {
    /// A redactor for known credentials and for rules of a pattern and what stands in its place
    /// (`$1` is the pattern's first group).
    ///
    /// # Errors
    /// Fails if a pattern is no regular expression.
    pub fn new<'a>(
        secrets: impl IntoIterator<Item = &'a str>,
        rules: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, RedactError> {
        let literal = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .map(|secret| (Cow::Owned(regex::escape(secret)), STRUCK));
        let patterns = literal.chain(rules.into_iter().map(|(pattern, with)| (Cow::Borrowed(pattern), with)));
        let rules = patterns.map(|(pattern, with)| {
            let regex = RegexBuilder::new(&pattern).size_limit(SIZE_LIMIT).build();
            let regex = regex.map_err(|source| RedactError { pattern: pattern.into_owned(), source })?;
            Ok((regex, Bytes::copy_from_slice(with.as_bytes())))
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// The body with everything struck that must not be kept; the same bytes where there is nothing.
    #[must_use]
    pub fn strike(&self, body: &Bytes) -> Bytes {
        self.rules.iter().fold(body.clone(), |body, (regex, with)| match regex.replace_all(&body, with.as_ref()) {
            Cow::Borrowed(_) => body.clone(),
            Cow::Owned(struck) => struck.into(),
        })
    }

    /// Strikes what must not be kept from what an attempt brought back.
    pub fn strike_attempt(&self, attempt: &mut Attempt) {
        match &mut attempt.reply {
            Ok(reply) => self.strike_reply(reply),
            Err(fault) => fault.message = self.strike_text(&fault.message),
        }
    }

    fn strike_reply(&self, reply: &mut Reply) {
        let struck = self.strike(&reply.body);
        if struck.len() != reply.body.len() {
            // The pieces no longer add up to the body.
            reply.chunks.clear();
        }
        reply.body = struck;
        for header in &mut reply.headers {
            header.value = self.strike_text(&header.value);
        }
    }

    /// A text with everything struck that must not be kept.
    #[must_use]
    pub fn strike_text(&self, text: &str) -> String {
        if self.rules.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.strike(&Bytes::copy_from_slice(text.as_bytes()))).into_owned()
    }

    /// Whether there is nothing to strike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_what_rules_match_are_struck() {
        let redactor = Redactor::new(["sk-or-v1-canary", "short"], [(r"user-(\d+)", "user-N")]).unwrap();
        let body = Bytes::from_static(b"key sk-or-v1-canary of user-42 is short");
        assert_eq!(redactor.strike(&body), "key [redacted] of user-N is short");
        let clean = Bytes::from_static(b"nothing here");
        assert_eq!(redactor.strike(&clean).as_ptr(), clean.as_ptr());
    }

    #[test]
    fn a_rule_that_is_no_regular_expression_is_named() {
        let error = Redactor::new([], [("(", "")]).unwrap_err();
        assert!(error.to_string().starts_with("record.redact: \"(\" is not a regular expression"), "{error}");
    }
}
