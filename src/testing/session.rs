//! A test's part in a fixture: what it is played, and what becomes of what it records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::environment::Environment;
use super::merge::{Older, merged, older_of};
use super::place::{Place, PlaceError};
use super::session_name::SessionName;
use super::shortfall::Shortfall;
use super::{Fixture, FixtureError};
use crate::fixture::{Contents, TreeError};
use crate::model::Mode;
use crate::record::{Playback, SessionReport};
use crate::serve::KeepError;
use crate::store::{Access, Store, StoreError};

/// The file that a test records into, until it is done.
const RECORDED: &str = "recorded.db";

/// A test's part in a fixture: what it is played, and what becomes of what it records.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: SessionName,
    pub(super) playback: Arc<Playback>,
    /// What is recorded goes here; none where nothing is.
    pub(super) recorded: Option<Store>,
    place: Place,
    must_use_all: bool,
    /// What is recorded lies there, and a store that was made of texts.
    directory: Option<TempDir>,
}

/// Why a test that was done with its fixture must fail.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// It was to use all of its recordings, and did otherwise.
    #[error(transparent)]
    Shortfall(Box<Shortfall>),
    /// Something could not be recorded.
    #[error("not all that was sent could be recorded, so the fixture stays as it was: {source}{}", kept_at(.recorded.as_deref()))]
    Keep {
        /// Why not.
        source: KeepError,
        /// The store that has what was recorded, where it could be left.
        recorded: Option<PathBuf>,
    },
    /// The fixture could not be written.
    #[error("{source}; what was recorded is in {}", recorded.display())]
    Write {
        /// Why not.
        source: PlaceError,
        /// The store that has what was recorded.
        recorded: PathBuf,
    },
    /// What came of the session cannot be told, as the recordings cannot be read any more.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    pub(super) fn open(fixture: &Fixture, environment: &Environment) -> Result<Self, FixtureError> {
        let (name, place) = (fixture.session_name()?, fixture.place());
        let options = fixture.playback_options(environment)?;
        if options.mode == Mode::Replay && !place.exists() {
            return Err(FixtureError::Missing { path: fixture.path().to_owned() });
        }
        let needs_directory = options.mode != Mode::Replay || !place.is_store();
        let directory = needs_directory.then(|| tempfile::Builder::new().prefix("nightreel-test-").tempdir());
        let directory = directory.transpose().map_err(FixtureError::Directory)?;
        let recorded = recorded(&place, options.mode, directory.as_ref())?;
        let held = held(&place, options.mode, directory.as_ref())?;
        let stores = recorded.iter().cloned().chain(held).collect();
        let playback = Arc::new(Playback::new(stores, options)?);
        let must_use_all = fixture.must_all_be_used();
        Ok(Self { name, playback, recorded, place, must_use_all, directory })
    }

    /// Where the fixture lies.
    pub(super) fn fixture(&self) -> &Path {
        &self.place.path
    }

    pub(super) fn mode(&self) -> Mode {
        self.playback.options().mode
    }

    /// What came of it so far.
    pub(super) fn report(&self) -> Result<SessionReport, StoreError> {
        self.playback.report_of(self.name.as_str())
    }

    /// Brings what was recorded into the fixture, and says what came of the session.
    pub(super) fn finish(self) -> Result<SessionReport, FinishError> {
        let report = self.report()?;
        let shortfall = Shortfall::of(&report, &self.name, &self.place.path);
        let must_use_all = self.must_use_all;
        self.write()?;
        match shortfall {
            Some(shortfall) if must_use_all => Err(FinishError::Shortfall(Box::new(shortfall))),
            _ => Ok(report),
        }
    }

    /// Leaves the fixture as it was. What was recorded has been paid for, so it stays where it is:
    /// gives its store, where there is anything in it.
    pub(super) fn abandon(self) -> Option<PathBuf> {
        let (recorded, directory) = (self.recorded?, self.directory?);
        leave(&self.playback, &recorded);
        let is_empty = Contents::read(recorded.path()).is_ok_and(|exchanges| exchanges.is_empty());
        (!is_empty).then(|| directory.keep().join(RECORDED))
    }

    fn write(self) -> Result<(), FinishError> {
        let Some(recorded) = &self.recorded else { return Ok(()) };
        self.bring(recorded).map_err(|source| {
            leave(&self.playback, recorded);
            let recorded = recorded.path().to_owned();
            // It has been paid for.
            self.directory.map(TempDir::keep);
            FinishError::Write { source, recorded }
        })
    }

    fn bring(&self, recorded: &Store) -> Result<(), PlaceError> {
        let recorded = Contents::read(recorded.path())?;
        if recorded.is_empty() {
            return Ok(());
        }
        let older = match self.mode() {
            Mode::Record => older_of(self.place.canonical()?, self.name.as_str()),
            Mode::Auto | Mode::Replay => Older::Stays,
        };
        self.place.change(|held| merged(held, recorded, older))
    }
}

/// Leaves what was recorded as one file.
fn leave(playback: &Playback, recorded: &Store) {
    playback.close();
    // Where it cannot be, all of it lies in the two files.
    _ = recorded.fold();
}

fn kept_at(recorded: Option<&Path>) -> String {
    recorded.map(|recorded| format!("; what was recorded is in {}", recorded.display())).unwrap_or_default()
}

/// The store that is recorded into, where one is.
fn recorded(place: &Place, mode: Mode, directory: Option<&TempDir>) -> Result<Option<Store>, FixtureError> {
    let Some(directory) = directory.filter(|_| mode != Mode::Replay) else { return Ok(None) };
    place.prepare()?;
    Ok(Some(Store::open(&directory.path().join(RECORDED), Access::ReadWrite)?))
}

/// The fixture as a store, where it answers.
fn held(place: &Place, mode: Mode, directory: Option<&TempDir>) -> Result<Option<Store>, FixtureError> {
    match place.open(directory.map(TempDir::path)) {
        Err(PlaceError::Text(TreeError::Empty { .. })) if mode != Mode::Replay => Ok(None),
        opened => Ok(opened?.filter(|_| mode != Mode::Record)),
    }
}
