//! Opening a store: what it is, how new it is, who may read it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::file::{self, FileId};
use super::stand_in::stand_in;
use super::{Reader, StoreError, log};

/// "nrel": what makes a `SQLite` file a store of nightreel.
const APPLICATION_ID: i32 = 0x6e72_656c;
/// Each brings a store from the version of its index to the next. Append only.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
];
/// How long a writer waits for another process's transaction.
pub(super) const BUSY: Duration = Duration::from_mins(1);
/// The page cache of a connection, in KiB, and what a sort may hold in memory.
const CACHE_KIB: i32 = 1024;

/// A store that was opened, checked and brought up to date.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    access: Access,
    immutable: bool,
    file: FileId,
    /// Whether this process has written it, through whatever clone.
    written: Arc<AtomicBool>,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read and write it; it is created where there is none.
    ReadWrite,
    /// To read it, of whatever version it is: nothing of it is changed, and nothing is left beside
    /// it. What a killed process left in a log is brought into the file.
    ReadOnly,
}

impl Store {
    /// Opens a store; creates it (readable by its owner alone) or migrates it where it may.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, is no store, or is of a version that cannot be used.
    pub fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        match access {
            Access::ReadWrite => file::create(path)?,
            Access::ReadOnly => file::check(path)?,
        }
        let immutable = access == Access::ReadOnly && file::must_be_immutable(path);
        let written = Arc::new(AtomicBool::new(false));
        let store = Self { path: path.to_owned(), access, immutable, file: FileId::of(path)?, written };
        let connection = store.connect().map_err(|error| store.explain(error))?;
        store.check_version(connection).map_err(|error| store.explain(error))?;
        Ok(store)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether two are the same file, whatever they are named.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.file == other.file
    }

    /// A reader with a connection of its own.
    ///
    /// # Errors
    /// Fails if no connection can be opened.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let connection = self.connect().map_err(|error| self.explain(error))?;
        stand_in(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Reader::new(connection)
    }

    /// A connection that writes. It turns the log on, which keeps others from replacing the file
    /// until it is closed.
    pub(super) fn writing(&self) -> Result<Connection, StoreError> {
        let connection = self.connect()?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Before, so as not to change another file; behind, when nobody can replace it any more.
        self.check_same_file()?;
        log::turn_on(&connection).map_err(|error| self.explain(error))?;
        self.check_same_file()?;
        self.written.store(true, Ordering::Relaxed);
        Ok(connection)
    }

    /// Makes sure that nothing has taken the place of the file.
    pub(super) fn check_same_file(&self) -> Result<(), StoreError> {
        if FileId::of(&self.path)? == self.file {
            return Ok(());
        }
        Err(StoreError::Replaced { path: self.path.clone() })
    }

    /// Whether this process has written it.
    pub(super) fn was_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    /// A connection. One that only reads is opened to write all the same, where it can be: else it
    /// could not remove the log that it may be the last one to have open.
    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = if self.immutable { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(self.uri(), flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Else a statement is planned anew for each value that a partial index might be compared with.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
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

    fn check_version(&self, connection: Connection) -> Result<(), StoreError> {
        let path = || self.path.clone();
        let found = self.version(&connection)?;
        if found > MIGRATIONS.len() {
            return Err(StoreError::Newer { path: path(), found, known: MIGRATIONS.len() });
        }
        match self.access {
            Access::ReadWrite if found < MIGRATIONS.len() => {
                drop(connection);
                self.migrate()
            }
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

    /// Whether the header says that it is a store: `SQLite` reads that whatever stands behind it.
    fn says_that_it_is_one(&self) -> bool {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let id = Connection::open_with_flags(self.uri(), flags).and_then(|bare| {
            // Else SQLite does not even read the header of a file whose end is missing.
            bare.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
            bare.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0))
        });
        id.is_ok_and(|id| id == APPLICATION_ID)
    }

    fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.writing()?;
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
            StoreError::Damaged(_) if self.says_that_it_is_one() => {
                return StoreError::Unreadable { path: self.path.clone() };
            }
            StoreError::Damaged(_) => return StoreError::Foreign { path: self.path.clone() },
            _ => return error,
        };
        let kind = match sql.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if log::holds_something(&self.path) => {
                return StoreError::LogBeside { path: self.path.clone(), log: log::log_of(&self.path) };
            }
            Some(ErrorCode::DatabaseBusy) => return StoreError::Locked { path: self.path.clone() },
            Some(ErrorCode::CannotOpen) => "SQLite cannot open it (is its directory writable?)",
            Some(ErrorCode::ReadOnly) => "the file or its directory is read-only",
            Some(ErrorCode::PermissionDenied) => "permission denied",
            Some(ErrorCode::SystemIoFailure) => "input/output error",
            _ => return error,
        };
        file::cannot_open(&self.path, io::Error::other(kind))
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
