//! The name of a session, and how a URL has it.

use std::fmt;
use std::fmt::Write as _;

/// The longest name that a server takes, in bytes.
const LONGEST: usize = 256;

/// The name of a session; empty where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionName(String);

/// Why a text is no session's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionNameError {
    /// It is too long.
    #[error("the session's name has {0} bytes, and may have {LONGEST}; give it a shorter one by session()")]
    Long(usize),
    /// It does not come through a URL and a header as it is.
    #[error(
        "{0:?} is no session's name: it begins or ends with a blank, has a control character in it, or is all dots"
    )]
    Unusable(String),
}

impl SessionName {
    /// Takes a name.
    pub(super) fn new(name: &str) -> Result<Self, SessionNameError> {
        match name.len() {
            length if length > LONGEST => Err(SessionNameError::Long(length)),
            _ if name.trim() != name || name.contains(char::is_control) || matches!(name, "." | "..") => {
                Err(SessionNameError::Unusable(name.to_owned()))
            }
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The test's own name: that of its thread. The main thread's says nothing.
    pub(super) fn of_thread(name: Option<&str>) -> Result<Self, SessionNameError> {
        Self::new(name.filter(|name| *name != "main").unwrap_or_default())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the path of a request of this session.
    pub(super) fn prefix(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut prefix = String::from("/session/");
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                    prefix.push(char::from(byte));
                }
                other => write!(prefix, "%{other:02X}").expect("a String takes all"),
            }
        }
        prefix
    }
}

impl fmt::Display for SessionName {
    /// Such as `the session "triage::refund"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("the unnamed session") } else { write!(f, "the session {:?}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_a_path_whatever_is_in_it() {
        for (name, prefix) in [
            ("", ""),
            ("tests::refund_1", "/session/tests::refund_1"),
            ("a b/c?d#e%", "/session/a%20b%2Fc%3Fd%23e%25"),
            ("é", "/session/%C3%A9"),
        ] {
            assert_eq!(SessionName::new(name).unwrap().prefix(), prefix);
        }
    }

    #[test]
    fn a_test_has_its_own_name_and_the_main_thread_has_none() {
        for (thread, name) in [(Some("tests::refund"), "tests::refund"), (Some("main"), ""), (None, "")] {
            assert_eq!(SessionName::of_thread(thread).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_no_server_takes_is_refused() {
        assert_eq!(SessionName::new(&"x".repeat(257)), Err(SessionNameError::Long(257)));
        for name in [" a", "a\n", "a\u{0}b", ".", ".."] {
            assert_eq!(SessionName::new(name), Err(SessionNameError::Unusable(name.to_owned())));
        }
    }
}
