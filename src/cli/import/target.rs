//! Where imported exchanges go: a new run of a store, or a fixture.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use nightreel::clock::now_ms;
use nightreel::fixture::{Form, Place, PlaceError};
use nightreel::model::Exchange;
use nightreel::store::{Access, NewRun, RunId, Store};

use super::super::context::env;
use super::super::exit::Failure;
use super::super::fixture::wait_for_lock;

/// The store where nothing names one.
const STORE: &str = "nightreel.db";

/// Where imported exchanges go.
#[derive(Debug)]
pub(super) enum Target {
    Store { path: PathBuf, job: String },
    Fixture(PathBuf),
}

/// Where they went.
#[derive(Debug)]
pub(super) enum Written {
    Run {
        store: PathBuf,
        run: RunId,
    },
    /// How many it holds now, and in place of how many others some of those that came stand.
    Fixture {
        path: PathBuf,
        exchanges: usize,
        replaced: usize,
    },
}

impl Target {
    pub(super) fn of(store: Option<&Path>, fixture: Option<&Path>, job: &str) -> Self {
        if let Some(fixture) = fixture {
            return Self::Fixture(fixture.to_owned());
        }
        let store = store.map(Path::to_owned).or_else(|| env("NIGHTREEL_STORE").map(Into::into));
        Self::Store { path: store.unwrap_or_else(|| STORE.into()), job: job.to_owned() }
    }

    /// The file that they go to.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Store { path, .. } | Self::Fixture(path) => path,
        }
    }

    pub(super) fn write(&self, exchanges: Vec<Exchange>) -> Result<Written, Failure> {
        match self {
            Self::Store { path, job } => add_run(path, job, exchanges),
            Self::Fixture(path) => merge(path, exchanges),
        }
    }
}

fn add_run(path: &Path, job: &str, exchanges: Vec<Exchange>) -> Result<Written, Failure> {
    let store = Store::open(path, Access::ReadWrite)?;
    let run = NewRun::of_exchanges(job, now_ms());
    let run = store.keep_exchanges(&run, exchanges)?;
    store.fold()?;
    Ok(Written::Run { store: path.to_owned(), run })
}

/// Writes a fixture anew, with what it had before and what comes to it: of two with the same
/// session, key and occurrence the later one stays.
fn merge(path: &Path, exchanges: Vec<Exchange>) -> Result<Written, Failure> {
    let place = Place::of(path, Form::Store);
    let _lock = wait_for_lock(path)?;
    let mut all = place.held().map_err(no_fixture)?;
    all.extend(exchanges);
    let count = all.len();
    place.write(all)?;
    let exchanges = place.held()?.len();
    Ok(Written::Fixture { path: path.to_owned(), exchanges, replaced: count - exchanges })
}

/// Why nothing goes into a fixture, with the flag for what is none.
fn no_fixture(error: PlaceError) -> Failure {
    match error {
        error @ PlaceError::NotAFixture { .. } => {
            Failure::usage(anyhow!("{error}; to add a run to it, name it with --store"))
        }
        error => error.into(),
    }
}
