//! What came of a file of recordings.

use std::fmt;

use crate::model::Exchange;

use super::{ImportFormat, RecordedCredentials};

/// What came of a file of recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// What the file is.
    pub format: ImportFormat,
    /// What was taken, in the file's order.
    pub exchanges: Vec<Exchange>,
    /// What was left out, in the file's order.
    pub skipped: Vec<Skipped>,
    /// What its requests were sent with, to be struck from what was taken.
    pub credentials: RecordedCredentials,
}

/// An interaction that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which one it is.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// Which interaction of a file something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The how-manieth it is, from 1.
    pub number: usize,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The request's method; empty where it has none.
    pub method: String,
    /// The path of the request's URL, less its query, which may hold a key; empty where it has none.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interaction {} (line {})", self.number, self.line)?;
        let request = [self.method.as_str(), self.path.as_str()].join(" ");
        if request.trim().is_empty() { Ok(()) } else { write!(f, ", {}", request.trim()) }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}
