//! Where a fixture lies, and in which form.

use std::io;
use std::path::{Path, PathBuf};

use crate::fixture::{Contents, Lock, LockError, TreeError, canonical, export_text, import_text, run_of_no_fixture};
use crate::model::Exchange;
use crate::store::{Access, Store, StoreError, check_writable, write_fixture};

/// How the name of a store ends.
const STORE: &str = "db";

/// Where a fixture lies, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// It leads to the same place whatever becomes of the working directory.
    pub(super) path: PathBuf,
    form: Form,
}

/// The form of a fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A store.
    Store,
    /// A directory of texts.
    Text,
}

/// Why a fixture cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(StoreError),
    /// The directory of texts cannot be read or written.
    #[error(transparent)]
    Text(#[from] TreeError),
    /// The file is something else.
    #[error("{} is no fixture: it is neither a nightreel store nor a directory of texts", .0.display())]
    Foreign(PathBuf),
    /// The file is a store that cannot be read as one.
    #[error(
        "{} is a nightreel store that is damaged: SQLite cannot read what its tables are; put a copy from before in its \
         place, or delete it and record it anew",
        .0.display()
    )]
    Unreadable(PathBuf),
    /// The file was written by a newer nightreel.
    #[error(
        "{} has version {found}, and the nightreel of these tests knows versions up to {known}; use a newer one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest version that is known here.
        known: usize,
    },
    /// The file is a store of other runs, which writing a fixture in its place would lose.
    #[error(
        "{} holds runs of the job \"{job}\" and is no fixture, so nothing is recorded into it; make a fixture of it \
         (nightreel fixture create), or name another file",
        path.display()
    )]
    NotAFixture {
        /// The file.
        path: PathBuf,
        /// The job of one of its runs.
        job: String,
    },
    /// Its lock cannot be made.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It cannot be found, the directory that it is to lie in cannot be made, or nothing can be written
    /// there.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// The file or the directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl From<StoreError> for PlaceError {
    fn from(error: StoreError) -> Self {
        match error {
            // What these say is for a command line.
            StoreError::Foreign { path } => Self::Foreign(path),
            StoreError::Unreadable { path } => Self::Unreadable(path),
            StoreError::Newer { path, found, known } => Self::Newer { path, found, known },
            error => Self::Store(error),
        }
    }
}

impl Place {
    /// The place of a path. What is not there yet is a store where its name ends in `.db`.
    pub(super) fn of(path: &Path) -> Result<Self, PlaceError> {
        let path = std::path::absolute(path).map_err(io_error("find", path))?;
        let is_store = path.is_file() || (!path.is_dir() && path.extension().is_some_and(|kind| kind == STORE));
        Ok(Self { path, form: if is_store { Form::Store } else { Form::Text } })
    }

    /// Whether there is anything.
    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Makes sure that it can be written later: what is recorded may have been paid for.
    pub(super) fn prepare(&self) -> Result<(), PlaceError> {
        let parent = self.path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(parent).map_err(io_error("make the directory", parent))?;
        self.check_fixture()?;
        // Whoever reads texts meanwhile would come upon a file that is just going.
        let _lock = Lock::take(&self.path)?;
        match self.form {
            Form::Store => Ok(check_writable(&self.path)?),
            Form::Text if self.path.is_dir() => check_directory(&self.path),
            Form::Text => check_directory(parent),
        }
    }

    /// Whether it can be read as it lies there.
    pub(super) fn is_store(&self) -> bool {
        self.form == Form::Store
    }

    /// The one path of it, whatever it was named by.
    pub(super) fn canonical(&self) -> Result<PathBuf, PlaceError> {
        Ok(canonical(&self.path)?)
    }

    /// The fixture as a store, which is made in a directory where the fixture is a directory of
    /// texts; none where there is nothing.
    pub(super) fn open(&self, directory: Option<&Path>) -> Result<Option<Store>, PlaceError> {
        let Some(directory) = directory.filter(|_| self.form == Form::Text) else {
            return if self.exists() { Ok(Some(Store::open(&self.path, Access::ReadOnly)?)) } else { Ok(None) };
        };
        if !self.exists() {
            return Ok(None);
        }
        // A store is replaced at once, while texts are written one by one.
        let lock = Lock::take(&self.path)?;
        let exchanges = self.texts()?;
        drop(lock);
        let path = directory.join("fixture.db");
        write_fixture(&path, exchanges)?;
        Ok(Some(Store::open(&path, Access::ReadOnly)?))
    }

    /// What it holds; nothing where there is nothing.
    fn read(&self) -> Result<Vec<Exchange>, PlaceError> {
        match self.form {
            _ if !self.exists() => Ok(Vec::new()),
            Form::Store => Ok(Contents::read(&self.path)?),
            Form::Text => match self.texts() {
                Err(PlaceError::Text(TreeError::Empty { .. })) => Ok(Vec::new()),
                texts => texts,
            },
        }
    }

    /// Whether it may be written anew without losing what no fixture holds.
    fn check_fixture(&self) -> Result<(), PlaceError> {
        if self.form == Form::Text || !self.exists() {
            return Ok(());
        }
        let runs = Store::open(&self.path, Access::ReadOnly)?.reader()?.runs()?;
        match run_of_no_fixture(&runs) {
            Some(run) => Err(PlaceError::NotAFixture { path: self.path.clone(), job: run.begun.job.clone() }),
            None => Ok(()),
        }
    }

    /// Changes what it holds, while nobody else does.
    pub(super) fn change(&self, change: impl FnOnce(Vec<Exchange>) -> Vec<Exchange>) -> Result<(), PlaceError> {
        let _lock = Lock::take(&self.path)?;
        let exchanges = change(self.read()?);
        match self.form {
            Form::Store => write_fixture(&self.path, exchanges)?,
            Form::Text => drop(export_text(exchanges, &self.path)?),
        }
        Ok(())
    }

    fn texts(&self) -> Result<Vec<Exchange>, PlaceError> {
        Ok(import_text(&self.path)?.into_iter().map(|(_, exchange)| exchange).collect())
    }
}

/// Makes sure that files can be made in a directory.
fn check_directory(directory: &Path) -> Result<(), PlaceError> {
    let file = tempfile::Builder::new().prefix(".nightreel").tempfile_in(directory);
    // It is gone as soon as it has been made.
    file.map(drop).map_err(io_error("write into", directory))
}

pub(super) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PlaceError {
    move |source| PlaceError::Io { what, path: path.to_owned(), source }
}
