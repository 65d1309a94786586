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
