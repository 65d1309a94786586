//! What is recorded by threads that end before their servers do.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::thread;

use super::notice::tell;
use super::recorded::Recorded;

thread_local! {
    static STARTED: Started = const { Started(RefCell::new(Vec::new())) };
}

/// What a thread has begun to record. It is dropped when the thread ends: by then a test has dropped
/// its own, and what is still there is in a `static`, leaked, or in other hands.
struct Started(RefCell<Vec<Weak<Recorded>>>);

/// Watches over what this thread has begun to record.
pub(super) fn watch(recorded: &Arc<Recorded>) {
    // A thread that is just ending watches no more; it is no test.
    _ = STARTED.try_with(|Started(started)| {
        let mut started = started.borrow_mut();
        started.retain(|recorded| recorded.strong_count() > 0);
        started.push(Arc::downgrade(recorded));
    });
}

impl Drop for Started {
    fn drop(&mut self) {
        let outliving: Vec<Arc<Recorded>> = self.0.get_mut().iter().filter_map(Weak::upgrade).collect();
        if outliving.is_empty() {
            return;
        }
        // What this thread has by itself may be gone already, and others rely on having theirs.
        let bring = move || outliving.iter().for_each(|recorded| recorded.outlive());
        match thread::Builder::new().name("nightreel-testing".to_owned()).spawn(bring) {
            // What panicked there has been told.
            Ok(bringing) => _ = bringing.join(),
            Err(error) => tell(&format!("cannot start a thread to bring what was recorded into its fixture: {error}")),
        }
    }
}
