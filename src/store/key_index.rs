//! The index of keys, as a whole in memory: to search it in the file takes several times as long.

use crate::model::Key;

use super::column::key;
use super::places::{PLACE, PlaceEntry};
use super::{Reader, StoreError};

/// The index of a store's keys in memory, as it was when it was read.
#[derive(Debug)]
pub struct KeyIndex {
    /// By the first bytes of the key, and oldest first.
    entries: Vec<Entry>,
    /// Where the keys begin whose first bits are 0, 1, 2 and so on, and where the last of them end: a
    /// key is a hash, so that each has about as many.
    starts: Vec<u32>,
    /// How many bits of a key's first eight bytes are not among those.
    shift: u32,
}

/// Where a key's recording lies. To look at one is to wait for memory once: it is a line of a cache.
#[derive(Debug)]
#[repr(align(64))]
struct Entry {
    key: Key,
    place: PlaceEntry,
}

const _: () = assert!(size_of::<Entry>() == 64, "an entry is a line of a cache");

impl KeyIndex {
    /// How many bytes of memory an entry takes, at most.
    const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<u32>();

    /// An index of entries that are in order.
    fn new(entries: Vec<Entry>) -> Self {
        let bits = entries.len().max(1).ilog2();
        let mut index = Self { entries, starts: vec![0; (1 << bits) + 1], shift: u64::BITS - bits };
        for (end, at) in (1..).zip(0..index.entries.len()) {
            let first = index.first_bits(&index.entries[at].key);
            index.starts[first + 1] = end;
        }
        // Where there is no such key, its place is behind those before it.
        for first in 1..index.starts.len() {
            index.starts[first] = index.starts[first].max(index.starts[first - 1]);
        }
        index
    }

    fn first_bits(&self, key: &Key) -> usize {
        let prefix = key.prefix().iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        prefix.checked_shr(self.shift).map_or(0, |first| usize::try_from(first).unwrap_or(usize::MAX))
    }

    /// Where the recordings of a key lie, oldest first.
    pub(super) fn of(&self, key: Key) -> impl Iterator<Item = &PlaceEntry> {
        let first = self.first_bits(&key);
        let near = &self.entries[self.starts[first] as usize..self.starts[first + 1] as usize];
        near.iter().filter(move |entry| entry.key == key).map(|entry| &entry.place)
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
        if count == 0 || count > (most_bytes / KeyIndex::ENTRY_BYTES).min(u32::MAX as usize) {
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
            entries.push(Entry { key: key(row, 5)?, place: PlaceEntry::read(row)? });
        }
        Ok(Some(KeyIndex::new(entries)))
    }

    /// A number that changes when somebody else has written the store.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }
}
