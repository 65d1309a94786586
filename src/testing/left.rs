//! What a test has recorded that did not get into its fixture, and the way there.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::fixture::{Form, Place};

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
