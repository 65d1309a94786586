//! What a fixture holds once a test has recorded.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Exchange;

/// Whether what a session has in a fixture stays when something new is recorded in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Older {
    /// It stays beside what is new.
    Stays,
    /// What is new stands in its place.
    Goes,
}

/// What a fixture holds where something new was recorded: the later one of two with the same
/// identity counts to whoever writes it.
pub(super) fn merged(mut held: Vec<Exchange>, recorded: Vec<Exchange>, older: Older) -> Vec<Exchange> {
    if older == Older::Goes {
        let sessions: BTreeSet<Option<Arc<str>>> = recorded.iter().map(|exchange| exchange.session.clone()).collect();
        held.retain(|exchange| !sessions.contains(&exchange.session));
    }
    held.extend(recorded);
    held
}

/// The sessions of each fixture that this process has recorded anew.
static RECORDED: Mutex<Option<HashSet<(PathBuf, String)>>> = Mutex::new(None);

/// What becomes of the older recordings of a session of a fixture that is recorded anew: the first
/// time in a process they go. A test may then play one session several times, and loses none.
pub(super) fn older_of(fixture: PathBuf, session: &str) -> Older {
    // Nothing that holds the lock can leave the set half-changed.
    let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = recorded.get_or_insert_default().insert((fixture, session.to_owned()));
    if is_first { Older::Goes } else { Older::Stays }
}
