//! Where recordings are read from.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::ImportError;

/// How long a file may be once it is no longer compressed.
const LONGEST: u64 = 2 * 1024 * 1024 * 1024;
/// How a zip archive begins that is not empty.
const ZIP: &[u8] = b"PK\x03\x04";
/// How a file of `SQLite` begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// What the header of such a file has where it is a store of nightreel.
const APPLICATION: &[u8] = b"nrel";

/// A file of recordings, which may be compressed with gzip or zlib, as some of the tools have it.
#[derive(Debug)]
pub struct Source {
    name: PathBuf,
    /// Where the files lie that it names.
    directory: Option<PathBuf>,
    bytes: Vec<u8>,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let bytes = fs::read(path).map_err(|source| ImportError::Open { path: path.to_owned(), source })?;
        let directory = path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
        Ok(Self { name: path.to_owned(), directory: directory.map(Path::to_owned), bytes })
    }

    /// What came from elsewhere, which messages call by this name. It has no files beside it.
    pub fn of_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), directory: None, bytes }
    }

    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    pub(super) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// It as a text; its bytes are gone then.
    pub(super) fn text(&mut self) -> Result<String, ImportError> {
        let path = &self.name;
        let bytes = std::mem::take(&mut self.bytes);
        let mut plain = Vec::new();
        let read = match bytes.as_slice() {
            [0x1f, 0x8b, ..] => MultiGzDecoder::new(bytes.as_slice()).take(LONGEST + 1).read_to_end(&mut plain),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
                ZlibDecoder::new(bytes.as_slice()).take(LONGEST + 1).read_to_end(&mut plain)
            }
            _ => {
                plain = bytes;
                Ok(0)
            }
        };
        read.map_err(|source| ImportError::Compressed { path: path.clone(), source })?;
        if plain.len() as u64 > LONGEST {
            return Err(ImportError::TooLong { path: path.clone() });
        }
        refuse_archive(path, &plain)?;
        let text = String::from_utf8(plain).map_err(|error| not_utf8(path, error.as_bytes(), error.utf8_error()))?;
        Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text))
    }
}

/// Refuses what may hold recordings, and is none of the files that are read.
fn refuse_archive(path: &Path, bytes: &[u8]) -> Result<(), ImportError> {
    let path = path.to_owned();
    match () {
        () if bytes.starts_with(ZIP) => Err(ImportError::Zip { path }),
        () if !bytes.starts_with(SQLITE) => Ok(()),
        () if bytes.get(68..72) == Some(APPLICATION) => Err(ImportError::Store { path }),
        () => Err(ImportError::Database { path }),
    }
}

fn not_utf8(path: &Path, bytes: &[u8], error: std::str::Utf8Error) -> ImportError {
    let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    ImportError::Syntax {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column,
        problem: "a byte that is not UTF-8".to_owned(),
    }
}
