//! The ways in which an input can be wrong.

use std::io;

use super::Compression;

/// What is wrong with an input, without its place.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The path names nothing.
    #[error("no such file")]
    NotFound,
    /// The path names a directory.
    #[error("a directory, not a file")]
    Directory,
    /// The file cannot be opened.
    #[error("cannot be opened")]
    Open(#[source] io::Error),
    /// The file cannot be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// The file was written to while it was open, so that its rows would be of two files.
    #[error("was written to while it was being read")]
    WrittenTo,
    /// A pipe's bytes cannot be kept for a second pass.
    #[error("cannot be kept in a temporary file")]
    Spool(#[source] io::Error),
    /// The file's name does not say its format.
    #[error("the name does not say the format")]
    UnknownFormat,
    /// A delimiter that cannot be used, and why.
    #[error("the delimiter cannot be used: {0}")]
    Delimiter(&'static str),
    /// A header that has no comma, and cells that something else may part.
    #[error("the header has no \",\", but has {0:?}")]
    UnclearDelimiter(char),
    /// The name says compressed, the content says otherwise.
    #[error("named as {0}, but its content is not {0}")]
    NotCompressed(Compression),
    /// The compressed data is not whole.
    #[error("the {0} data is cut short")]
    CutShort(Compression),
    /// The compressed data is wrong, or wants more memory than it may have.
    #[error("the {0} data cannot be decompressed")]
    Damaged(Compression, #[source] io::Error),
    /// A file of a kind that holds no text.
    #[error("{0}, where UTF-8 text was expected")]
    Foreign(&'static str),
    /// A CSV or TSV file without a header.
    #[error("empty file: a header line was expected")]
    NoHeader,
    /// A column without a name; its number is from 1.
    #[error("column {0} of the header has no name")]
    UnnamedColumn(usize),
    /// Two columns of one name; their numbers are from 1.
    #[error("columns {first} and {second} of the header have the same name")]
    RepeatedColumn {
        /// The first of them.
        first: usize,
        /// The second of them.
        second: usize,
    },
    /// The header has no column of the id's name.
    #[error("the header has no id column")]
    NoIdColumn,
    /// A row is longer than the limit.
    #[error("the row is longer than {limit} bytes, the limit of a row")]
    TooLong {
        /// [`super::Options::max_row_bytes`].
        limit: usize,
    },
    /// A cell's quote opens and the file ends before it closes.
    #[error("a quote opens here and never closes")]
    OpenQuote,
    /// A quoted cell goes on behind its closing quote.
    #[error("text after the closing quote of a cell that opens on line {opened}")]
    TextAfterQuote {
        /// The line of the opening quote.
        opened: u64,
    },
    /// A row has more or fewer cells than the header.
    #[error("{expected} cells were expected as in the header, but the row has {found}")]
    Ragged {
        /// The header's cells.
        expected: usize,
        /// The row's cells.
        found: usize,
    },
    /// A byte that is no part of UTF-8.
    #[error("byte 0x{byte:02X}{within} is not UTF-8", within = within(column.as_deref()))]
    NotUtf8 {
        /// The byte.
        byte: u8,
        /// The CSV column that it stands in.
        column: Option<Box<str>>,
    },
    /// The id column's cell, or the id field, is empty.
    #[error("the id {0:?} is empty")]
    EmptyId(Box<str>),
    /// A line has no field of the id's name.
    #[error("the id field {0:?} is missing")]
    NoId(Box<str>),
    /// The id is neither a string nor a number.
    #[error("the id {path:?} is {found}, not a string or a number")]
    IdKind {
        /// The path of the field.
        path: Box<str>,
        /// What it is.
        found: &'static str,
    },
    /// A line is not JSON.
    #[error("not JSON: {0}")]
    Json(Box<str>),
    /// A JSON object names a member twice.
    #[error("the key {0:?} stands twice in one object")]
    RepeatedKey(Box<str>),
    /// A line is JSON, but no object.
    #[error("{0}, where an object was expected")]
    NotAnObject(&'static str),
    /// A member that a line needs is missing.
    #[error("{0} is missing")]
    Missing(Box<str>),
    /// A member has a value of the wrong kind.
    #[error("{member} is {found}, not {expected}")]
    Kind {
        /// The member's path.
        member: Box<str>,
        /// What was expected.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A member has a value that is not taken, and why.
    #[error("{member} {reason}")]
    Refused {
        /// The member's path.
        member: Box<str>,
        /// Why it is not taken.
        reason: &'static str,
    },
}

fn within(column: Option<&str>) -> String {
    column.map(|column| format!(" in column {column:?}")).unwrap_or_default()
}

impl Problem {
    /// Whether it is more than one row's, so that no further row can be read.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::NotFound
            | Self::Directory
            | Self::Open(_)
            | Self::Read(_)
            | Self::WrittenTo
            | Self::Spool(_)
            | Self::UnknownFormat
            | Self::Delimiter(_)
            | Self::UnclearDelimiter(_)
            | Self::NotCompressed(_)
            | Self::CutShort(_)
            | Self::Damaged(..)
            | Self::Foreign(_)
            | Self::NoHeader
            | Self::UnnamedColumn(_)
            | Self::RepeatedColumn { .. }
            | Self::NoIdColumn => true,
            Self::TooLong { .. }
            | Self::OpenQuote
            | Self::TextAfterQuote { .. }
            | Self::Ragged { .. }
            | Self::NotUtf8 { .. }
            | Self::EmptyId(_)
            | Self::NoId(_)
            | Self::IdKind { .. }
            | Self::Json(_)
            | Self::RepeatedKey(_)
            | Self::NotAnObject(_)
            | Self::Missing(_)
            | Self::Kind { .. }
            | Self::Refused { .. } => false,
        }
    }
}
