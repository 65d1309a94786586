//! Opening a store: what it is, how new it is, who may read it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::stand_in::stand_in;
use super::{Holder, Reader};

/// "nrel": what makes a `SQLite` file a store of nightreel.
const APPLICATION_ID: i32 = 0x6e72_656c;
/// Each brings a store from the version of its index to the next. Append only.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema/0001.sql"), include_str!("schema/0002.sql"), include_str!("schema/0003.sql")];
/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_mins(1);
/// How long to wait before asking again where `SQLite` does not wait by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(2);
/// The page cache of a connection, in KiB, and what a sort may hold in memory.
const CACHE_KIB: i32 = 1024;

/// A store that was opened, checked and brought up to date.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    access: Access,
    immutable: bool,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read and write it; it is created where there is none.
    ReadWrite,
    /// To read it, of whatever version it is: nothing is written, not even beside it.
    ReadOnly,
}

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
    /// The file is no store of nightreel.
    #[error("{path} is not a nightreel store; name another file with --store")]
    Foreign {
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
    /// The disk, or a quota on it, is full.
    #[error("the disk is full: the store could not be written; free some space and run again to go on")]
    Full,
    /// What the store holds cannot be true.
    #[error("the store is damaged: it holds {0}")]
    Damaged(&'static str),
    /// The store has no such run.
    #[error("the store has no run {0}")]
    NoRun(u32),
    /// The ids of the store are used up.
    #[error("the store is full: it holds as many runs as it can; begin another one with --store")]
    TooManyRuns,
    /// A body could not be compressed.
    #[error("a body could not be compressed: {0}")]
    Compress(io::Error),
    /// A thread of the writer could not be started.
    #[error("cannot start the store's writer: {0}")]
    Thread(io::Error),
    /// The writer stopped because of an earlier error.
    #[error("the store's writer has stopped")]
    Stopped,
    /// `SQLite` says no.
    #[error("the store could not be read or written: {0}")]
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged("something that SQLite cannot read")
            }
            _ => Self::Sql(error),
        }
    }
}

impl Store {
    /// Opens a store; creates it (readable by its owner alone) or migrates it where it may.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, is no store, or is of a version that cannot be used.
    pub fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        match access {
            Access::ReadWrite => create_file(path)?,
            Access::ReadOnly => check_file(path)?,
        }
        let mut store = Self { path: path.to_owned(), access, immutable: false };
        if access == Access::ReadOnly {
            store.immutable = store.must_be_immutable();
        }
        let connection = store.connect().map_err(|error| store.explain(error))?;
        store.check_version(connection).map_err(|error| store.explain(error))?;
        Ok(store)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A reader with a connection of its own.
    ///
    /// # Errors
    /// Fails if no connection can be opened.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let mut reading = self.clone();
        reading.access = Access::ReadOnly;
        let connection = reading.connect()?;
        stand_in(&connection)?;
        Reader::new(connection)
    }

    /// Leaves the store as one file, where nobody else is using it: the last reader of a log may
    /// not delete it.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn fold(&self) -> Result<(), StoreError> {
        let connection = self.connect()?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error.into())
    }

    /// A connection of the store's access.
    pub(super) fn connect(&self) -> Result<Connection, StoreError> {
        let flags = match self.access {
            Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(self.uri(), flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Else a statement is planned anew for each value that a partial index might be compared with.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if self.access == Access::ReadWrite {
            connection.pragma_update(None, "synchronous", "FULL")?;
        }
        Ok(connection)
    }

    /// The file's name as a URI, so that a file in a directory that cannot be written can be read.
    fn uri(&self) -> String {
        let mut uri = String::from("file:");
        for byte in self.path.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
                other => uri.extend(["%".to_owned(), format!("{other:02X}")]),
            }
        }
        if self.immutable {
            uri.push_str("?immutable=1");
        }
        uri
    }

    /// A store without a log beside it is whole in its one file. Read as such it needs no
    /// shared-memory file, which a read-only directory could not take and a reader should not leave.
    fn must_be_immutable(&self) -> bool {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).map_or(true, |log| log.len() == 0)
    }

    fn check_version(&self, mut connection: Connection) -> Result<(), StoreError> {
        let path = || self.path.clone();
        let found = self.version(&connection)?;
        if found > MIGRATIONS.len() {
            return Err(StoreError::Newer { path: path(), found, known: MIGRATIONS.len() });
        }
        match self.access {
            Access::ReadWrite if found < MIGRATIONS.len() => self.migrate(&mut connection),
            Access::ReadOnly if found == 0 => Err(StoreError::Foreign { path: path() }),
            Access::ReadWrite | Access::ReadOnly => Ok(()),
        }
    }

    /// The version of the store; zero where the file is empty.
    fn version(&self, connection: &Connection) -> Result<usize, StoreError> {
        let foreign = || StoreError::Foreign { path: self.path.clone() };
        // In this order: another process may be making the store, and makes all three at once.
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match (application_id, tables) {
            (APPLICATION_ID, _) => usize::try_from(version).map_err(|_| foreign()),
            (0, 0) => Ok(0),
            _ => Err(foreign()),
        }
    }

    fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        keep_log(connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have done it while this one waited.
        let found = self.version(&transaction)?;
        migrate_from(&transaction, found)?;
        transaction.commit()?;
        Ok(())
    }

    /// Names the file in an error of opening it, which `SQLite` gives without one.
    fn explain(&self, error: StoreError) -> StoreError {
        let sql = match &error {
            StoreError::Sql(sql) => sql,
            StoreError::Damaged(_) => return StoreError::Foreign { path: self.path.clone() },
            _ => return error,
        };
        let kind = match sql.sqlite_error_code() {
            Some(ErrorCode::CannotOpen) => "SQLite cannot open it (is its directory writable?)",
            Some(ErrorCode::ReadOnly) => "the file or its directory is read-only",
            Some(ErrorCode::PermissionDenied) => "permission denied",
            Some(ErrorCode::SystemIoFailure) => "input/output error",
            _ => return error,
        };
        StoreError::Open { path: self.path.clone(), source: io::Error::other(kind) }
    }
}

/// Makes an empty file a store.
pub(super) fn create_schema(connection: &Connection) -> Result<(), StoreError> {
    migrate_from(connection, 0)
}

fn migrate_from(connection: &Connection, version: usize) -> Result<(), StoreError> {
    for migration in MIGRATIONS.iter().skip(version) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX))?;
    Ok(())
}

/// Turns the log on. `SQLite` does not wait here for another process that does the same.
fn keep_log(connection: &Connection) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY => {
                std::thread::sleep(BUSY_PAUSE);
            }
            result => return Ok(result?),
        }
    }
}

/// Makes sure that the file is there; a new one can be read by its owner alone.
fn create_file(path: &Path) -> Result<(), StoreError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map(drop).map_err(|source| StoreError::Open { path: path.to_owned(), source })
}

fn check_file(path: &Path) -> Result<(), StoreError> {
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => {
            Err(StoreError::Open { path: path.to_owned(), source: io::Error::from(io::ErrorKind::IsADirectory) })
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { path: path.to_owned() }),
        Err(source) => Err(StoreError::Open { path: path.to_owned(), source }),
    }
}
