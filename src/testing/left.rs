//! What a test has recorded that did not get into its fixture, and the way there.

use std::fmt;
use std::path::{Path, PathBuf};

use super::place::Place;
use crate::fixture::{TreeError, import_text};

/// What a test has recorded that did not get into its fixture. Shown, it is told with the command that
/// brings it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    store: PathBuf,
    fixture: PathBuf,
    form: Form,
}

/// What the fixture is that it is to be brought into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Store,
    /// A directory of texts, which may hold some.
    Texts {
        is_empty: bool,
    },
}

impl Left {
    pub(super) fn new(store: &Path, place: &Place) -> Self {
        let form = if place.is_store() { Form::Store } else { Form::Texts { is_empty: holds_no_text(&place.path) } };
        Self { store: store.to_owned(), fixture: place.path.clone(), form }
    }

    /// The store that has it.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// The command that adds it to the fixture; `None` where a path cannot stand in one.
    fn command(&self) -> Option<String> {
        let (store, fixture) = (word(&self.store)?, word(&self.fixture)?);
        let add = |to: &str| {
            format!("nightreel export latest --store {store} --format exchanges | nightreel import - --fixture {to}")
        };
        let Form::Texts { is_empty } = self.form else { return Some(add(&fixture)) };
        // A directory is written from a store, which takes the place of all that lies there.
        let whole = word(&self.store.with_file_name("merged.db"))?;
        let held =
            if is_empty { String::new() } else { format!("nightreel fixture text import {fixture} {whole} && ") };
        Some(format!("{held}{} && nightreel fixture text export {whole} {fixture}", add(&whole)))
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

/// Whether no text is lost where a directory is written anew. One that cannot be read may hold some.
fn holds_no_text(directory: &Path) -> bool {
    !directory.exists() || matches!(import_text(directory), Err(TreeError::Empty { .. }))
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

    fn told(fixture: &str, form: Form) -> String {
        Left { store: "/tmp/x/recorded.db".into(), fixture: fixture.into(), form }.to_string()
    }

    #[test]
    fn the_command_adds_to_what_is_there_and_removes_nothing() {
        let begin = "what was recorded is in /tmp/x/recorded.db; to add it to the fixture: ";
        let add =
            "nightreel export latest --store /tmp/x/recorded.db --format exchanges | nightreel import - --fixture";
        let whole = "/tmp/x/merged.db";
        for (fixture, form, expected) in [
            ("a.db", Form::Store, format!("{add} a.db")),
            ("it's a.db", Form::Store, format!(r"{add} 'it'\''s a.db'")),
            ("-a.db", Form::Store, format!("{add} ./-a.db")),
            (
                "fx",
                Form::Texts { is_empty: true },
                format!("{add} {whole} && nightreel fixture text export {whole} fx"),
            ),
            (
                "fx",
                Form::Texts { is_empty: false },
                format!(
                    "nightreel fixture text import fx {whole} && {add} {whole} && nightreel fixture text export {whole} fx"
                ),
            ),
        ] {
            assert_eq!(told(fixture, form), format!("{begin}{expected}"));
        }
        assert!(told("a\nb", Form::Store).ends_with("(the command is not printed: not all of it can be shown)"));
    }

    #[test]
    fn a_directory_that_cannot_be_read_may_hold_texts() {
        let directory = tempfile::tempdir().unwrap();
        assert!(holds_no_text(directory.path()));
        assert!(holds_no_text(&directory.path().join("none")));
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!holds_no_text(&file));
    }
}
