//! A limit on the size of files.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// Has a file that grows beyond the limit of its shell (`ulimit -f`) fail to be written, which is told,
/// rather than end the process, which says nothing. A command that is run is ended by it as ever.
pub(crate) fn outlive_size_limit() {
    // It fails for signals that nobody may take over alone, and this is none. The flag is not looked at:
    // what is written when the signal comes fails, too.
    let _taken = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
