//! What a fixture holds once a test has recorded.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Exchange;

/// A session; `None` is the unnamed one.
type SessionId = Option<Arc<str>>;

/// What a fixture holds where something new was recorded, in the place of all that some sessions
/// had: the later one of two with the same identity counts to whoever writes it.
pub(super) fn merged(mut held: Vec<Exchange>, recorded: Vec<Exchange>, replaced: &[SessionId]) -> Vec<Exchange> {
    held.retain(|exchange| !replaced.contains(&exchange.session));
    held.extend(recorded);
    held
}

/// The sessions of each fixture that this process has recorded anew.
static RECORDED: Mutex<Option<HashSet<(PathBuf, SessionId)>>> = Mutex::new(None);

/// The sessions whose older recordings go where something is recorded anew: those that this process
/// records for the first time. Later turns of a session go with none but their own: a test may fail
/// before it comes to them.
pub(super) fn sessions_to_replace(fixture: &Path, recorded: &[Exchange]) -> Vec<SessionId> {
    // Nothing that holds the lock can leave the set half-changed.
    let mut known = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let sessions: BTreeSet<SessionId> = recorded.iter().map(|exchange| exchange.session.clone()).collect();
    sessions.into_iter().filter(|session| known.insert((fixture.to_owned(), session.clone()))).collect()
}
