//! What a fixture holds once a test has recorded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Exchange, Key};

/// A session; `None` is the unnamed one.
type SessionId = Option<Arc<str>>;

/// What of the older recordings goes where something is recorded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacing {
    /// None: what is recorded is what there was not.
    Nothing,
    /// Those of the same sessions: a test has recorded all that it asks for.
    Sessions,
    /// Those of the same requests in the same sessions: a server that several tests share records what
    /// those asked that were run.
    Requests,
}

/// Recordings of a fixture: those of a session, or of one request in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    fixture: PathBuf,
    session: SessionId,
    request: Option<Key>,
}

/// What this process has recorded anew.
static RECORDED: Mutex<BTreeSet<Part>> = Mutex::new(BTreeSet::new());

/// What a fixture holds where something new was recorded: the later one of two with the same identity
/// counts to whoever writes it. What this process has recorded before stays. Later turns of a session
/// go with none but their own: a test may fail before it comes to them.
pub(super) fn merged(
    fixture: &Path,
    mut held: Vec<Exchange>,
    recorded: Vec<Exchange>,
    replacing: Replacing,
) -> Vec<Exchange> {
    // Nothing that holds the lock can leave the set half-changed.
    let mut known = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    let part =
        |exchange: &Exchange, request| Part { fixture: fixture.to_owned(), session: exchange.session.clone(), request };
    let of_session = |exchange: &Exchange| part(exchange, None);
    let of_request = |exchange: &Exchange| part(exchange, Some(exchange.request.key));
    let anew: BTreeSet<Part> = match replacing {
        Replacing::Nothing => BTreeSet::new(),
        Replacing::Sessions => recorded.iter().map(of_session).collect(),
        Replacing::Requests => {
            recorded.iter().filter(|exchange| !known.contains(&of_session(exchange))).map(of_request).collect()
        }
    };
    let anew: BTreeSet<Part> = anew.into_iter().filter(|part| known.insert(part.clone())).collect();
    drop(known);
    held.retain(|exchange| !anew.contains(&of_session(exchange)) && !anew.contains(&of_request(exchange)));
    held.extend(recorded);
    held
}
