//! Reading a store's index of keys into memory while its first requests are answered without.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::store::{KeyIndex, Store, StoreError};

/// How much memory the index of a store may take: that of 900,000 recordings. A larger one is
/// searched in its file.
const MOST_BYTES: usize = 64 << 20;

/// A store's index of keys, which a thread reads into memory.
pub(super) struct Indexing {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    index: OnceLock<KeyIndex>,
    is_unwanted: AtomicBool,
}

impl Indexing {
    pub(super) fn start(store: &Store) -> Result<Self, StoreError> {
        let (shared, store) = (Arc::<Shared>::default(), store.clone());
        let filled = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("playback-indexing".to_owned());
        let thread = thread.spawn(move || filled.read(&store)).map_err(StoreError::Thread)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The index, once it is read.
    pub(super) fn index(&self) -> Option<&KeyIndex> {
        self.shared.index.get()
    }
}

impl Shared {
    fn read(&self, store: &Store) {
        let is_wanted = || !self.is_unwanted.load(Ordering::Relaxed);
        let read = store.reader().and_then(|reader| reader.key_index(MOST_BYTES, is_wanted));
        // Where it cannot be read the file is searched, and whoever asks is told what is wrong.
        if let Ok(Some(index)) = read {
            _ = self.index.set(index);
        }
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        self.shared.is_unwanted.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell, and a panic of it was reported.
            _ = thread.join();
        }
    }
}
