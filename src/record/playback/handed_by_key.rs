//! What was handed out of each key that was asked for.

use hashbrown::HashTable;

use crate::model::Key;

use super::handed_out::Handed;

/// What was handed out of each key. Keys come in an order that no cache foresees: to look for one
/// goes through a table that is small, and all that is kept of it lies in one place.
#[derive(Default)]
pub(super) struct HandedByKey {
    kept: Vec<(Key, Handed)>,
    /// Where in that list each key is.
    entries: HashTable<Entry>,
}

/// Where a key is.
struct Entry {
    /// The first four bytes of the key, which is a hash already.
    first: u32,
    index: u32,
}

impl HandedByKey {
    /// What was handed out of a key that was asked for.
    pub(super) fn get(&mut self, key: &Key) -> Option<&mut Handed> {
        let index = self.find(key)?;
        Some(&mut self.kept[index].1)
    }

    /// What was handed out of a key; `begin` says what there is where it was not asked for before.
    pub(super) fn get_or_insert_with<E>(
        &mut self,
        key: &Key,
        begin: impl FnOnce() -> Result<Handed, E>,
    ) -> Result<&mut Handed, E> {
        let index = match self.find(key) {
            Some(index) => index,
            None => self.insert(key, begin()?),
        };
        Ok(&mut self.kept[index].1)
    }

    /// Forgets that a key was asked for.
    pub(super) fn forget(&mut self, key: &Key) {
        let (first, kept) = (first(key), &self.kept);
        let is_it = |entry: &Entry| kept[entry.index as usize].0 == *key;
        let Ok(found) = self.entries.find_entry(spread(first), is_it) else { return };
        let freed = found.remove().0.index;
        self.kept.swap_remove(freed as usize);
        // The last one has moved there, unless it was that one.
        if let Some((moved, _)) = self.kept.get(freed as usize) {
            let was = self.kept.len();
            let of_moved = self.entries.find_mut(spread(self::first(moved)), |entry| entry.index as usize == was);
            of_moved.expect("each key that is kept has an entry").index = freed;
        }
    }

    /// What was handed out of each key.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Handed> {
        self.kept.iter().map(|(_, handed)| handed)
    }

    fn find(&self, key: &Key) -> Option<usize> {
        let first = first(key);
        let is_it = |entry: &Entry| entry.first == first && self.kept[entry.index as usize].0 == *key;
        self.entries.find(spread(first), is_it).map(|entry| entry.index as usize)
    }

    fn insert(&mut self, key: &Key, handed: Handed) -> usize {
        let (first, index) = (first(key), self.kept.len());
        let entry = Entry { first, index: u32::try_from(index).expect("four milliards of keys fit no memory") };
        self.entries.insert_unique(spread(first), entry, |entry| spread(entry.first));
        self.kept.push((*key, handed));
        index
    }
}

/// The first four bytes of a key.
fn first(key: &Key) -> u32 {
    key.prefix().iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// A hash for a table, which looks at both ends of it.
fn spread(first: u32) -> u64 {
    u64::from(first) << 32 | u64::from(first)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::record::playback::policy::Policy;

    /// A key whose first four bytes many others share.
    fn key(number: u8) -> Key {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (number % 3, number);
        Key::from_bytes(bytes)
    }

    /// Asks for a key, and says how often that was done before.
    fn ask(handed: &mut HandedByKey, key: &Key) -> u32 {
        let handed = handed.get_or_insert_with(key, || Ok::<_, Infallible>(Handed::default())).unwrap();
        match handed.next(0, None, Policy::Once) {
            super::super::handed_out::Next::Nothing { occurrence, .. } => occurrence,
            super::super::handed_out::Next::Recorded(_) => panic!("nothing is recorded"),
        }
    }

    #[test]
    fn each_key_has_its_own_however_alike_they_begin() {
        let mut handed = HandedByKey::default();
        for round in 0..3 {
            for number in 0..100 {
                assert_eq!(ask(&mut handed, &key(number)), round, "{number}");
            }
        }
        assert_eq!(handed.iter().count(), 100);
        assert!(handed.get(&key(99)).is_some());
        assert!(handed.get(&key(100)).is_none());
    }

    #[test]
    fn a_key_that_is_forgotten_begins_anew_and_no_other_does() {
        let mut handed = HandedByKey::default();
        (0..100).for_each(|number| assert_eq!(ask(&mut handed, &key(number)), 0));
        let forgotten = |number: &u8| number % 7 == 2 || *number == 99;
        for number in (0..100).filter(forgotten) {
            handed.forget(&key(number));
            handed.forget(&key(number));
        }
        assert_eq!(handed.iter().count(), 100 - (0..100).filter(forgotten).count());
        for number in 0..100 {
            assert_eq!(ask(&mut handed, &key(number)), u32::from(!forgotten(&number)), "{number}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_looked_up_is_not_kept() {
        let mut handed = HandedByKey::default();
        assert!(handed.get_or_insert_with(&key(1), || Err("no disk")).is_err());
        assert_eq!(handed.iter().count(), 0);
    }
}
