//! Where imported exchanges go: a new run of a store, or a fixture.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use nightreel::clock::now_ms;
use nightreel::fixture::{Contents, TreeError, export_text, import_text, run_of_no_fixture};
use nightreel::model::Exchange;
use nightreel::store::{Access, NewRun, RunId, Store, StoreError, write_fixture};

use super::super::context::env;
use super::super::exit::Failure;
use super::super::fixture::{refused, wait_for_lock};

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
    let _lock = wait_for_lock(path)?;
    let mut all = exchanges_of(path)?;
    all.extend(exchanges);
    let count = all.len();
    if path.is_dir() {
        export_text(all, path).map_err(refused)?;
    } else {
        write_fixture(path, all)?;
    }
    let exchanges = exchanges_of(path)?.len();
    Ok(Written::Fixture { path: path.to_owned(), exchanges, replaced: count - exchanges })
}

/// What a fixture holds, which may be a directory of texts; nothing where there is none yet.
fn exchanges_of(fixture: &Path) -> Result<Vec<Exchange>, Failure> {
    if fixture.is_dir() {
        return match import_text(fixture) {
            Ok(texts) => Ok(texts.into_iter().map(|(_, exchange)| exchange).collect()),
            Err(TreeError::Empty { .. }) => Ok(Vec::new()),
            Err(error) => Err(refused(error)),
        };
    }
    if !fixture.exists() {
        return Ok(Vec::new());
    }
    let store = Store::open(fixture, Access::ReadOnly).map_err(|error| match error {
        StoreError::Foreign { path } => {
            Failure::store(anyhow!("{} is no fixture; name another file with --fixture", path.display()))
        }
        error => error.into(),
    })?;
    let runs = store.reader()?.runs()?;
    if run_of_no_fixture(&runs).is_some() {
        let path = fixture.display();
        return Err(Failure::usage(anyhow!("{path} is a store of runs and no fixture; name it with --store")));
    }
    Ok(Contents::read(fixture)?)
}
