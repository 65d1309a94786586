//! Waiting for something to become so.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. It is far more than anything needs, for machines that are busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(2);

/// Returns when a condition holds, looked at again and again.
///
/// # Panics
/// Panics where it does not hold for three minutes; `what` says what was waited for.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited for three minutes in vain: {what}");
        thread::sleep(EVERY);
    }
}
