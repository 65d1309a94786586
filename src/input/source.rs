//! The bytes of an input as they lie on disk, for any number of passes.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::{InputError, Problem, names};

/// An open file that can be read from its start again and again.
///
/// Every pass reads the file that was opened, even if another has taken its name since.
#[derive(Debug, Clone)]
pub(super) struct Source {
    file: Arc<File>,
}

impl Source {
    /// Opens a path. A pipe or a device can be read but once, so it is kept in a temporary file.
    pub(super) fn open(path: &Path, name: &Arc<str>) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|error| open_error(path, name, error))?;
        let kind = file.metadata().map_err(|error| InputError::of_file(name, Problem::Open(error)))?.file_type();
        if kind.is_dir() {
            return Err(InputError::of_file(name, Problem::Directory));
        }
        if kind.is_file() { Ok(Self { file: Arc::new(file) }) } else { Self::spool(file, name) }
    }

    /// Keeps what a reader gives in a temporary file that has no name.
    pub(super) fn spool(mut reader: impl Read, name: &Arc<str>) -> Result<Self, InputError> {
        let kept = |error| InputError::of_file(name, Problem::Spool(error));
        let mut file = tempfile::tempfile().map_err(kept)?;
        io::copy(&mut reader, &mut file).map_err(kept)?;
        file.rewind().map_err(kept)?;
        Ok(Self { file: Arc::new(file) })
    }

    /// A pass from the start.
    pub(super) fn pass(&self) -> Pass {
        Pass { file: Arc::clone(&self.file), offset: 0 }
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
    file: Arc<File>,
    offset: u64,
}

impl Read for Pass {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = loop {
            match self.file.read_at(buffer, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
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
