//! Where a row was read.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::model::Row;

/// Where a row was read: the input and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// The input as the job names it.
    pub input: Arc<Path>,
    /// The line on which the row starts, from 1.
    pub line: u64,
}

impl RowPlace {
    pub(super) fn of(row: &Row, input: &Arc<Path>) -> Self {
        Self { input: input.clone(), line: row.line }
    }
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.input.as_os_str().to_str() {
            Some("-") => write!(f, "standard input:{}", self.line),
            _ => write!(f, "{}:{}", self.input.display(), self.line),
        }
    }
}
