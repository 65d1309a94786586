//! A test's part in a fixture: what it is played, and what becomes of what it records.

use std::path::Path;
use std::sync::Arc;

use super::environment::Environment;
use super::left::Left;
use super::recorded::Recorded;
use super::session_name::SessionName;
use super::shortfall::Shortfall;
use super::thread_end::watch;
use super::turns::Turn;
use super::{Fixture, FixtureError, turns};
use crate::fixture::{Directory, Form, Place, PlaceError, TreeError, mark_expendable};
use crate::model::Mode;
use crate::record::{Listed, Playback, Refused, SessionReport};
use crate::serve::KeepError;
use crate::store::{Store, StoreError};

/// A test's part in a fixture: what it is played, and what becomes of what it records.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: SessionName,
    pub(super) playback: Arc<Playback>,
    /// What is recorded goes here; none where nothing is.
    pub(super) recorded: Option<Arc<Recorded>>,
    place: Place,
    must_use_all: bool,
    /// Whether it is given what the first turn of the session has, for want of recordings of its own:
    /// that one answers for what nobody asks for.
    repeats: bool,
    turn: Turn,
    /// What is recorded lies there, and a store that was made of texts.
    directory: Option<Directory>,
}

/// Why a test that was done with its fixture must fail.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// It was to use all of its recordings, and did otherwise.
    #[error(transparent)]
    Shortfall(Box<Shortfall>),
    /// Something could not be recorded.
    #[error("not all that was sent could be recorded, so the fixture stays as it was: {source}{}", kept_at(.recorded.as_ref()))]
    Keep {
        /// Why not.
        source: KeepError,
        /// What was recorded, where it could be left.
        recorded: Option<Left>,
    },
    /// Something could not be sent, so that nothing of it is recorded.
    #[error(
        "{unsent} of the requests that were to be recorded could not be sent, so the fixture stays as it was: {}{}",
        shown(refused), kept_at(.recorded.as_ref())
    )]
    Unsent {
        /// How many different requests.
        unsent: usize,
        /// Why not.
        refused: Listed<Refused>,
        /// What was recorded of others, where anything was.
        recorded: Option<Left>,
    },
    /// The fixture could not be written.
    #[error("{source}; {recorded}")]
    Write {
        /// Why not.
        source: PlaceError,
        /// What was recorded.
        recorded: Left,
    },
    /// What came of the session cannot be told, as the recordings cannot be read any more.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    pub(super) fn open(fixture: &Fixture, environment: &Environment) -> Result<Self, FixtureError> {
        let (name, place) = (fixture.session_name()?, fixture.place()?);
        let options = fixture.playback_options(environment)?;
        if options.mode == Mode::Replay && !place.exists() {
            return Err(fixture.missing(environment));
        }
        let needs_directory = options.mode != Mode::Replay || place.form() == Form::Text;
        let directory = needs_directory.then(Directory::make).transpose().map_err(FixtureError::Directory)?;
        let directory_path = directory.as_ref().map(Directory::path);
        let recorded = recorded(&place, options.mode, directory_path)?;
        let held = held(&place, options.mode, directory_path).map_err(|error| match error {
            FixtureError::Place(PlaceError::Text(TreeError::Empty { .. })) => fixture.empty(environment),
            error => error,
        })?;
        let turn = turns::next(&place.canonical()?, options.mode, &name)?;
        let is_first = *turn.name() == name;
        let repeats = !is_first && options.mode == Mode::Replay && !has_session(held.as_ref(), turn.name())?;
        let name = if repeats { name } else { turn.name().clone() };
        let stores = recorded.iter().map(|recorded| recorded.store().clone()).chain(held).collect();
        let playback = Arc::new(Playback::new(stores, options)?);
        let must_use_all = fixture.must_all_be_used();
        Ok(Self { name, playback, recorded, place, must_use_all, repeats, turn, directory })
    }

    /// What answers by it is there: its turn is used up.
    pub(super) fn started(&mut self) {
        self.turn.count();
    }

    /// Where the fixture lies.
    pub(super) fn fixture(&self) -> &Path {
        self.place.path()
    }

    pub(super) fn mode(&self) -> Mode {
        self.playback.options().mode
    }

    /// What came of it so far.
    pub(super) fn report(&self) -> Result<SessionReport, StoreError> {
        let mut report = self.playback.report_of(self.name.as_str())?;
        if self.repeats {
            (report.unused, report.unused_recordings) = (0, Listed::default());
        }
        Ok(report)
    }

    /// Brings what was recorded into the fixture, and says what came of the session.
    pub(super) fn finish(self) -> Result<SessionReport, FinishError> {
        let report = self.report()?;
        let unsent = self.playback.unsent();
        if unsent > 0 {
            return Err(FinishError::Unsent { unsent, refused: report.refused, recorded: self.abandon() });
        }
        let shortfall = Shortfall::of(&report, &self.name, self.place.path());
        let must_use_all = self.must_use_all;
        self.write()?;
        match shortfall {
            Some(shortfall) if must_use_all => Err(FinishError::Shortfall(Box::new(shortfall))),
            _ => Ok(report),
        }
    }

    /// Leaves the fixture as it was. What was recorded has been paid for, so it stays where it is:
    /// gives it, where there is anything in it.
    pub(super) fn abandon(self) -> Option<Left> {
        let (recorded, directory) = (self.recorded?, self.directory?);
        leave(&self.playback, recorded.store());
        let is_in_fixture = recorded.has_outlived() || recorded.is_empty().unwrap_or_default();
        (!is_in_fixture).then(|| {
            _ = directory.keep();
            recorded.left()
        })
    }

    /// Whether what is recorded is in the fixture already, whatever comes of the test.
    pub(super) fn has_outlived(&self) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| recorded.has_outlived())
    }

    fn write(self) -> Result<(), FinishError> {
        let Some(recorded) = &self.recorded else { return Ok(()) };
        recorded.bring().map_err(|source| {
            leave(&self.playback, recorded.store());
            let recorded = recorded.left();
            // It has been paid for.
            self.directory.map(Directory::keep);
            FinishError::Write { source, recorded }
        })
    }
}

/// Leaves what was recorded as one file.
fn leave(playback: &Playback, recorded: &Store) {
    playback.close();
    // Where it cannot be, all of it lies in the two files.
    _ = recorded.fold();
}

fn kept_at(recorded: Option<&Left>) -> String {
    recorded.map(|recorded| format!("; {recorded}")).unwrap_or_default()
}

fn shown(refused: &Listed<Refused>) -> String {
    // What a client asks wrongly was not to be sent.
    let unsent = refused.shown.iter().filter(|refused| refused.status >= 500);
    unsent.map(|refused| refused.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// What is recorded, where anything is. A directory that nothing is recorded into holds what can be
/// made again.
fn recorded(place: &Place, mode: Mode, directory: Option<&Path>) -> Result<Option<Arc<Recorded>>, FixtureError> {
    let Some(directory) = directory else { return Ok(None) };
    if mode == Mode::Replay {
        mark_expendable(directory, true).map_err(FixtureError::Directory)?;
        return Ok(None);
    }
    let recorded = Arc::new(Recorded::begin(place, mode, directory)?);
    watch(&recorded);
    Ok(Some(recorded))
}

/// The fixture as a store, where it answers.
fn held(place: &Place, mode: Mode, directory: Option<&Path>) -> Result<Option<Store>, FixtureError> {
    match place.open(directory) {
        Err(PlaceError::Text(TreeError::Empty { .. })) if mode != Mode::Replay => Ok(None),
        opened => Ok(opened?.filter(|_| mode != Mode::Record)),
    }
}

fn has_session(held: Option<&Store>, session: &SessionName) -> Result<bool, StoreError> {
    held.map_or(Ok(false), |held| held.reader()?.has_session(session.as_str()))
}
