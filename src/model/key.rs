//! The hash of a canonical request.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use super::canonical::{Canonical, canonical, normal};
use super::normalise::{Numbering, Rewrite};
use super::{CanonicalError, Endpoint, IgnorePath, Normaliser};

/// What a key leaves out of a request, so that requests which differ in nothing else share it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRules {
    /// The members of the body that are left out.
    pub ignore: Vec<IgnorePath>,
    /// What is looked past in the values of the others.
    pub normalise: Vec<Normaliser>,
}

impl KeyRules {
    /// The text of a body that its key is made of: its canonical form, less what is ignored, with
    /// placeholders for what is looked past.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn canonical(&self, body: &[u8]) -> Result<Vec<u8>, CanonicalError> {
        self.read(body).map(|canonical| canonical.text)
    }

    /// The same text with one placeholder for all ids, so that an id which came in between does not
    /// change every later one: what two bodies are compared by, and no key is made of.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn comparable(&self, body: &[u8]) -> Result<Vec<u8>, CanonicalError> {
        self.normal(body, Numbering::None).map(|canonical| canonical.text)
    }

    /// The text that a body's key is made of, and the model that the body names.
    pub(super) fn read<'a>(&self, body: &'a [u8]) -> Result<Canonical<'a>, CanonicalError> {
        self.normal(body, Numbering::ByAppearance)
    }

    fn normal<'a>(&self, body: &'a [u8], numbering: Numbering) -> Result<Canonical<'a>, CanonicalError> {
        if self.normalise.is_empty() {
            return canonical(body, &self.ignore);
        }
        normal(body, &self.ignore, &Rewrite::new(&self.normalise), numbering)
    }
}

/// The SHA-256 of a canonical request: `endpoint`, a line feed, the body as canonical JSON.
///
/// For a body `{"b":1.0,"a":"x"}` sent to `chat/completions` another tool computes it as
/// `printf 'chat/completions\n{"a":"x","b":1}' | sha256sum`. Host, account, gateway, `/v1` and
/// credentials are no part of it; the fields that a job ignores are left out of the body first, and
/// a [`Normaliser`] puts its placeholder where it finds what it looks past: with `timestamps`, the
/// key of `{"a":"on 2026-11-22"}` is that of `{"a":"on ‹timestamp›"}`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Hash for Key {
    /// A key is a hash, so that a part of it will do.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.prefix());
    }
}

impl Key {
    /// Computes the key of a request.
    ///
    /// # Errors
    /// Fails if the body is not JSON.
    pub fn of(endpoint: Endpoint, body: &[u8], rules: &KeyRules) -> Result<Self, CanonicalError> {
        rules.read(body).map(|canonical| Self::of_canonical(endpoint, &canonical))
    }

    pub(super) fn of_canonical(endpoint: Endpoint, canonical: &Canonical<'_>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(endpoint.path().as_bytes());
        hasher.update(b"\n");
        hasher.update(&canonical.text);
        Self(hasher.finalize().into())
    }

    /// A key from its bytes, as a store holds them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes: what an index is built on.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.0[..8]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_sha256sum_says_of_the_documented_text() {
        let key = Key::of(Endpoint::ChatCompletions, br#"{ "b": 1.0, "a": "x" }"#, &KeyRules::default()).unwrap();
        // printf 'chat/completions\n{"a":"x","b":1}' | sha256sum
        assert_eq!(key.to_string(), "bc0363f60ff48bef2607f0935e57494d44650252ca48c4df9335617a4f6a823b");
    }

    #[test]
    fn the_endpoint_is_part_of_the_key() {
        let body = br#"{"model":"m"}"#;
        let chat = Key::of(Endpoint::ChatCompletions, body, &KeyRules::default()).unwrap();
        let responses = Key::of(Endpoint::Responses, body, &KeyRules::default()).unwrap();
        assert_ne!(chat, responses);
    }
}
