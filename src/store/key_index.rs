//! The index of keys, as a whole in memory: to search it in the file takes several times as long.

use std::mem::size_of;

use crate::model::Key;

use super::column::key;
use super::places::{PLACE, PlaceEntry};
use super::{Reader, StoreError};

/// The index of a store's keys in memory, as it was when it was read.
#[derive(Debug)]
pub struct KeyIndex {
    /// By the first bytes of the key, and oldest first.
    entries: Vec<(Key, PlaceEntry)>,
}

impl KeyIndex {
    /// Where the recordings of a key lie, oldest first.
    pub(super) fn of(&self, key: Key) -> impl Iterator<Item = &PlaceEntry> {
        let first = self.entries.partition_point(|(other, _)| other.prefix() < key.prefix());
        let alike = self.entries[first..].iter().take_while(move |(other, _)| other.prefix() == key.prefix());
        alike.filter(move |(other, _)| *other == key).map(|(_, entry)| entry)
    }
}

impl Reader {
    /// Reads the index of keys as a whole, as long as it is wanted; nothing where it would take more
    /// than so many bytes of memory, or where it has not all keys because a run never ended.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn key_index(&self, most_bytes: usize, is_wanted: impl Fn() -> bool) -> Result<Option<KeyIndex>, StoreError> {
        // Both look at the same state.
        self.hold()?;
        let read = self.read_key_index(most_bytes, is_wanted);
        self.let_go()?;
        read
    }

    fn read_key_index(&self, most_bytes: usize, is_wanted: impl Fn() -> bool) -> Result<Option<KeyIndex>, StoreError> {
        let sql = "SELECT count(*) FROM exchange_key WHERE NOT EXISTS (SELECT 1 FROM run WHERE keys_indexed = 0)";
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count == 0 || count > most_bytes / size_of::<(Key, PlaceEntry)>() {
            return Ok(None);
        }
        let mut entries = Vec::with_capacity(count);
        let sql = format!("SELECT {PLACE}, k.key FROM exchange_key k ORDER BY k.key_prefix, k.exchange_id");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if !is_wanted() {
                return Ok(None);
            }
            entries.push((key(row, 5)?, PlaceEntry::read(row)?));
        }
        Ok(Some(KeyIndex { entries }))
    }

    /// A number that changes when somebody else has written the store.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }
}
