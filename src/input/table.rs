//! Rows under a header: CSV and TSV.

use std::collections::HashMap;
use std::io::{self, Read};
use std::str;

use csv::ByteRecord;
use serde_json::{Map, Value};

use crate::model::{Format, Row};

use super::dialect::Dialect;
use super::record::Record;
use super::stream::Stream;
use super::{InputError, Options, Place, Problem, names};

/// How much of a row is turned into a text to be shown: more than will be.
const EXCERPT_BYTES: usize = 512;

/// The rows of a CSV or TSV file. Every cell is a string, as it stands in the file.
pub(super) struct TableReader {
    stream: Stream,
    dialect: Dialect,
    record: Record,
    cells: Cells,
    columns: Vec<String>,
    id: Option<usize>,
    number: u64,
}

impl TableReader {
    /// Reads the header.
    pub(super) fn open(stream: Stream, format: Format, options: &Options) -> Result<Self, InputError> {
        let dialect = Dialect::of(stream.head(), format, options, stream.file())?;
        let record = Record::new(dialect, options.max_row_bytes);
        let cells = Cells::new(dialect);
        let mut table = Self { stream, dialect, record, cells, columns: Vec::new(), id: None, number: 0 };
        table.read_header().map_err(InputError::into_fatal)?;
        table.id = options.id.as_deref().map(|id| table.find_id(id)).transpose()?;
        Ok(table)
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The next row; a bad row takes a number too.
    pub(super) fn read(&mut self) -> Result<Option<Row>, InputError> {
        let read = self.record.read(&mut self.stream);
        self.number += 1;
        match read? {
            Some(()) => self.row().map(Some),
            None => Ok(None),
        }
    }

    fn row(&mut self) -> Result<Row, InputError> {
        self.cells.read(self.record.bytes_mut());
        if self.cells.record.len() != self.columns.len() {
            return Err(self.ragged());
        }
        let mut fields = Map::with_capacity(self.columns.len());
        let mut id = None;
        for (index, (column, cell)) in self.columns.iter().zip(&self.cells.record).enumerate() {
            let text = str::from_utf8(cell).map_err(|error| self.not_utf8(Some(index), cell, error))?;
            if self.id == Some(index) {
                id = Some(self.checked_id(column, text)?);
            }
            fields.insert(column.clone(), Value::String(text.to_owned()));
        }
        let id = id.unwrap_or_else(|| self.number.to_string());
        Ok(Row { number: self.number, line: self.record.line(), id, fields, request: None })
    }

    fn checked_id(&self, column: &str, id: &str) -> Result<String, InputError> {
        if id.trim().is_empty() { Err(self.error(Problem::EmptyId(column.into()))) } else { Ok(id.to_owned()) }
    }

    fn error(&self, problem: Problem) -> InputError {
        InputError::new(Place::line(self.stream.file(), self.record.line()), problem)
    }

    fn ragged(&self) -> InputError {
        let (expected, found) = (self.columns.len(), self.cells.record.len());
        let detected = char::from(self.dialect.delimiter);
        let hint = format!("{detected:?} was taken as delimiter from the header; set the delimiter if that is wrong");
        let row = self.record.bytes().trim_ascii_end();
        self.error(Problem::Ragged { expected, found })
            .value_text(&String::from_utf8_lossy(&row[..row.len().min(EXCERPT_BYTES)]))
            .hinted_maybe(self.dialect.detected.then_some(hint))
    }

    fn not_utf8(&self, index: Option<usize>, cell: &[u8], error: str::Utf8Error) -> InputError {
        let byte = cell[error.valid_up_to()];
        let column = index.map(|index| self.columns[index].as_str().into());
        // The cells before are UTF-8, so that the row's first wrong byte is this cell's.
        let bytes = self.record.bytes();
        let offset = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        InputError::new(self.record.place_at(&self.stream, offset), Problem::NotUtf8 { byte, column })
            .value_text(&String::from_utf8_lossy(cell))
            .hinted("convert the file to UTF-8, as with iconv -f WINDOWS-1252 -t UTF-8")
    }

    fn read_header(&mut self) -> Result<(), InputError> {
        if self.record.read(&mut self.stream)?.is_none() {
            return Err(InputError::of_file(self.stream.file(), Problem::NoHeader));
        }
        self.cells.read(self.record.bytes_mut());
        let mut columns: Vec<String> = Vec::with_capacity(self.cells.record.len());
        let mut places = HashMap::with_capacity(self.cells.record.len());
        for (index, cell) in self.cells.record.iter().enumerate() {
            let name = str::from_utf8(cell).map_err(|error| self.not_utf8(None, cell, error))?;
            if name.trim().is_empty() {
                let hint = "name it in the header, or leave the column out";
                return Err(self.error(Problem::UnnamedColumn(index + 1)).hinted(hint));
            }
            if let Some(first) = places.insert(name, index) {
                let problem = Problem::RepeatedColumn { first: first + 1, second: index + 1 };
                return Err(self.error(problem).value_text(name));
            }
            columns.push(name.to_owned());
        }
        self.columns = columns;
        Ok(())
    }

    fn find_id(&self, id: &str) -> Result<usize, InputError> {
        self.columns.iter().position(|column| column == id).ok_or_else(|| {
            let columns = self.columns.iter().map(String::as_str);
            self.error(Problem::NoIdColumn).value_text(id).hinted_maybe(names::hint("the columns", id, columns))
        })
    }
}

/// The csv crate's reader, given one framed row at a time.
struct Cells {
    reader: csv::Reader<Frame>,
    record: ByteRecord,
}

impl Cells {
    fn new(dialect: Dialect) -> Self {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.delimiter)
            .terminator(csv::Terminator::Any(dialect.terminator))
            .from_reader(Frame::default());
        Self { reader, record: ByteRecord::new() }
    }

    /// Reads the cells of a row that ends with its terminator, outside of quotes.
    fn read(&mut self, row: &mut Vec<u8>) {
        // The row is lent to the reader rather than copied: it may be large.
        self.reader.get_mut().lend(row);
        let read = self.reader.read_byte_record(&mut self.record);
        self.reader.get_mut().lend(row);
        assert!(matches!(read, Ok(true)), "a framed row is one record, and memory does not fail to be read");
    }
}

/// The bytes of a framed row, for the csv crate to read.
#[derive(Default)]
struct Frame {
    bytes: Vec<u8>,
    offset: usize,
}

impl Frame {
    /// Takes a row for its own bytes, or gives it back for them.
    fn lend(&mut self, row: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, row);
        self.offset = 0;
    }
}

impl Read for Frame {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[self.offset..]).read(buffer)?;
        self.offset += count;
        Ok(count)
    }
}
