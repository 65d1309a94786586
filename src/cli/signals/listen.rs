//! The first Ctrl-C drains, the second one aborts, the third one ends all.

use std::io;
use std::time::Instant;

use nightreel::engine::{Stop, StopReason};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;

use super::super::exit::Exit;
use super::{Ignored, Origin, SignalCounter};

/// Stops a run when the system asks for it, from a thread of its own: signals come while the input
/// is checked too, when no runtime is turning.
///
/// # Errors
/// Fails if the system does not let the signals be taken over.
pub(crate) fn listen(stop: Stop) -> io::Result<()> {
    let ignored = Ignored::now();
    let mut signals = SignalsInfo::<WithOrigin>::new(ignored.alone())?;
    let wait = move || {
        let mut counter = SignalCounter::default();
        for signal in signals.forever() {
            if !ignored.hears(signal.signal, Origin::of(&signal)) {
                continue;
            }
            match counter.count(Instant::now()) {
                None => {}
                Some(0) => stop.drain(StopReason::Signal),
                Some(1) => stop.abort(),
                Some(_) => std::process::exit(Exit::Stopped as i32),
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
}
