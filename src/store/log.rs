//! The log of a store: on while somebody writes it, gone when the last one has left.
//!
//! A store at rest is one file in rollback mode, as a fixture is: whoever reads it locks it while a
//! statement or a transaction lasts and leaves nothing beside it, even if killed. Whoever writes
//! turns the log on first, so that readers and writers do not wait for each other, and the last one
//! turns it off.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connect::BUSY;
use super::{Store, StoreError};

/// How long to wait before asking again where `SQLite` does not wait by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(2);
/// How long others are waited for that may be about to leave too.
const LEAVING: Duration = Duration::from_millis(100);

impl Store {
    /// Leaves the store as one file, where this process has written it and nobody else is using it;
    /// where somebody is, that one does when it leaves. Every reader and writer of this process must
    /// be gone.
    ///
    /// # Errors
    /// Fails if the store cannot be written, or if another file has taken its place: what was written
    /// is lost with it.
    pub fn fold(&self) -> Result<(), StoreError> {
        if !self.was_written() {
            return Ok(());
        }
        self.check_same_file()?;
        fold(self.path())
    }
}

/// The log of a store.
pub(super) fn log_of(store: &Path) -> PathBuf {
    beside(store, "-wal")
}

/// Whether others have a store with a log open, or were killed while they had.
pub(super) fn is_shared(store: &Path) -> bool {
    beside(store, "-shm").exists()
}

fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut name = store.to_owned().into_os_string();
    name.push(ending);
    name.into()
}

/// Whether there is a log beside a store: somebody has it open, or was killed.
pub(super) fn lies_beside(store: &Path) -> bool {
    log_of(store).exists()
}

/// Whether there is anything in the log beside a store.
pub(super) fn holds_something(store: &Path) -> bool {
    std::fs::metadata(log_of(store)).is_ok_and(|log| log.len() > 0)
}

/// Turns the log on, which takes that nobody is reading. `SQLite` does not wait here for another
/// process that does the same.
pub(super) fn turn_on(connection: &Connection) -> Result<(), StoreError> {
    set_mode(connection, "WAL", BUSY)
}

/// Brings what a log holds into the store, and turns the log off, unless others have it open.
pub(super) fn fold(store: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(LEAVING)?;
    // Whatever stops the log from being turned off, the file alone has all of it then.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let turned_off = set_mode(&connection, "DELETE", LEAVING);
    // The last one that closes a log removes it.
    connection.close().map_err(|(_, error)| error)?;
    turned_off.or_else(|error| if is_busy(&error) { Ok(()) } else { Err(error) })
}

fn set_mode(connection: &Connection, mode: &str, patience: Duration) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", mode).map_err(StoreError::from) {
            Err(error) if is_busy(&error) && begun.elapsed() < patience => std::thread::sleep(BUSY_PAUSE),
            result => return result,
        }
    }
}

fn is_busy(error: &StoreError) -> bool {
    matches!(error, StoreError::Sql(sql) if sql.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
}
