//! A credential that shows itself to nobody but the gateway.

use std::fmt;

use reqwest::header::HeaderValue;

/// A provider key or a gateway token. It is written to one place, a request's header.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a text is no credential. No message shows any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It holds something that cannot stand in a header.
    #[error("it has a line break, a blank, or a character outside of ASCII in it; was more than the key copied?")]
    Unsendable,
    /// It stands in quotation marks.
    #[error("it stands in quotation marks; leave them out")]
    Quoted,
    /// It is a variable that was not filled in.
    #[error("it is a variable's name ('$…'), not its value")]
    Unexpanded,
}

impl Secret {
    /// Takes a credential as it stands in a variable or a file: blanks and line ends around it
    /// are dropped, and so is a pasted `Bearer`.
    ///
    /// # Errors
    /// Fails where the text is empty or cannot be sent.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let bare = Self::bare(text);
        match bare.as_bytes() {
            [] => Err(SecretError::Empty),
            [b'"' | b'\'', ..] => Err(SecretError::Quoted),
            [b'$', ..] => Err(SecretError::Unexpanded),
            bytes if !bytes.iter().all(u8::is_ascii_graphic) => Err(SecretError::Unsendable),
            _ => Ok(Self(bare.to_owned())),
        }
    }

    /// The credential itself in such a text, to be searched for where it must not be.
    #[must_use]
    pub fn bare(text: &str) -> &str {
        let text = text.trim();
        match text.split_once(char::is_whitespace) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
            _ => text,
        }
    }

    /// Whether a text that a client proves itself by is worth searching for. Where nobody asks for a
    /// key, clients are given any word for one (`anything`, `not-needed`, `secret12`): struck, it
    /// would be missing from answers. A key has 16 characters or more; a shorter one shows that it is
    /// one by its prefix, by three digits, by capitals, small letters and digits together, or by a
    /// character that no word has.
    #[must_use]
    pub fn looks_like_key(text: &str) -> bool {
        const LONG: usize = 16;
        const PREFIXES: [&str; 6] = ["sk-", "sk_", "pk-", "pk_", "rk_", "key-"];
        let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && digits > 0;
        let is_odd =
            text.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_' | b'.' | b' '));
        let has_prefix = PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        text.len() >= LONG || has_prefix || digits >= 3 || is_mixed || is_odd
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// The header value that carries it, marked so that neither logs nor HTTP/2's header table
    /// get to see it.
    pub(super) fn bearer(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .expect("a secret is made of graphic ASCII characters alone");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("sk-or-verysecret").unwrap();
        let shown = format!("{secret} {secret:?} {:?}", secret.bearer());
        assert!(!shown.contains("very"), "{shown}");
    }

    #[test]
    fn a_word_that_stands_in_for_a_key_is_none() {
        for word in [
            "",
            "anything",
            "placeholder",
            "not-needed",
            "not_needed",
            "secret12",
            "lm-studio",
            "dummy",
            "EMPTY",
            "replay",
            "Password",
            "local.key",
            "no key",
            "ollama",
            "none",
            "x1",
        ] {
            assert!(!Secret::looks_like_key(word), "{word}");
        }
        for key in [
            "sk-test",
            "sk_live_abc",
            "sk-1234",
            "token-abc123",
            "aGVsbG8x",
            "p@ssword",
            "hunter222",
            "pass/word",
            "0123456789abcdef",
            "abcdefghijklmnop",
            "correct-horse-battery-staple",
            "naïvekey",
        ] {
            assert!(Secret::looks_like_key(key), "{key}");
        }
    }

    #[test]
    fn what_a_file_or_a_paste_adds_is_dropped() {
        for text in ["sk-1\n", "\r\n sk-1\t", "Bearer sk-1", "bearer   sk-1\r\n"] {
            assert_eq!(Secret::new(text).unwrap().expose(), "sk-1", "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_being_shown() {
        for (text, error) in [
            ("", SecretError::Empty),
            (" \n", SecretError::Empty),
            ("sk-hidden\nsk-hidden", SecretError::Unsendable),
            ("sk-hidden\u{0}", SecretError::Unsendable),
            ("sk-hiddené", SecretError::Unsendable),
            ("\"sk-hidden\"", SecretError::Quoted),
            ("${OPENROUTER_API_KEY}", SecretError::Unexpanded),
        ] {
            let refused = Secret::new(text).unwrap_err();
            assert_eq!(refused, error, "{text:?}");
            assert!(!refused.to_string().contains("hidden"));
        }
    }
}
