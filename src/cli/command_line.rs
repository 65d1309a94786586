//! A command as it is printed to be called.

use std::ffi::OsStr;

use super::credential_text::without_credentials;
use super::shell_word::quoted;

/// What stands in a name that a store keeps for bytes that are no text.
const NO_TEXT: char = '\u{fffd}';

/// A command as it grows, and what of it cannot be told.
#[derive(Default)]
pub(crate) struct CommandLine {
    pub(crate) text: String,
    pub(crate) untold: Vec<String>,
}

impl CommandLine {
    /// Adds a word; one that cannot be told is noted by its title.
    pub(crate) fn word(&mut self, title: &str, word: &OsStr) {
        let text = word.to_string_lossy();
        let is_whole = without_credentials(&text) == text && !(word.to_str().is_some() && text.contains(NO_TEXT));
        match quoted(word).filter(|_| is_whole) {
            Some(quoted) => {
                self.text.push(' ');
                self.text.push_str(&quoted);
            }
            None => self.untold.push(title.to_owned()),
        }
    }
}
