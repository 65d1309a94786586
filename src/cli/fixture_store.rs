//! A fixture that is read, in whichever form it is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use nightreel::fixture::{Directory, PlaceError, mark_expendable};
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
    /// The store of a path. What is no directory has to be a store.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        if !path.is_dir() {
            Store::open(path, Access::ReadOnly).map_err(|error| refused(path, error))?;
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

    /// The file of the store.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

/// Whether there are simulated answers in the store of a path, and whether there are others.
pub(crate) fn families(path: &Path) -> Result<(bool, bool), StoreError> {
    let runs = Store::open(path, Access::ReadOnly)?.reader().and_then(|reader| reader.runs());
    let runs = runs.map_err(|error| error.in_file(path))?;
    let has = |simulated| runs.iter().any(|run| run.begun.simulated == simulated);
    Ok((has(true), has(false)))
}

/// What is said of a store that has simulated answers, and maybe others, where simulated ones are not
/// used; nothing where there are none.
pub(crate) const fn simulated_unused((simulated, real): (bool, bool)) -> Option<&'static str> {
    match (simulated, real) {
        (true, false) => Some("the answers in it are all simulated, and none is used"),
        (true, true) => Some("some of the answers in it are simulated, and these are not used"),
        (false, _) => None,
    }
}

/// What is wrong with a fixture that was named, and by what it was.
fn refused(path: &Path, error: StoreError) -> Failure {
    match PlaceError::of_store(path, error) {
        PlaceError::Store(error) => error.into(),
        error @ PlaceError::Missing(_) => Failure::store(anyhow!(
            "{error}; --fixture names a store, or a directory of texts, that is there, and so does record.fixture in a \
             job"
        )),
        error => Failure::store(anyhow!("{error} (--fixture names it, or record.fixture in the job)")),
    }
}
