//! How the command ends: its exit code, and the error that a person reads.

use std::path::Path;
use std::process::ExitCode;

use nightreel::engine::{CheckError, ExportError, ReplayError, RunError, StopReason};
use nightreel::fixture::{LockError, PlaceError, TreeError};
use nightreel::store::StoreError;

/// The exit codes, as the README documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All items settled well.
    Success = 0,
    /// The run is complete, but items failed.
    ItemsFailed = 1,
    /// The command, the job file or the input is wrong; nothing was sent.
    Usage = 2,
    /// Stopped before the end; run again to go on.
    Stopped = 3,
    /// Replay found something that is not recorded.
    NotRecorded = 4,
    /// The store, or the results, could not be read or written.
    Store = 5,
    /// Another run of this job holds the lease, or another process is changing the fixture.
    Held = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends the command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    /// Something that the user gave is wrong.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// The store, or a file of results, cannot be used.
    pub(crate) fn store(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Store, error: error.into() }
    }

    /// Names the store that a command is about, where what is said to be damaged has no name yet.
    pub(crate) fn in_store(self, store: &Path) -> Self {
        let Self { exit, error } = self;
        let error = error.downcast::<StoreError>().map_or_else(|error| error, |error| error.in_file(store).into());
        Self { exit, error }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Held { .. } => Exit::Held,
            StoreError::NoRun(_) => Exit::Usage,
            _ => Exit::Store,
        };
        Self { exit, error: error.into() }
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Store(error) => error.into(),
            PlaceError::Text(error) => error.into(),
            PlaceError::Lock(error) => error.into(),
            error @ PlaceError::NotAFixture { .. } => Self::usage(error),
            error => Self::store(error),
        }
    }
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Self {
        match error {
            error @ (TreeError::Io { .. } | TreeError::Partial { .. }) => Self::store(error),
            // What is wrong with texts is the user's to mend.
            error => Self::usage(error),
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(_) => Self { exit: Exit::Held, error: error.into() },
            LockError::Io { .. } => Self::store(error),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(error) => error.into(),
            error @ CheckError::Stopped => Self { exit: Exit::Stopped, error: error.into() },
            error => Self::usage(error),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            error @ ExportError::Output { .. } => Self::store(error),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => error.into(),
            RunError::Intake(StopReason::Store(message)) => Self::store(anyhow::Error::msg(message)),
            error @ (RunError::Intake(_) | RunError::Thread(_)) => Self::usage(error),
        }
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => error.into(),
            ReplayError::Output(error) => error.into(),
            ReplayError::Intake(StopReason::Store(message)) => Self::store(anyhow::Error::msg(message)),
            error @ (ReplayError::Intake(_) | ReplayError::Thread(_) | ReplayError::Panicked) => Self::usage(error),
        }
    }
}
