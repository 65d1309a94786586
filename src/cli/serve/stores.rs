//! The stores that a server looks into.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use nightreel::model::Mode;
use nightreel::store::{Access, Reader, RecordingCount, RecordingCounts, Store, StoreError};
use serde_json::Value;

use super::super::exit::Failure;
use super::super::fixture_store::{FixtureStore, simulated_unused};

/// The stores that a server looks into: its own first, then the fixtures, which are never written.
#[derive(Clone)]
pub(super) struct Stores(Vec<Opened>);

/// A store that was opened.
#[derive(Clone)]
struct Opened {
    store: Store,
    /// What was named: the store, or the directory of texts that it was made of.
    path: PathBuf,
    /// Where it lies, if it is a fixture.
    _fixture: Option<FixtureStore>,
}

/// What a store holds.
#[derive(Debug)]
pub(super) struct Counted {
    path: PathBuf,
    counts: RecordingCounts,
}

impl Counted {
    /// How many recordings there are of those that a mode makes use of.
    pub(super) fn of_use(&self, mode: Mode) -> RecordingCount {
        match mode {
            Mode::Auto => self.counts.real,
            Mode::Record | Mode::Replay => self.counts.total(),
        }
    }

    /// What is said of simulated answers that a mode sends requests in place of.
    pub(super) fn simulated_unused(&self, mode: Mode) -> Option<String> {
        let RecordingCounts { real, simulated } = self.counts;
        let what = simulated_unused((simulated.runs > 0, real.runs > 0)).filter(|_| mode == Mode::Auto)?;
        Some(format!("{}: {what}; --mode replay takes simulated answers", self.path.display()))
    }
}

impl Stores {
    /// Opens them. A server that sends writes to its own store, which is made where there is none; one
    /// that replays alone needs none where it has fixtures.
    pub(super) fn open(own: &Path, fixtures: &[&Path], mode: Mode) -> Result<Self, Failure> {
        let access = if mode == Mode::Replay { Access::ReadOnly } else { Access::ReadWrite };
        let has_own = mode != Mode::Replay || fixtures.is_empty() || own.exists();
        let own = has_own.then(|| Opened::own(own, access));
        let fixtures = fixtures.iter().map(|path| Opened::fixture(path));
        let mut all: Vec<Opened> = Vec::new();
        for opened in own.into_iter().chain(fixtures) {
            let opened = opened?;
            // One that is named twice would be locked by one reader and waited for by another.
            if all.iter().all(|other| !other.store.is_same_file(&opened.store)) {
                all.push(opened);
            }
        }
        Ok(Self(all))
    }

    /// The stores, in the order in which they count.
    pub(super) fn all(&self) -> Vec<Store> {
        self.0.iter().map(|opened| opened.store.clone()).collect()
    }

    /// The store that is written to, where one is.
    pub(super) fn own(&self) -> Option<&Store> {
        self.0.first().map(|opened| &opened.store)
    }

    /// Leaves the store that was written to as one file.
    pub(super) fn fold(&self) -> Result<(), Failure> {
        Ok(self.own().map_or(Ok(()), Store::fold)?)
    }

    /// What each of them holds.
    pub(super) fn count(&self) -> Result<Vec<Counted>, Failure> {
        let counts = self.0.iter().map(|Opened { store, path, .. }| {
            let counts = store.reader().and_then(|reader| reader.count_recordings());
            Ok(Counted { path: path.clone(), counts: counts.map_err(|error| error.in_file(path))? })
        });
        counts.collect()
    }

    /// Their names, for people.
    pub(super) fn names(&self) -> String {
        self.0.iter().map(|opened| opened.path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// The settings of the gateway that the newest recordings come from, where one of the stores has
    /// a run that says so.
    pub(super) fn recorded_gateway(&self) -> Result<Option<Value>, StoreError> {
        for opened in &self.0 {
            if let Some(gateway) = newest_gateway(&mut opened.store.reader()?)? {
                return Ok(Some(gateway));
            }
        }
        Ok(None)
    }
}

impl Opened {
    /// The server's own store. A missing one is made by recording.
    fn own(path: &Path, access: Access) -> Result<Self, Failure> {
        let store = Store::open(path, access).map_err(|error| match error {
            StoreError::Missing { path } => Failure::store(anyhow!(
                "there is no store {}; `nightreel serve --mode record` makes one; name another with --store, or a \
                 fixture with --fixture",
                path.display()
            )),
            error => error.into(),
        })?;
        Ok(Self { store, path: path.to_owned(), _fixture: None })
    }

    fn fixture(path: &Path) -> Result<Self, Failure> {
        let fixture = FixtureStore::of(path)?;
        let store = Store::open(fixture.file(), Access::ReadOnly)?;
        Ok(Self { store, path: path.to_owned(), _fixture: Some(fixture) })
    }
}

/// The settings of the gateway of the newest run that says where it sent, and has something from there:
/// nobody is to be led to an address that was only tried.
fn newest_gateway(reader: &mut Reader) -> Result<Option<Value>, StoreError> {
    for run in reader.runs()?.into_iter().rev() {
        let described = serde_json::from_str::<Value>(&run.begun.job_description);
        let gateway = described.map(|mut run| run["gateway"].take()).unwrap_or_default();
        if gateway["base_url"].is_string() && !reader.exchanges(run.id, None, 1)?.is_empty() {
            return Ok(Some(gateway));
        }
    }
    Ok(None)
}
