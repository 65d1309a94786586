//! A store that is played back.

use crate::model::{Attempt, Key};
use crate::store::{KeptRequest, Place, Reader, Store, StoreError};

use super::tape::Taped;

/// How much of a store's index of keys is held in memory at most, in KiB: 64 MiB are that of
/// 900,000 recordings.
const KEYS_KIB: i32 = 64 * 1024;

/// How much of its recordings is held. Most are asked for once: more would cost more to go through
/// than it saves.
const RECORDINGS_KIB: i32 = 1024;

/// How many requests are read at once.
const PAGE: usize = 1_000;

/// A store that is played back. It is read through two connections, so that the recordings, which
/// are many, do not push the index of keys out of memory.
pub(super) struct Source {
    keys: Reader,
    pub(super) recordings: Reader,
}

impl Source {
    pub(super) fn open(store: &Store) -> Result<Self, StoreError> {
        let (mut keys, recordings) = (store.reader()?, store.reader()?);
        keys.keep_pages(KEYS_KIB)?;
        keys.index_late_keys()?;
        recordings.keep_pages(RECORDINGS_KIB)?;
        Ok(Self { keys, recordings })
    }

    /// Takes hold of the store, as [`Reader::hold`] says.
    pub(super) fn hold(&self) -> Result<(), StoreError> {
        self.keys.hold()?;
        self.recordings.hold()
    }

    /// Lets go of the store.
    pub(super) fn let_go(&self) -> Result<(), StoreError> {
        self.keys.let_go()?;
        self.recordings.let_go()
    }

    /// Where the recordings of a key lie, oldest first.
    pub(super) fn places(&mut self, key: &Key) -> Result<Vec<Place>, StoreError> {
        self.keys.places(key)
    }

    /// Visits every recorded request, the newest first.
    pub(super) fn visit_requests(&mut self, mut visit: impl FnMut(KeptRequest)) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let page = self.recordings.requests(None, before, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            before = Some(last.place.exchange);
            page.into_iter().for_each(&mut visit);
        }
    }

    /// What a recording holds.
    pub(super) fn attempt(&mut self, taped: Taped) -> Result<Attempt, StoreError> {
        let attempt_id = taped.attempt_id.map_or_else(|| self.recordings.settling_attempt(taped.at.exchange), Ok)?;
        self.recordings.attempt(attempt_id)
    }
}
