//! How often a test has started a session.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::session_name::{SessionName, SessionNameError, test_of};
use crate::model::Mode;

/// A session as one test starts it. Tests that share one by its name are told apart, as nobody knows
/// which of them comes first; so are the modes, since a test that records may replay that afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Started {
    fixture: PathBuf,
    mode: Mode,
    session: String,
    /// The test, where the thread is one's.
    test: Option<String>,
}

/// How often each was started in this process.
static TURNS: Mutex<Option<HashMap<Started, u32>>> = Mutex::new(None);

/// A turn of a session. Where it is dropped before it counts, since what was to be started was not, the
/// next to start takes it.
#[derive(Debug)]
pub(super) struct Turn {
    name: SessionName,
    /// What is to have it; none once it counts.
    pending: Option<Box<Started>>,
    number: u32,
}

impl Turn {
    /// The name of the session in this turn.
    pub(super) const fn name(&self) -> &SessionName {
        &self.name
    }

    /// The session is started.
    pub(super) fn count(&mut self) {
        self.pending = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(pending) = self.pending.take() else { return };
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        let last = turns.as_mut().and_then(|turns| turns.get_mut(&pending));
        // Behind it others may have started meanwhile, whose names are theirs.
        if let Some(last) = last.filter(|last| **last == self.number) {
            *last -= 1;
        }
    }
}

/// The turn of a session that this thread starts now: another one each time, so that what is
/// recorded the second time is neither lost nor given to whoever asks the first time.
pub(super) fn next(fixture: &Path, mode: Mode, session: &SessionName) -> Result<Turn, SessionNameError> {
    let test = test_of(thread::current().name()).map(str::to_owned);
    let started = Started { fixture: fixture.to_owned(), mode, session: session.as_str().to_owned(), test };
    // Nothing that holds the lock can leave a count half-changed.
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    let last = turns.get_or_insert_default().entry(started.clone()).or_default();
    let number = *last + 1;
    let name = session.of_turn(number)?;
    *last = number;
    Ok(Turn { name, pending: Some(started.into()), number })
}
