//! Where a signal comes from.

use signal_hook::low_level::siginfo::{Cause, Origin as SignalOrigin};

/// Where a signal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The terminal, which sends it to a command that was started from here as well.
    Terminal,
    /// Another process.
    Process,
}

impl Origin {
    /// Where a signal that was caught comes from.
    pub(crate) fn of(signal: &SignalOrigin) -> Self {
        if matches!(signal.cause, Cause::Sent(_)) { Self::Process } else { Self::Terminal }
    }
}
