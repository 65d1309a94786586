//! Striking secrets and what a job's rules name from bodies, before key and store alike.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use regex::bytes::{Regex, RegexBuilder};

use crate::model::{Attempt, Fault, Reply};
use crate::store::Facts;

/// What stands in the place of a known credential.
const STRUCK: &str = "[redacted]";
/// A credential shorter than this is not searched for: it would strike words from answers.
const SHORTEST_SECRET: usize = 8;
/// How much of a credential tells it: a body that broke off, or a text that was cut, may have no more
/// of it than that.
const TELLING: usize = 12;
/// How large a rule's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// Strikes known credentials and what the job's rules match.
#[derive(Clone, Default)]
pub struct Redactor {
    credentials: Vec<Credential>,
    rules: Vec<(Regex, Bytes)>,
}

/// One spelling of a secret.
#[derive(Clone)]
struct Credential {
    /// Its first characters.
    start: Regex,
    spelling: Vec<u8>,
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
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
        let rules = (1..).zip(rules).map(|(number, (pattern, with))| {
            let regex = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build();
            let regex = regex.map_err(|error| RedactError { number, problem: problem(&error) })?;
            Ok((regex, Bytes::copy_from_slice(with.as_bytes())))
        });
        Ok(Self {
            credentials: secrets.flat_map(Credential::spellings).collect(),
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// The body with everything struck that must not be kept; the same bytes where there is nothing.
    #[must_use]
    pub fn strike(&self, body: &Bytes) -> Bytes {
        let changed = |body: Bytes, struck: Option<Vec<u8>>| struck.map_or(body, Bytes::from);
        let body = self.credentials.iter().fold(body.clone(), |body, credential| {
            let struck = credential.strike(&body);
            changed(body, struck)
        });
        self.rules.iter().fold(body, |body, (regex, with)| {
            let struck = match regex.replace_all(&body, with.as_ref()) {
                Cow::Borrowed(_) => None,
                Cow::Owned(struck) => Some(struck),
            };
            changed(body, struck)
        })
    }

    /// Strikes what must not be kept from what an attempt brought back.
    pub fn strike_attempt(&self, attempt: &mut Attempt) {
        self.strike_answer(&mut attempt.reply);
    }

    /// Strikes what must not be kept from what came back.
    pub fn strike_answer(&self, answer: &mut Result<Reply, Fault>) {
        match answer {
            Ok(reply) => self.strike_reply(reply),
            Err(fault) => fault.message = self.strike_text(&fault.message),
        }
    }

    /// Strikes what must not be kept from what is told of an answer.
    pub fn strike_facts(&self, facts: &mut Facts) {
        for text in [&mut facts.served_model, &mut facts.provider, &mut facts.finish_reason].into_iter().flatten() {
            *text = self.strike_text(text);
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
        if self.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.strike(&Bytes::copy_from_slice(text.as_bytes()))).into_owned()
    }

    /// Whether there is nothing to strike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.credentials.is_empty()
    }
}

impl fmt::Debug for Redactor {
    /// Shows how much is struck, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Credential {
    /// A secret as it is, as JSON may write it, and as a URL does.
    fn spellings(secret: &str) -> Vec<Self> {
        let encoded = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut spellings = vec![secret.to_owned(), secret.replace('/', "\\/"), encoded];
        spellings.dedup();
        spellings.into_iter().map(Self::new).collect()
    }

    fn new(spelling: String) -> Self {
        let telling = spelling.floor_char_boundary(TELLING);
        let start = Regex::new(&regex::escape(&spelling[..telling])).expect("an escaped text is a pattern");
        Self { start, spelling: spelling.into_bytes() }
    }

    /// A body without the secret, and without what is left of it where something has cut it short;
    /// `None` where there is nothing of it.
    fn strike(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (mut struck, mut end) = (Vec::new(), 0);
        for found in self.start.find_iter(body) {
            struck.extend_from_slice(&body[end..found.start()]);
            struck.extend_from_slice(STRUCK.as_bytes());
            let same = body[found.start()..].iter().zip(&self.spelling).take_while(|(left, right)| left == right);
            end = found.start() + same.count();
        }
        if end == 0 {
            return None;
        }
        struck.extend_from_slice(&body[end..]);
        Some(struck)
    }
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
    fn a_rule_that_is_no_regular_expression_is_told_by_its_number() {
        let error = Redactor::new(["a-known-secret"], [("fine", ""), ("hidden(", "")]).unwrap_err();
        assert_eq!(error.to_string(), "record.redact: pattern 2 is not a regular expression: unclosed group");
    }

    #[test]
    fn a_credential_is_struck_however_it_is_spelled_and_where_it_breaks_off() {
        let redactor = Redactor::new(["sk+or/v1-canary"], []).unwrap();
        for (body, struck) in [
            (r#"{"key":"sk+or\/v1-canary"}"#, r#"{"key":"[redacted]"}"#),
            ("https://host/?key=sk%2Bor%2Fv1-canary&x", "https://host/?key=[redacted]&x"),
            ("you sent sk+or/v1-canar", "you sent [redacted]"),
            ("you sent sk+or/v1-can", "you sent [redacted]"),
            ("\"sk+or/v1-canar\"…", "\"[redacted]\"…"),
            ("you sent sk+or/v1-ca", "you sent sk+or/v1-ca"),
            ("sk+or/v1-canarysk+or/v1-canary!", "[redacted][redacted]!"),
        ] {
            assert_eq!(redactor.strike(&Bytes::from(body)), struck, "{body}");
        }
        assert_eq!(format!("{redactor:?}"), "Redactor { rules: 0, .. }");
    }
}
