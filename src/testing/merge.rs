//! What a fixture holds once a test has recorded.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::session_name::first_turn;
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
/// records for the first time, and their later turns, as long as it has not recorded these.
pub(super) fn sessions_to_replace(fixture: &Path, held: &[Exchange], recorded: &[Exchange]) -> Vec<SessionId> {
    // Nothing that holds the lock can leave the set half-changed.
    let mut known = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let in_fixture = |session: &SessionId| (fixture.to_owned(), session.clone());
    let mut anew = sessions(recorded);
    anew.retain(|session| known.insert(in_fixture(session)));
    let is_old_turn = |session: &SessionId| anew.contains(&first_of(session)) && !known.contains(&in_fixture(session));
    let old_turns: Vec<SessionId> = sessions(held).into_iter().filter(is_old_turn).collect();
    anew.into_iter().chain(old_turns).collect()
}

fn sessions(exchanges: &[Exchange]) -> BTreeSet<SessionId> {
    exchanges.iter().map(|exchange| exchange.session.clone()).collect()
}

/// The session that one is a later turn of, else itself.
fn first_of(session: &SessionId) -> SessionId {
    match session.as_deref().and_then(first_turn) {
        Some(first) => Some(first).filter(|first| !first.is_empty()).map(Arc::from),
        None => session.clone(),
    }
}
