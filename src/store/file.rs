//! The file of a store, apart from what `SQLite` knows of it.
//!
//! It is never opened here while it may be in use: closing any descriptor of a file gives up every
//! lock that the process has on it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{Access, access};

use super::{StoreError, log};

/// Where the header of a `SQLite` file says how it is read: with a log, or without.
const READ_VERSION: usize = 19;
/// With a log.
const WITH_LOG: u8 = 2;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// The file that has a path now.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let metadata = std::fs::metadata(path).map_err(|source| cannot_open(path, source))?;
        Ok(Self { device: metadata.dev(), number: metadata.ino() })
    }
}

/// Makes sure that a file is there and can be written; a new one can be read by its owner alone.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || path.exists() => {
            let metadata = std::fs::metadata(path).map_err(|source| cannot_open(path, source))?;
            permits(path, &metadata, Access::READ_OK | Access::WRITE_OK)
        }
        created => created.map(drop).map_err(|source| cannot_open(path, source)),
    }
}

/// Makes sure that a file is there and can be read.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(path) {
        Ok(metadata) => permits(path, &metadata, Access::READ_OK),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { path: path.to_owned() }),
        Err(source) => Err(cannot_open(path, source)),
    }
}

fn permits(path: &Path, metadata: &Metadata, wanted: Access) -> Result<(), StoreError> {
    if metadata.is_dir() {
        return Err(cannot_open(path, io::ErrorKind::IsADirectory.into()));
    }
    access(path, wanted).map_err(|errno| cannot_open(path, errno.into()))
}

/// Whether a store can be read only by taking it for a file that never changes. One that was left
/// with its log turned on cannot be read otherwise where nothing can be written beside it. Wherever
/// something can, somebody may write it while it is read.
pub(super) fn must_be_immutable(path: &Path) -> bool {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_writable = [path, directory].into_iter().all(|place| access(place, Access::WRITE_OK).is_ok());
    // Nothing in it is of use without what the log holds.
    !is_writable && !log::holds_something(path) && !log::is_shared(path) && is_read_with_log(path)
}

/// What the header says; no lock is lost, for where nothing can be written none outlasts a statement.
fn is_read_with_log(path: &Path) -> bool {
    let mut header = [0; READ_VERSION + 1];
    File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok_and(|()| header[READ_VERSION] == WITH_LOG)
}

pub(super) fn cannot_open(path: &Path, source: io::Error) -> StoreError {
    StoreError::Open { path: path.to_owned(), source }
}
