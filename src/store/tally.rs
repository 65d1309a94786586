//! Counts of hashes in bounded memory.

use std::collections::HashMap;

use rusqlite::Connection;

use super::StoreError;

/// How many hashes are counted in memory. The others are counted in a temporary file.
const IN_MEMORY: usize = 50_000;
/// The page cache of the temporary file, in KiB.
const CACHE_KIB: i32 = 1024;

/// Counts how often each of any number of hashes was seen, in a few megabytes of memory: what does
/// not fit lies in a temporary file that is gone with the tally.
#[derive(Debug)]
pub struct Tally {
    counts: HashMap<i64, u32>,
    file: Option<Connection>,
}

impl Default for Tally {
    /// An empty tally, with room for all that it ever holds in memory.
    fn default() -> Self {
        Self { counts: HashMap::with_capacity(IN_MEMORY), file: None }
    }
}

impl Tally {
    /// Counts a hash, by its first eight bytes, and says how often it was seen before.
    ///
    /// # Errors
    /// Fails if there is no room for temporary files.
    pub fn count(&mut self, hash: &[u8; 8]) -> Result<u32, StoreError> {
        let hash = i64::from_be_bytes(*hash);
        if let Some(count) = self.counts.get_mut(&hash) {
            *count += 1;
            return Ok(*count - 1);
        }
        if self.counts.len() < IN_MEMORY {
            self.counts.insert(hash, 1);
            return Ok(0);
        }
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(open_file()?),
        };
        let count: u32 = file
            .prepare_cached(
                "INSERT INTO tally (hash, count) VALUES (?1, 1) \
                 ON CONFLICT (hash) DO UPDATE SET count = count + 1 RETURNING count",
            )?
            .query_row([hash], |row| row.get(0))?;
        Ok(count - 1)
    }
}

fn open_file() -> Result<Connection, StoreError> {
    let connection = Connection::open("")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.execute_batch("CREATE TABLE tally (hash INTEGER PRIMARY KEY, count INTEGER NOT NULL); BEGIN")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_is_counted_by_itself() {
        let mut tally = Tally::default();
        let counts: Vec<u32> = [1_u64, 2, 1, 1, 2].map(|hash| tally.count(&hash.to_be_bytes()).unwrap()).into();
        assert_eq!(counts, [0, 0, 1, 2, 1]);
    }

    #[test]
    fn what_does_not_fit_in_memory_is_counted_too() {
        let mut tally = Tally::default();
        let hashes = IN_MEMORY as u64 + 1_000;
        for seen in 0..2 {
            let wrong = (0..hashes).find(|hash| tally.count(&hash.to_be_bytes()).unwrap() != seen);
            assert_eq!(wrong, None);
        }
    }
}
