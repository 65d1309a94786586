//! What came of a file of recordings.

use std::fmt;
use std::path::PathBuf;

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
    /// What is to be known of some that were taken.
    pub notes: Vec<Note>,
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

/// What is to be known of an interaction that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which one it is.
    pub place: Place,
    /// What is missing of it, or speaks against it.
    pub what: String,
}

/// Which interaction of a file something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file that it is in, where that is another one than the file of the recordings.
    pub file: Option<PathBuf>,
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
        match &self.file {
            None => write!(f, "interaction {} (line {})", self.number, self.line)?,
            Some(file) => write!(f, "result {} (line {} of {})", self.number, self.line, file.display())?,
        }
        let request = [self.method.as_str(), self.path.as_str()].join(" ");
        if request.trim().is_empty() { Ok(()) } else { write!(f, ", {}", request.trim()) }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
