//! Why a store cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_WRITE;

use super::Holder;

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("cannot open the store {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no such file.
    #[error("there is no store {path}; `nightreel run` makes one, or name another with --store")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Part of it lies in a log, which cannot be read where nothing can be written beside it.
    #[error(
        "{path} cannot be read where it is: part of it lies in {log} beside it, and nothing can be written there; copy \
         both files to a directory that can be written, and name the copy",
        log = log.display()
    )]
    LogBeside {
        /// The file.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// Another file has taken its place since it was opened.
    #[error("{path} was replaced by another file since it was opened, so nothing is written to it; start again")]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// Somebody keeps it locked.
    #[error(
        "another program has kept {path} locked for a minute; end what reads or writes it, such as a database browser, \
         and start again"
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Somebody has it open to write it, so that nothing can take its place.
    #[error("{path} is being recorded into, so it is not replaced; end what records into it first")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is no store of nightreel.
    #[error("{path} is not a nightreel store; name another file with --store")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is a store by its header, and cannot be read as one.
    #[error(
        "{path} is a nightreel store that is damaged: SQLite cannot read what its tables are; put a copy from before in \
         its place, or name another file with --store"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer nightreel.
    #[error(
        "the store {path} has version {found}, and this nightreel knows versions up to {known}; \
         use a newer nightreel, or another file with --store"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest version that is known here.
        known: usize,
    },
    /// Another run of the job is going on.
    #[error("another run of the job \"{job}\" is going on: {holder}")]
    Held {
        /// The job.
        job: String,
        /// Who runs it.
        holder: Box<Holder>,
    },
    /// The disk is full.
    #[error("the disk is full: the store could not be written; free some space and run again to go on")]
    Full,
    /// The system does not take what is written, though the disk is not full.
    #[error(
        "the store could not be written: the system refuses it, by a quota, a limit on the size of files (ulimit -f) \
         or a broken disk; mend that and run again to go on"
    )]
    Unwritable,
    /// What the store holds cannot be true.
    #[error("the store is damaged: it holds {0}")]
    Damaged(&'static str),
    /// What a store holds cannot be true, and it is known which file that is.
    #[error(
        "{path} is a nightreel store that is damaged: it holds {what}; put a copy from before in its place, or name \
         another file"
    )]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
    },
    /// The store has no such run.
    #[error("the store has no run {0}")]
    NoRun(u32),
    /// The ids of the store are used up.
    #[error("the store is full: it holds as many runs as it can; begin another one with --store")]
    TooManyRuns,
    /// A body could not be compressed.
    #[error("a body could not be compressed: {0}")]
    Compress(io::Error),
    /// A thread of a reader or a writer could not be started.
    #[error("cannot start a thread for the store: {0}")]
    Thread(io::Error),
    /// Whoever asks has closed it.
    #[error("the store is closed")]
    Closed,
    /// The writer stopped because of an earlier error.
    #[error("the store's writer has stopped")]
    Stopped,
    /// `SQLite` says no.
    #[error("the store could not be read or written: {0}")]
    Sql(rusqlite::Error),
}

impl StoreError {
    /// The same error, with the file that it is about where it says that something is damaged.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Damaged(what) => Self::DamagedFile { path: path.to_owned(), what },
            error => error,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows, Utf8Error,
        };
        match &error {
            QueryReturnedNoRows => return Self::Damaged("something that points to what is not there"),
            InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | Utf8Error(..) => {
                return Self::Damaged("a value that is none of its column");
            }
            _ => {}
        }
        if error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_WRITE) {
            return Self::Unwritable;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged("something that SQLite cannot read")
            }
            _ => Self::Sql(error),
        }
    }
}
