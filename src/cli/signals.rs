//! Ctrl-C and its relatives: the first one drains, the second one aborts, the third one ends all.

use std::io;

use nightreel::engine::{Stop, StopReason};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit::Exit;

/// Stops a run when the system asks for it, from a thread of its own: signals come while the input
/// is checked too, when no runtime is turning.
///
/// # Errors
/// Fails if the system does not let the signals be taken over.
pub(crate) fn listen(stop: Stop) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let wait = move || {
        for (count, _) in signals.forever().enumerate() {
            match count {
                0 => stop.drain(StopReason::Signal),
                1 => stop.abort(),
                _ => std::process::exit(Exit::Stopped as i32),
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
}
