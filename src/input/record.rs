//! Where the rows of a CSV file start and end.
//!
//! The csv crate reads any bytes as some rows: a quote that never closes swallows the rest of the
//! file in silence, a stray quote garbles its cell, and with `\r\n` its line numbers lag behind.
//! So rows are framed here, by the same rules, with lines, columns and a limit; the crate then
//! reads a frame's cells.

use super::dialect::Dialect;
use super::place::column_at;
use super::stream::Stream;
use super::{InputError, Place, Problem};

/// What to do about a row that is too long.
pub(super) const LONG_HINT: &str = "shorten it, or take it out";

/// The bytes of one row, ready for the csv crate.
#[derive(Debug)]
pub(super) struct Record {
    dialect: Dialect,
    limit: usize,
    /// The row, and its terminator in every case; no more than the limit and a few bytes.
    bytes: Vec<u8>,
    /// The line on which the row starts, from 1.
    line: u64,
    scan: Scan,
}

/// Where the scan of a row is.
#[derive(Debug, Default)]
struct Scan {
    state: State,
    /// Bytes of the row so far.
    offset: usize,
    /// Line ends within the row so far.
    lines: u64,
    /// Where the line starts on which the scan is.
    line_start: usize,
    /// The last quote that opened a cell.
    quote: Mark,
    /// The first text behind a closing quote, and the quote that opened its cell.
    stray: Option<(Mark, Mark)>,
}

/// A byte of a row.
#[derive(Debug, Default, Clone, Copy)]
struct Mark {
    offset: usize,
    line_start: usize,
    lines: u64,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// At the start of a cell.
    #[default]
    Start,
    /// In a cell without quotes, where a quote is a character like any other.
    Plain,
    /// Inside of quotes.
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or the first half of a doubled quote.
    Closed,
    /// Behind a closing quote and a `\r`, which must be half of the row's end.
    ClosedReturn,
}

impl Record {
    pub(super) fn new(dialect: Dialect, limit: usize) -> Self {
        Self { dialect, limit, bytes: Vec::new(), line: 1, scan: Scan::default() }
    }

    /// The row's bytes, ending with the terminator.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, to be lent: the row's places need them back as they were.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The line on which the row starts, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next row that is not a blank line. `None` is the end of the file.
    pub(super) fn read(&mut self, stream: &mut Stream) -> Result<Option<()>, InputError> {
        loop {
            self.bytes.clear();
            self.line = stream.line();
            self.scan = Scan::default();
            let ended = self.read_bytes(stream)?;
            stream.add_lines(self.scan.lines);
            if self.scan.offset == 0 {
                return Ok(None);
            }
            self.check(stream, ended)?;
            self.end_alike(ended);
            if self.bytes.len() > 1 {
                return Ok(Some(()));
            }
        }
    }

    /// Reads up to the terminator; `false` where the file ended first.
    fn read_bytes(&mut self, stream: &mut Stream) -> Result<bool, InputError> {
        loop {
            let chunk = match stream.fill() {
                Ok([]) => return Ok(false),
                Ok(chunk) => chunk,
                Err(error) => return Err(self.failed_on(error)),
            };
            let end = chunk.iter().position(|byte| self.scan.step(*byte, self.dialect));
            let count = end.map_or(chunk.len(), |end| end + 1);
            // The limit, a `\r` and a terminator; one byte more tells that the row is longer.
            let room = self.limit.saturating_add(3).saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(&chunk[..count.min(room)]);
            stream.consume(count);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// Gives every row one terminator and no `\r` before it.
    fn end_alike(&mut self, ended: bool) {
        if ended {
            self.bytes.pop();
        }
        if self.dialect.terminator == b'\n' {
            self.bytes.pop_if(|byte| *byte == b'\r');
        }
        self.bytes.push(self.dialect.terminator);
    }

    fn check(&self, stream: &Stream, ended: bool) -> Result<(), InputError> {
        let error = |mark, problem| InputError::new(self.place(stream, mark), problem);
        if !ended && matches!(self.scan.state, State::Quoted) {
            let last = self.line + self.scan.lines - u64::from(self.scan.line_start == self.scan.offset);
            let hint = format!("everything up to the last line, {last}, is in that cell");
            return Err(error(self.scan.quote, Problem::OpenQuote).hinted(hint));
        }
        let ending = usize::from(ended) + usize::from(self.bytes.ends_with(b"\r\n"));
        if self.scan.offset.saturating_sub(ending) > self.limit {
            let long = InputError::new(Place::line(stream.file(), self.line), Problem::TooLong { limit: self.limit });
            return Err(long.hinted(self.long_hint(ended)));
        }
        let Some((stray, quote)) = self.scan.stray else { return Ok(()) };
        let hint = "a quote inside of a quoted cell is written twice";
        Err(error(stray, Problem::TextAfterQuote { opened: self.line + quote.lines }).hinted(hint))
    }

    /// A row of many lines is more often a quote gone wrong than a long text.
    fn long_hint(&self, ended: bool) -> String {
        match self.scan.lines - u64::from(ended) {
            0 => LONG_HINT.to_owned(),
            lines => format!("it goes on to line {}: look for a quote too many, or {LONG_HINT}", self.line + lines),
        }
    }

    fn place(&self, stream: &Stream, mark: Mark) -> Place {
        let place = Place::line(stream.file(), self.line + mark.lines);
        if mark.offset >= self.bytes.len() {
            return place;
        }
        place.column(column_at(&self.bytes[mark.line_start..], mark.offset - mark.line_start))
    }

    /// The place of a byte of the row.
    pub(super) fn place_at(&self, stream: &Stream, offset: usize) -> Place {
        let mut mark = Mark { offset, ..Mark::default() };
        for (index, byte) in self.bytes[..offset].iter().enumerate() {
            if *byte == self.dialect.terminator {
                mark = Mark { line_start: index + 1, lines: mark.lines + 1, ..mark };
            }
        }
        self.place(stream, mark)
    }

    /// Puts a failure of the stream on the line that was reached.
    fn failed_on(&self, error: InputError) -> InputError {
        error.on_line(self.line + self.scan.lines)
    }
}

impl Scan {
    /// Takes a byte; `true` where it ends the row.
    fn step(&mut self, byte: u8, dialect: Dialect) -> bool {
        let mark = Mark { offset: self.offset, line_start: self.line_start, lines: self.lines };
        self.offset += 1;
        let ends_line = byte == dialect.terminator;
        if ends_line {
            self.lines += 1;
            self.line_start = self.offset;
        }
        self.state = match self.state {
            State::Quoted if byte == b'"' => State::Closed,
            State::Quoted => State::Quoted,
            State::Closed if byte == b'"' => State::Quoted,
            _ if ends_line => return true,
            State::ClosedReturn if byte == dialect.delimiter => self.stray(mark, State::Start),
            State::ClosedReturn => self.stray(mark, State::Plain),
            _ if byte == dialect.delimiter => State::Start,
            State::Start if byte == b'"' => {
                self.quote = mark;
                State::Quoted
            }
            State::Closed if byte == b'\r' => State::ClosedReturn,
            State::Closed => self.stray(mark, State::Plain),
            State::Start | State::Plain => State::Plain,
        };
        false
    }

    fn stray(&mut self, mark: Mark, next: State) -> State {
        self.stray.get_or_insert((mark, self.quote));
        next
    }
}
