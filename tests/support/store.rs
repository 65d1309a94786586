//! A store, read as anybody may read it: with SQL.

use std::path::Path;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};

/// A store that is read with SQL.
pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Self {
        assert!(path.exists(), "there is no store {}", path.display());
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(super::wait::PATIENCE).unwrap();
        Self { connection }
    }

    /// Writes to it.
    pub(crate) fn execute(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The one value that a query gives.
    pub(crate) fn value<T: FromSql>(&self, sql: &str) -> T {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The number that a query gives.
    pub(crate) fn count(&self, sql: &str) -> u64 {
        u64::try_from(self.value::<i64>(sql)).unwrap()
    }

    /// All rows of a query.
    pub(crate) fn rows<T>(&self, sql: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        statement.query_map([], read).unwrap().map(Result::unwrap).collect()
    }

    /// Asserts that `SQLite` finds nothing wrong with it.
    pub(crate) fn assert_whole(&self) {
        assert_eq!(self.value::<String>("PRAGMA integrity_check"), "ok");
        assert_eq!(self.rows("PRAGMA foreign_key_check", |_| Ok(())).len(), 0);
    }
}
