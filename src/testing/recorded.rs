//! What a test has recorded, on its way into the fixture.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::FixtureError;
use super::left::{Left, tell_of_killed};
use super::merge::{Replacing, merged};
use super::notice::tell;
use crate::fixture::{Contents, Place, PlaceError, mark_expendable, mark_recording};
use crate::model::Mode;
use crate::store::{Access, Store, StoreError};

/// The file that a test records into, until it is done.
pub(super) const STORE: &str = "recorded.db";

/// What a test has recorded: in a store of its own, which is brought into the fixture when the test
/// is done with it. Where nobody can say when that is, it is brought there exchange by exchange.
#[derive(Debug)]
pub(super) struct Recorded {
    store: Store,
    place: Place,
    mode: Mode,
    /// Whether the thread that began to record has ended.
    outlived: AtomicBool,
}

impl Recorded {
    /// A store in a directory, for what is recorded for a place.
    pub(super) fn begin(place: &Place, mode: Mode, directory: &Path) -> Result<Self, FixtureError> {
        place.prepare()?;
        let fixture = place.canonical().map_err(FixtureError::Place)?;
        tell_of_killed(place, &fixture);
        mark_recording(directory, &fixture).map_err(FixtureError::Directory)?;
        let store = Store::open(&directory.join(STORE), Access::ReadWrite)?;
        Ok(Self { store, place: place.clone(), mode, outlived: AtomicBool::new(false) })
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn path(&self) -> &Path {
        self.store.path()
    }

    /// What it is where it does not get into the fixture.
    pub(super) fn left(&self) -> Left {
        Left::new(self.path(), &self.place)
    }

    pub(super) fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(Contents::read(self.path())?.is_empty())
    }

    /// Brings what was recorded so far into the fixture. What is there already stays as it is.
    pub(super) fn bring(&self) -> Result<(), PlaceError> {
        let recorded = Contents::read(self.path())?;
        if recorded.is_empty() {
            return Ok(());
        }
        let fixture = self.place.canonical()?;
        let replacing = match self.mode {
            Mode::Record if self.has_outlived() => Replacing::Requests,
            Mode::Record => Replacing::Sessions,
            Mode::Auto | Mode::Replay => Replacing::Nothing,
        };
        self.place.change(|held| merged(&fixture, held, recorded, replacing))
    }

    /// Whether it is brought into the fixture exchange by exchange.
    pub(super) fn has_outlived(&self) -> bool {
        self.outlived.load(Ordering::SeqCst)
    }

    /// Brings it into the fixture now, and from now on exchange by exchange.
    pub(super) fn outlive(&self) {
        // An exchange that is kept before this is brought now, a later one when it is kept.
        self.outlived.store(true, Ordering::SeqCst);
        self.bring_or_tell();
    }

    /// What is done once an exchange is kept.
    pub(super) fn after_kept(&self) {
        if self.has_outlived() {
            self.bring_or_tell();
        }
    }

    /// Nobody waits for what came of it but people.
    fn bring_or_tell(&self) {
        let brought = self.bring();
        let directory = self.path().parent().unwrap_or(Path::new("."));
        // A directory that stays for ever is all that comes of it.
        _ = mark_expendable(directory, brought.is_ok());
        if let Err(error) = brought {
            let fixture = self.place.path().display();
            tell(&format!("{fixture}: {error}; {}", self.left()));
        }
    }
}
