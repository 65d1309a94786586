//! Where a setting was written.

use std::fmt;
use std::sync::Arc;

use super::secret_line::without_secret;

/// Where a setting was written: a line and column of the job file, or a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    origin: Arc<str>,
    position: Option<(usize, usize)>,
}

impl Place {
    /// A flag, or a file as a whole.
    #[must_use]
    pub fn origin(origin: &str) -> Self {
        Self { origin: origin.into(), position: None }
    }

    /// The line in the file, from 1; `None` for a flag.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.position.map(|(line, _)| line)
    }

    /// The column in the line, in characters from 1; `None` for a flag.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.position.map(|(_, column)| column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        self.position.map_or(Ok(()), |(line, column)| write!(f, ":{line}:{column}"))
    }
}

/// The text of a file, for turning byte offsets into places.
pub(super) struct Source<'a> {
    text: &'a str,
    origin: Arc<str>,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, origin: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, origin: origin.into(), line_starts }
    }

    /// The place of a byte offset; past the end it is the end.
    pub(super) fn place(&self, offset: usize) -> Place {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let column = self.text[self.line_starts[line - 1]..offset].chars().count() + 1;
        Place { origin: self.origin.clone(), position: Some((line, column)) }
    }

    /// The file as a whole.
    pub(super) fn whole(&self) -> Place {
        Place { origin: self.origin.clone(), position: None }
    }

    /// The line a place stands on, from a line feed on, with a caret under its column where that is
    /// shown: what may be a credential is not.
    pub(super) fn excerpt(&self, place: &Place) -> String {
        let (line, column) = place.position.unwrap_or((1, 1));
        let start = self.line_starts[line - 1];
        let whole = self.text[start..].lines().next().unwrap_or_default();
        let content = without_secret(whole);
        let gutter = " ".repeat(line.to_string().len());
        if content != whole && column > content.chars().count() {
            return format!("\n{gutter} |\n{line} | {content}");
        }
        let indent: String = content.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("\n{gutter} |\n{line} | {content}\n{gutter} | {indent}^")
    }
}
