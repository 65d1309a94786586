//! A line of a JSON file, with its place.

use std::sync::Arc;

use super::place::column_at;
use super::{InputError, Place, Problem, excerpt};

/// A line's text, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// The file's name for messages.
    pub(super) file: &'a Arc<str>,
    /// The line's number in the file, from 1.
    pub(super) number: u64,
    /// The row's number among the file's rows, from 1.
    pub(super) row: u64,
    /// The text without byte order mark and line end.
    pub(super) text: &'a str,
}

impl Line<'_> {
    /// A problem of the line as a whole.
    pub(super) fn error(&self, problem: Problem) -> InputError {
        InputError::new(Place::line(self.file, self.number), problem)
    }

    /// A problem at an offset of the text, with what stands there.
    pub(super) fn error_at(&self, offset: usize, problem: Problem) -> InputError {
        let column = column_at(self.text.as_bytes(), offset);
        InputError::new(Place::line(self.file, self.number).column(column), problem)
            .value_excerpt(excerpt::around(self.text, offset))
    }

    /// A member that is needed is missing.
    pub(super) fn missing(&self, member: &str) -> InputError {
        self.error(Problem::Missing(member.into()))
    }

    /// A member's value is of the wrong kind.
    pub(super) fn wrong_kind(&self, member: &str, expected: &'static str, found: &serde_json::Value) -> InputError {
        self.error(Problem::Kind { member: member.into(), expected, found: excerpt::kind(found) })
    }

    /// A member is not taken.
    pub(super) fn refused(&self, member: &str, reason: &'static str) -> InputError {
        self.error(Problem::Refused { member: member.into(), reason })
    }
}
