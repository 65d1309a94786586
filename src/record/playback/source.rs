//! A store that is played back.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::model::{Attempt, Key};
use crate::store::{KeptRequest, Place, Reader, Store, StoreError};

use super::indexing::Indexing;
use super::tape::Taped;

/// How many pages of a store's index of keys are held where that is searched in its file, in KiB:
/// 64 MiB are that of 900,000 recordings.
const KEYS_KIB: i32 = 64 * 1024;

/// How much of its recordings is held, in KiB. Most are asked for once: of 100,000 a replay costs 5 %
/// more where four times as much is held, as that has left the processor's cache when it is used again.
const RECORDINGS_KIB: i32 = 256;

/// A store that is played back. It is read through two connections, so that the recordings, which
/// are many, do not push the index of keys out of memory.
pub(super) struct Source {
    keys: Reader,
    pub(super) recordings: Reader,
    /// The index of keys, as long as nobody has written the store since it was opened.
    indexing: Option<Indexing>,
    /// What the store's version was then.
    version: i64,
    /// The file, to be named where it is damaged.
    file: PathBuf,
}

impl Source {
    pub(super) fn open(store: &Store) -> Result<Self, StoreError> {
        Self::reading(store).map_err(|error| error.in_file(store.path()))
    }

    fn reading(store: &Store) -> Result<Self, StoreError> {
        let (mut keys, recordings) = (store.reader()?, store.reader()?);
        keys.keep_pages(KEYS_KIB)?;
        keys.index_late_keys()?;
        recordings.keep_pages(RECORDINGS_KIB)?;
        // In this order: what is written in between makes the index void.
        let version = keys.data_version()?;
        Ok(Self { keys, recordings, indexing: Some(Indexing::start(store)?), version, file: store.path().to_owned() })
    }

    /// Takes hold of the store, as [`Reader::hold`] says.
    pub(super) fn hold(&mut self) -> Result<(), StoreError> {
        self.keys.hold()?;
        if self.indexing.is_some() && self.keys.data_version()? != self.version {
            self.indexing = None;
        }
        self.recordings.hold()
    }

    /// Lets go of the store.
    pub(super) fn let_go(&self) -> Result<(), StoreError> {
        self.keys.let_go()?;
        self.recordings.let_go()
    }

    /// Whether keys are searched in memory.
    #[cfg(test)]
    pub(super) fn is_indexed(&self) -> bool {
        self.indexing.as_ref().and_then(Indexing::index).is_some()
    }

    /// Where the recordings of a key lie, oldest first.
    pub(super) fn places(&mut self, key: &Key) -> Result<Vec<Place>, StoreError> {
        let places = match self.indexing.as_ref().and_then(Indexing::index) {
            Some(index) => self.keys.places_in(index, key),
            None => self.keys.places(key),
        };
        places.map_err(|error| error.in_file(&self.file))
    }

    /// Visits every recorded request, the newest first.
    pub(super) fn visit_requests(&mut self, mut visit: impl FnMut(KeptRequest)) -> Result<(), StoreError> {
        let visited = self.recordings.visit_requests(|request| {
            visit(request);
            ControlFlow::Continue(())
        });
        visited.map_err(|error| error.in_file(&self.file))
    }

    /// What a recording holds.
    pub(super) fn attempt(&mut self, taped: Taped) -> Result<Attempt, StoreError> {
        let attempt_id = taped.attempt_id.map_or_else(|| self.recordings.settling_attempt(taped.at.exchange), Ok);
        let attempt = attempt_id.and_then(|attempt_id| self.recordings.attempt(attempt_id));
        attempt.map_err(|error| error.in_file(&self.file))
    }
}
