//! One JSON object a line: rows, chat bodies and batch lines.

use std::str;

use crate::model::{Format, Row};

use super::id_path::IdPath;
use super::line::Line;
use super::place::column_at;
use super::stream::Stream;
use super::{InputError, Options, Place, Problem, anthropic_batch, json, openai_batch, requests};

/// The rows of a file with one JSON object a line. Blank lines are no rows.
pub(super) struct JsonLines {
    stream: Stream,
    format: Format,
    id: Option<IdPath>,
    limit: usize,
    line: Vec<u8>,
    number: u64,
}

impl JsonLines {
    pub(super) fn new(stream: Stream, format: Format, options: &Options) -> Self {
        let id = options.id.as_deref().map(|id| IdPath(id.into()));
        Self { stream, format, id, limit: options.max_row_bytes, line: Vec::new(), number: 0 }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The next row; a bad row takes a number too.
    pub(super) fn read(&mut self) -> Result<Option<Row>, InputError> {
        loop {
            let read = self.stream.read_line(&mut self.line, self.limit);
            if matches!(read, Ok(Some(_))) && self.line.trim_ascii().is_empty() {
                continue;
            }
            self.number += 1;
            return read?.map(|line| self.row(line)).transpose();
        }
    }

    fn row(&self, number: u64) -> Result<Row, InputError> {
        let text = str::from_utf8(&self.line).map_err(|error| self.not_utf8(number, error))?;
        let line = Line { file: self.stream.file(), number, row: self.number, text };
        let id = self.id.as_ref();
        match self.format {
            Format::Requests => requests::row(&line, id),
            Format::OpenaiBatch => openai_batch::row(&line, id),
            Format::AnthropicBatch => anthropic_batch::row(&line, id),
            Format::Jsonl | Format::Csv | Format::Tsv => plain_row(&line, id),
        }
    }

    fn not_utf8(&self, line: u64, error: str::Utf8Error) -> InputError {
        let offset = error.valid_up_to();
        let place = Place::line(self.stream.file(), line).column(column_at(&self.line, offset));
        let start = offset.saturating_sub(12);
        InputError::new(place, Problem::NotUtf8 { byte: self.line[offset], column: None })
            .value_text(&String::from_utf8_lossy(&self.line[start..self.line.len().min(start + 60)]))
            .hinted("convert the file to UTF-8, as with iconv -f WINDOWS-1252 -t UTF-8")
    }
}

/// A line whose members are the row's fields.
fn plain_row(line: &Line<'_>, id: Option<&IdPath>) -> Result<Row, InputError> {
    let fields = json::fields(line)?;
    let id = id.map_or_else(|| Ok(line.row.to_string()), |id| id.read(line, &fields))?;
    Ok(Row { number: line.row, line: line.number, id, fields, request: None })
}
