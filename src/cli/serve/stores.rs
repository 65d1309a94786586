//! The stores that a server looks into.

use std::path::{Path, PathBuf};

use nightreel::model::Mode;
use nightreel::store::{Access, Store, StoreError};

use super::super::exit::Failure;

/// The stores that a server looks into: its own first, then the fixtures, which are never written.
#[derive(Clone)]
pub(super) struct Stores {
    stores: Vec<Store>,
    paths: Vec<PathBuf>,
}

impl Stores {
    /// Opens them. A server that sends writes to its own store, which is made where there is none; one
    /// that replays alone needs none where it has fixtures.
    pub(super) fn open(own: &Path, fixtures: &[&Path], mode: Mode) -> Result<Self, Failure> {
        let access = if mode == Mode::Replay { Access::ReadOnly } else { Access::ReadWrite };
        let has_own = mode != Mode::Replay || fixtures.is_empty() || own.exists();
        let own = Some((own, access)).filter(|_| has_own);
        let all = own.into_iter().chain(fixtures.iter().map(|path| (*path, Access::ReadOnly)));
        let mut stores = Self { stores: Vec::new(), paths: Vec::new() };
        for (path, access) in all {
            let store = Store::open(path, access)?;
            // One that is named twice would be locked by one reader and waited for by another.
            if stores.stores.iter().all(|other| !other.is_same_file(&store)) {
                stores.stores.push(store);
                stores.paths.push(path.to_owned());
            }
        }
        Ok(stores)
    }

    /// The stores, in the order in which they count.
    pub(super) fn all(&self) -> Vec<Store> {
        self.stores.clone()
    }

    /// The store that is written to, where one is.
    pub(super) fn own(&self) -> Option<&Store> {
        self.stores.first()
    }

    /// Leaves the store that was written to as one file.
    pub(super) fn fold(&self) -> Result<(), Failure> {
        Ok(self.own().map_or(Ok(()), Store::fold)?)
    }

    /// How many recordings they hold.
    pub(super) fn count(&self) -> Result<u64, Failure> {
        let counts = self.stores.iter().map(|store| store.reader()?.count_recordings());
        Ok(counts.sum::<Result<u64, StoreError>>()?)
    }

    /// Their names, for people.
    pub(super) fn names(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}
