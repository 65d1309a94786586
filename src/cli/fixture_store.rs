//! A fixture that is read, in whichever form it is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use nightreel::fixture::{Directory, mark_expendable};
use nightreel::store::{Access, Store, StoreError, write_fixture};

use super::exit::Failure;
use super::fixture::read_exchanges;

/// A fixture as a store: the file that was named, or one that is made of a directory of texts.
#[derive(Debug, Clone)]
pub(crate) struct FixtureStore {
    file: PathBuf,
    /// The file lies there, where it was made, and goes with it.
    _made_in: Option<Arc<Directory>>,
}

impl FixtureStore {
    /// The store of a path. What is no directory is taken for a store.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        if !path.is_dir() {
            return Ok(Self { file: path.to_owned(), _made_in: None });
        }
        let exchanges = read_exchanges(path)?;
        let cannot = |error| Failure::store(anyhow!("cannot make a temporary directory: {error}"));
        let directory = Directory::make().map_err(cannot)?;
        mark_expendable(directory.path(), true).map_err(cannot)?;
        let file = directory.path().join("fixture.db");
        write_fixture(&file, exchanges)?;
        Ok(Self { file, _made_in: Some(Arc::new(directory)) })
    }

    /// Whether there are simulated answers in it, and whether there are others.
    pub(crate) fn families(&self) -> Result<(bool, bool), StoreError> {
        let runs = Store::open(&self.file, Access::ReadOnly)?.reader()?.runs()?;
        let has = |simulated| runs.iter().any(|run| run.begun.simulated == simulated);
        Ok((has(true), has(false)))
    }

    /// The file of the store.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}
