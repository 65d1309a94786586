//! How a test is recorded, as it is told.

use std::fmt;

use super::environment::{BASE_URL, MODE};
use super::session_name::test_of;
use crate::record::Redactor;

/// How a test is recorded, as it is told: by a command, which is told as it is or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordWith {
    /// The command does it.
    Command(String),
    /// It does once the test does not replay by its own word.
    Unpinned(String),
    /// There is a credential in the command.
    Untold,
}

impl RecordWith {
    /// How the test of a thread is recorded, by the thread's name, with the base URL that it has to be
    /// told: a replay needs none, so that a fresh shell may not have it. `is_pinned` says whether the test
    /// replays whatever the variable says.
    pub(super) fn of_thread(
        thread: Option<&str>,
        base_url: Option<&str>,
        is_pinned: bool,
        credentials: &Redactor,
    ) -> Self {
        // Threads that are named after no test may be named as people like.
        let test = test_of(thread).filter(|name| is_path(name));
        // Without --exact the tests whose names it is a part of would be recorded anew, too.
        let test = test.map(|name| format!(" {name} -- --exact")).unwrap_or_default();
        let base_url = base_url.map(|url| format!(" {BASE_URL}={url}")).unwrap_or_default();
        let command = format!("{MODE}=record{base_url} cargo test{test}");
        match is_pinned {
            _ if credentials.strike_text(&command) != command => Self::Untold,
            true => Self::Unpinned(command),
            false => Self::Command(command),
        }
    }

    /// The command, where nothing else is to be done.
    pub(super) fn command(&self) -> Option<&str> {
        match self {
            Self::Command(command) => Some(command),
            Self::Unpinned(_) | Self::Untold => None,
        }
    }
}

impl fmt::Display for RecordWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => f.write_str(command),
            Self::Unpinned(command) => {
                write!(f, "{command}, once .mode(Mode::Replay) is out of the test: with that it never records")
            }
            Self::Untold => write!(
                f,
                "cargo test, with {MODE}=record and {BASE_URL} (the command is not printed: not all of it can be shown)"
            ),
        }
    }
}

/// Whether a name can be that of a test: a path of Rust.
fn is_path(name: &str) -> bool {
    name.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_records_the_test_alone_where_its_name_is_known() {
        for (thread, base_url, expected) in [
            (Some("tests::refund"), None, "NIGHTREEL_MODE=record cargo test tests::refund -- --exact"),
            (Some("tokio-rt-worker"), None, "NIGHTREEL_MODE=record cargo test"),
            (Some("main"), None, "NIGHTREEL_MODE=record cargo test"),
            (Some("worker 7"), None, "NIGHTREEL_MODE=record cargo test"),
            (Some("$(reboot)"), None, "NIGHTREEL_MODE=record cargo test"),
            (None, Some("URL"), "NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=URL cargo test"),
            (
                Some("refund"),
                Some("https://a/v1"),
                "NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=https://a/v1 cargo test refund -- --exact",
            ),
        ] {
            let told = RecordWith::of_thread(thread, base_url, false, &Redactor::default());
            assert_eq!((told.to_string().as_str(), told.command()), (expected, Some(expected)));
        }
    }

    #[test]
    fn a_command_that_does_not_do_it_alone_is_told_with_what_else_is_to_be_done() {
        let credentials = Redactor::new(["canary-of-a-key"], []).unwrap();
        let told = RecordWith::of_thread(Some("refund"), None, true, &credentials);
        assert_eq!(
            told.to_string(),
            "NIGHTREEL_MODE=record cargo test refund -- --exact, once .mode(Mode::Replay) is out of the test: with that \
             it never records"
        );
        assert_eq!(told.command(), None);
        let told = RecordWith::of_thread(Some("refund"), Some("https://a/canary-of-a-key/v1"), false, &credentials);
        assert!(!told.to_string().contains("canary"), "{told}");
        assert_eq!(told.command(), None);
    }
}
