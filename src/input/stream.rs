//! The decompressed bytes of one pass.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::record::LONG_HINT;
use super::source::{Source, WrittenTo};
use super::{Compression, InputError, Place, Problem};

/// How many bytes are looked at before the first row, and read at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// What to do about a file that is written to while it is read.
const REPLACE_HINT: &str = "run it again; to change it during a run, write another file and give that its name";
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The decompressed bytes of one pass, less a byte order mark; it counts lines and hashes.
pub(super) struct Stream {
    reader: BufReader<Chain<Cursor<Vec<u8>>, Tap>>,
    file: Arc<str>,
    compression: Option<Compression>,
    /// Line ends that the rows so far have taken.
    lines: u64,
}

impl Stream {
    /// Starts a pass.
    pub(super) fn open(source: &Source, file: &Arc<str>, compression: Option<Compression>) -> Result<Self, InputError> {
        let bytes: Box<dyn Read + Send> = match compression {
            None => Box::new(source.pass()),
            Some(compression) => compression
                .decode(source.pass())
                .map_err(|error| failure(Place::file(file), Some(compression), error))?,
        };
        let mut tap = Tap { bytes, hash: Sha256::new(), read: 0, ended: false, failed: None };
        let mut head = Vec::with_capacity(BUFFER_BYTES);
        let limit = u64::try_from(BUFFER_BYTES).expect("a constant fits 64 bits");
        // What stands before a failure is read first: it may be most of the file.
        tap.failed = tap.by_ref().take(limit).read_to_end(&mut head).err();
        check_text(&head, file)?;
        if head.starts_with(UTF8_MARK) {
            head.drain(..UTF8_MARK.len());
        }
        let reader = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(tap));
        Ok(Self { reader, file: Arc::clone(file), compression, lines: 0 })
    }

    /// The file's name for messages.
    pub(super) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The first bytes of the file, up to 64 KiB, whatever has been read since.
    pub(super) fn head(&self) -> &[u8] {
        self.reader.get_ref().get_ref().0.get_ref()
    }

    /// The line on which the next byte stands, from 1.
    pub(super) fn line(&self) -> u64 {
        self.lines + 1
    }

    /// Says that a row has taken so many line ends.
    pub(super) fn add_lines(&mut self, lines: u64) {
        self.lines += lines;
    }

    /// The next bytes; none at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], InputError> {
        let (place, compression) = (Place::line(&self.file, self.line()), self.compression);
        self.reader.fill_buf().map_err(|error| failure(place, compression, error))
    }

    /// Takes so many of the next bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }

    /// Reads a line without its line end, which is `\n` or `\r\n`, and gives the line's number. A
    /// line longer than the limit is skipped, and an error.
    pub(super) fn read_line(&mut self, line: &mut Vec<u8>, limit: usize) -> Result<Option<u64>, InputError> {
        line.clear();
        let place = Place::line(&self.file, self.line());
        match self.read_line_bytes(line, limit) {
            Err(error) => return Err(failure(place, self.compression, error)),
            Ok(0) => return Ok(None),
            Ok(_) => self.lines += 1,
        }
        if line.len() > limit {
            return Err(InputError::new(place, Problem::TooLong { limit }).hinted(LONG_HINT));
        }
        Ok(Some(self.lines))
    }

    fn read_line_bytes(&mut self, line: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        // Two bytes more than the limit tell a line of just that length and its `\r\n` from a longer one.
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(2);
        let count = self.reader.by_ref().take(most).read_until(b'\n', line)?;
        let ended = line.pop_if(|byte| *byte == b'\n').is_some();
        if ended {
            line.pop_if(|byte| *byte == b'\r');
        } else if line.len() > limit {
            self.reader.skip_until(b'\n')?;
        }
        Ok(count)
    }

    /// The SHA-256 of all decompressed bytes, once they have been read to the end.
    pub(super) fn digest(&self) -> Option<[u8; 32]> {
        let tap = self.tap();
        tap.ended.then(|| tap.hash.clone().finalize().into())
    }

    /// The decompressed bytes read so far; rows are read from a buffer of 64 KiB behind them.
    pub(super) fn bytes_read(&self) -> u64 {
        self.tap().read
    }

    fn tap(&self) -> &Tap {
        self.reader.get_ref().get_ref().1
    }
}

/// Bytes that are hashed and counted as they pass.
struct Tap {
    bytes: Box<dyn Read + Send>,
    hash: Sha256,
    read: u64,
    ended: bool,
    /// A failure that has come, and is still to be told.
    failed: Option<io::Error>,
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let count = self.bytes.read(buffer)?;
        self.ended |= count == 0 && !buffer.is_empty();
        self.hash.update(&buffer[..count]);
        self.read += u64::try_from(count).expect("a buffer's length fits 64 bits");
        Ok(count)
    }
}

/// Tells a disk that fails from data that does not decompress: only the former has an OS error.
fn failure(place: Place, compression: Option<Compression>, error: io::Error) -> InputError {
    if matches!(error.get_ref(), Some(source) if source.is::<WrittenTo>()) {
        return InputError::new(place, Problem::WrittenTo).hinted(REPLACE_HINT);
    }
    let problem = match compression {
        Some(compression) if error.kind() == io::ErrorKind::UnexpectedEof => Problem::CutShort(compression),
        Some(compression) if error.raw_os_error().is_none() => Problem::Damaged(compression, error),
        _ => Problem::Read(error),
    };
    let spoilt = matches!(problem, Problem::CutShort(_) | Problem::Damaged(..));
    let hint = spoilt.then(|| "get the file again, or make it again".to_owned());
    InputError::new(place, problem).hinted_maybe(hint)
}

fn check_text(head: &[u8], file: &Arc<str>) -> Result<(), InputError> {
    let mark = match head {
        [0xff, 0xfe, 0, 0, ..] => "UTF-32LE",
        [0xff, 0xfe, ..] => "UTF-16LE",
        [0xfe, 0xff, ..] => "UTF-16BE",
        [0, 0, 0xfe, 0xff, ..] => "UTF-32BE",
        _ => return Ok(()),
    };
    let problem = Problem::Foreign(match mark {
        "UTF-32LE" => "UTF-32 (little-endian) text",
        "UTF-16LE" => "UTF-16 (little-endian) text",
        "UTF-16BE" => "UTF-16 (big-endian) text",
        _ => "UTF-32 (big-endian) text",
    });
    Err(InputError::of_file(file, problem).hinted(format!("convert it to UTF-8, as with iconv -f {mark} -t UTF-8")))
}
