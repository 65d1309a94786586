//! What a test has recorded that did not get into its fixture, and the way there.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::notice::tell_always;
use super::recorded::STORE;
use crate::fixture::{Contents, Form, Place, left_recordings, mark_expendable};

/// What a test has recorded that did not get into its fixture. Shown, it is told with the command that
/// brings it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    store: PathBuf,
    fixture: PathBuf,
    /// Whether the fixture is one of texts.
    is_directory: bool,
}

impl Left {
    pub(super) fn new(store: &Path, place: &Place) -> Self {
        Self { store: store.to_owned(), fixture: place.path().to_owned(), is_directory: place.form() == Form::Text }
    }

    /// The store that has it.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// The command that adds it to the fixture; `None` where a path cannot stand in one. What lies there
    /// is looked at when the command is called: other tests may have recorded by then.
    fn command(&self) -> Option<String> {
        let (store, fixture) = (word(&self.store)?, word(&self.fixture)?);
        let first = if self.is_directory { format!("mkdir -p {fixture} && ") } else { String::new() };
        Some(format!(
            "{first}nightreel export latest --store {store} --format exchanges | nightreel import - --fixture {fixture}"
        ))
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what was recorded is in {}", self.store.display())?;
        match self.command() {
            Some(command) => write!(f, "; to add it to the fixture: {command}"),
            None => f.write_str(
                "; to add it to the fixture: nightreel export and nightreel import --fixture (the command is not printed: \
                 not all of it can be shown)",
            ),
        }
    }
}

/// Tells, once in a process, of what tests have recorded for a fixture that were killed: it may have
/// been paid for. What they left without a recording goes with the next sweep.
pub(super) fn tell_of_killed(place: &Place, canonical: &Path) {
    static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    for directory in left_recordings(canonical) {
        let store = directory.join(STORE);
        match Contents::read(&store) {
            Ok(recorded) if recorded.is_empty() => _ = mark_expendable(&directory, true),
            Ok(_) if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.clone()) => {
                let (fixture, directory, left) =
                    (place.path().display(), directory.display(), Left::new(&store, place));
                tell_always(&format!(
                    "a test that recorded into {fixture} was killed; {directory} can be removed once that is added, or \
                     where it is not wanted; {left}"
                ));
            }
            // It was told, or is no store yet.
            Ok(_) | Err(_) => {}
        }
    }
}

/// A path as a shell takes it, where it can be printed.
fn word(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control))?;
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    Some(if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fixture: &str, is_directory: bool) -> String {
        Left { store: "/tmp/x/recorded.db".into(), fixture: fixture.into(), is_directory }.to_string()
    }

    #[test]
    fn the_command_adds_to_what_is_there_and_removes_nothing() {
        let begin = "what was recorded is in /tmp/x/recorded.db; to add it to the fixture: ";
        let add =
            "nightreel export latest --store /tmp/x/recorded.db --format exchanges | nightreel import - --fixture";
        for (fixture, is_directory, expected) in [
            ("a.db", false, format!("{add} a.db")),
            ("it's a.db", false, format!(r"{add} 'it'\''s a.db'")),
            ("-a.db", false, format!("{add} ./-a.db")),
            ("fx", true, format!("mkdir -p fx && {add} fx")),
            ("a b", true, format!("mkdir -p 'a b' && {add} 'a b'")),
        ] {
            assert_eq!(told(fixture, is_directory), format!("{begin}{expected}"));
        }
        assert!(told("a\nb", false).ends_with("(the command is not printed: not all of it can be shown)"));
    }
}
