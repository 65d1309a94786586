//! One pass over the rows of an input.

use crate::model::{Format, Row};

use super::json_lines::JsonLines;
use super::source::Source;
use super::stream::Stream;
use super::table::TableReader;
use super::{Compression, InputError, Options};

/// One pass over the rows of an input.
///
/// A row that cannot be read is an error, and the next call goes on behind it. After a fatal error
/// and after the last row the iterator ends for good.
pub struct RowReader {
    rows: Rows,
    ended: bool,
}

enum Rows {
    Table(Box<TableReader>),
    Json(Box<JsonLines>),
}

impl RowReader {
    pub(super) fn open(
        source: &Source,
        file: &std::sync::Arc<str>,
        compression: Option<Compression>,
        format: Format,
        options: &Options,
    ) -> Result<Self, InputError> {
        let stream = Stream::open(source, file, compression)?;
        let rows = match format {
            Format::Csv | Format::Tsv => Rows::Table(Box::new(TableReader::open(stream, format, options)?)),
            _ => Rows::Json(Box::new(JsonLines::new(stream, format, options))),
        };
        Ok(Self { rows, ended: false })
    }

    /// The names of the columns in their order; `None` where the rows stand under no header.
    #[must_use]
    pub fn columns(&self) -> Option<&[String]> {
        match &self.rows {
            Rows::Table(table) => Some(table.columns()),
            Rows::Json(_) => None,
        }
    }

    /// The SHA-256 of all decompressed bytes of the file, known once the iterator has ended without
    /// a fatal error.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.stream().digest().filter(|_| self.ended)
    }

    /// The decompressed bytes read so far, which is up to 64 KiB ahead of the rows.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.stream().bytes_read()
    }

    fn stream(&self) -> &Stream {
        match &self.rows {
            Rows::Table(table) => table.stream(),
            Rows::Json(lines) => lines.stream(),
        }
    }
}

impl Iterator for RowReader {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = match &mut self.rows {
            Rows::Table(table) => table.read(),
            Rows::Json(lines) => lines.read(),
        };
        self.ended = match &row {
            Ok(row) => row.is_none(),
            Err(error) => error.is_fatal(),
        };
        row.transpose()
    }
}

impl std::iter::FusedIterator for RowReader {}

impl std::fmt::Debug for RowReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader")
            .field("bytes_read", &self.bytes_read())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
