//! The bytes of an input as they lie on disk, for any number of passes.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

use super::{InputError, Problem, names};

/// An open file that can be read from its start again and again.
///
/// Every pass reads the file that was opened, even if another has taken its name since. One that is
/// written to where it lies is refused from there on: its rows would be of two files.
#[derive(Debug, Clone)]
pub(super) struct Source {
    file: Arc<File>,
    as_opened: Stamp,
}

/// What of a file differs once somebody has written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { length: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
    }
}

/// The file was written to since it was opened.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it was written to since it was opened")]
pub(super) struct WrittenTo;

impl Source {
    /// Opens a path. A pipe or a device can be read but once, so it is kept in a temporary file.
    pub(super) fn open(path: &Path, name: &Arc<str>) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|error| open_error(path, name, error))?;
        let kind = file.metadata().map_err(|error| InputError::of_file(name, Problem::Open(error)))?.file_type();
        if kind.is_dir() {
            return Err(InputError::of_file(name, Problem::Directory));
        }
        if !kind.is_file() {
            return Self::spool(file, name);
        }
        Self::of_file(file).map_err(|error| InputError::of_file(name, Problem::Open(error)))
    }

    /// Keeps what a reader gives in a temporary file that has no name.
    pub(super) fn spool(mut reader: impl Read, name: &Arc<str>) -> Result<Self, InputError> {
        let kept = |error| InputError::of_file(name, Problem::Spool(error));
        let mut file = tempfile::tempfile().map_err(kept)?;
        io::copy(&mut reader, &mut file).map_err(kept)?;
        file.rewind().map_err(kept)?;
        Self::of_file(file).map_err(kept)
    }

    fn of_file(file: File) -> io::Result<Self> {
        Ok(Self { as_opened: Stamp::of(&file)?, file: Arc::new(file) })
    }

    /// A pass from the start.
    pub(super) fn pass(&self) -> Pass {
        Pass { source: self.clone(), offset: 0 }
    }

    /// The file's first bytes: enough of them to know any compression.
    pub(super) fn magic(&self) -> io::Result<Vec<u8>> {
        let mut magic = Vec::new();
        self.pass().take(16).read_to_end(&mut magic)?;
        Ok(magic)
    }
}

/// One pass over a file. It has a position of its own, so that passes do not disturb each other.
#[derive(Debug)]
pub(super) struct Pass {
    source: Source,
    offset: u64,
}

impl Read for Pass {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = loop {
            match self.source.file.read_at(buffer, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        // Behind the bytes that were read: what is written after that is not among them.
        let is_whole = count == 0 && self.offset == self.source.as_opened.length;
        if !is_whole && !buffer.is_empty() && Stamp::of(&self.source.file)? != self.source.as_opened {
            return Err(io::Error::other(WrittenTo));
        }
        self.offset += u64::try_from(count).expect("a buffer's length fits 64 bits");
        Ok(count)
    }
}

fn open_error(path: &Path, name: &Arc<str>, error: io::Error) -> InputError {
    if error.kind() != io::ErrorKind::NotFound {
        return InputError::of_file(name, Problem::Open(error));
    }
    InputError::of_file(name, Problem::NotFound).hinted_maybe(nearest_file(path))
}

/// What to say about a path that names nothing.
fn nearest_file(path: &Path) -> Option<String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = directory.read_dir() else {
        return Some(format!("there is no directory {}", directory.display()));
    };
    let mut files: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    // The order of a directory is the file system's; a message is the same everywhere.
    files.sort_unstable();
    let wanted = path.file_name()?.to_string_lossy();
    let nearest = names::nearest(&wanted, files.iter().map(String::as_str))?;
    Some(format!("did you mean {}?", path.with_file_name(nearest).display()))
}
