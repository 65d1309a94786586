//! How often a test has started a session.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::session_name::{SessionName, SessionNameError, test_of};
use crate::model::Mode;

/// A session as one test starts it. Tests that share one by its name are told apart, as nobody knows
/// which of them comes first; so are the modes, since a test that records may replay that afterwards.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Started {
    fixture: PathBuf,
    mode: Mode,
    session: String,
    /// The test, where the thread is one's.
    test: Option<String>,
}

/// How often each was started in this process.
static TURNS: Mutex<Option<HashMap<Started, u32>>> = Mutex::new(None);

/// The name of a session that this thread starts now: another one each time, so that what is
/// recorded the second time is neither lost nor given to whoever asks the first time.
pub(super) fn next(fixture: &Path, mode: Mode, session: &SessionName) -> Result<SessionName, SessionNameError> {
    let test = test_of(thread::current().name()).map(str::to_owned);
    let started = Started { fixture: fixture.to_owned(), mode, session: session.as_str().to_owned(), test };
    // Nothing that holds the lock can leave a count half-changed.
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    let turn = turns.get_or_insert_default().entry(started).or_default();
    let name = session.of_turn(*turn + 1)?;
    *turn += 1;
    Ok(name)
}
