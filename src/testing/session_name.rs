//! The name of a session, and how a URL has it.

use std::fmt;
use std::fmt::Write as _;

/// The longest name that a server takes, in bytes.
const LONGEST: usize = 256;

/// What stands between a session's name and how often a test has started it.
const TURN: char = '#';

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
    /// It would be that of a later start of another session.
    #[error("{0:?} is no session's name: what ends like that is a later start of the session before the '{TURN}'")]
    Turn(String),
    /// It would be that of a thread that has nothing to do with one test more than with others.
    #[error(
        "{} is not the thread of a test, so its name cannot be that of the session; name it by session(), such as \
         session(\"name of the test\"), or start the server in the test itself", thread(.0.as_deref())
    )]
    NoTest(Option<String>),
}

impl SessionName {
    /// Takes a name.
    pub(super) fn new(name: &str) -> Result<Self, SessionNameError> {
        match name.len() {
            length if length > LONGEST => Err(SessionNameError::Long(length)),
            _ if name.trim() != name || name.contains(char::is_control) || matches!(name, "." | "..") => {
                Err(SessionNameError::Unusable(name.to_owned()))
            }
            _ if is_turn(name) => Err(SessionNameError::Turn(name.to_owned())),
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The test's own name: that of its thread. The main thread has the unnamed session.
    pub(super) fn of_thread(name: Option<&str>) -> Result<Self, SessionNameError> {
        match test_of(name) {
            Some(test) => Self::new(test),
            None if name == Some("main") => Self::new(""),
            None => Err(SessionNameError::NoTest(name.map(str::to_owned))),
        }
    }

    /// The name where a test starts the session for the so-manieth time, from 1.
    pub(super) fn of_turn(&self, turn: u32) -> Result<Self, SessionNameError> {
        if turn == 1 {
            return Ok(self.clone());
        }
        match format!("{}{TURN}{turn}", self.0) {
            name if name.len() > LONGEST => Err(SessionNameError::Long(name.len())),
            name => Ok(Self(name)),
        }
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

/// Whether a name is that of a session's later start.
fn is_turn(name: &str) -> bool {
    name.rsplit_once(TURN).is_some_and(|(_, turn)| turn.parse::<u32>().is_ok_and(|turn| turn > 1))
}

/// The test that a thread is named after. The main thread is that of no test, and neither are those
/// of a runtime, which are all named alike.
pub(super) fn test_of(thread: Option<&str>) -> Option<&str> {
    thread.filter(|name| *name != "main" && !name.starts_with("tokio-"))
}

fn thread(name: Option<&str>) -> String {
    name.map_or_else(|| "a thread without a name".to_owned(), |name| format!("the thread {name:?}"))
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
        for (thread, name) in [(Some("tests::refund"), "tests::refund"), (Some("main"), "")] {
            assert_eq!(SessionName::of_thread(thread).unwrap().as_str(), name);
        }
        for thread in [Some("tokio-rt-worker"), Some("tokio-runtime-worker"), None] {
            let error = SessionName::of_thread(thread).unwrap_err();
            assert_eq!(error, SessionNameError::NoTest(thread.map(str::to_owned)));
            assert!(error.to_string().contains("name it by session()"), "{error}");
        }
    }

    #[test]
    fn a_later_turn_has_a_name_of_its_own_that_tells_the_first() {
        for (first, turn, name) in [("a", 1, "a"), ("a", 2, "a#2"), ("a", 11, "a#11"), ("", 1, ""), ("", 2, "#2")] {
            let named = SessionName::new(first).unwrap().of_turn(turn).unwrap();
            assert_eq!(named.as_str(), name);
            let is_taken = SessionName::new(name) == Err(SessionNameError::Turn(name.to_owned()));
            assert_eq!(is_taken, turn > 1, "{name}");
        }
        assert_eq!(SessionName::new(&"x".repeat(256)).unwrap().of_turn(2), Err(SessionNameError::Long(258)));
    }

    #[test]
    fn what_no_server_takes_is_refused() {
        assert_eq!(SessionName::new(&"x".repeat(257)), Err(SessionNameError::Long(257)));
        for name in ["a#", "#", "a#b", "a#1", "a#2b"] {
            assert_eq!(SessionName::new(name).unwrap().as_str(), name);
        }
        for name in [" a", "a\n", "a\u{0}b", ".", ".."] {
            assert_eq!(SessionName::new(name), Err(SessionNameError::Unusable(name.to_owned())));
        }
    }
}
