//! A text for people, put together line by line.

use std::fmt::{Display, Write};

/// A text for people, put together line by line.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("a String takes all");
    }

    /// Adds a text that has its own line ends.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// The whole text.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}
