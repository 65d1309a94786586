//! How a run stands.

use std::fmt;

use nightreel::clock::now_ms;
use nightreel::store::{Holder, Reader, Run, StoreError};

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunState {
    /// A live process has it.
    Running(Holder),
    /// All of its items are settled.
    Complete,
    /// It was stopped before its end, and why.
    Stopped(String),
    /// It never said that it ended, and nobody has it.
    Killed,
}

impl RunState {
    /// How a run of the store stands now.
    pub(crate) fn read(reader: &Reader, run: &Run) -> Result<Self, StoreError> {
        if let Some(ended) = &run.ended {
            return Ok(Self::of_end(ended));
        }
        let (job, simulated) = (&run.begun.job, run.begun.simulated);
        let newest = reader.latest_run(job, simulated)?.is_some_and(|latest| latest.id == run.id);
        let holder = if newest { reader.holder(job, simulated, now_ms())? } else { None };
        Ok(holder.map_or(Self::Killed, Self::Running))
    }

    fn of_end(ended: &str) -> Self {
        match ended {
            "complete" => Self::Complete,
            "killed" => Self::Killed,
            reason => Self::Stopped(reason.to_owned()),
        }
    }

    /// The word that programs read.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Complete => "complete",
            Self::Stopped(_) => "stopped",
            Self::Killed => "killed",
        }
    }

    /// Why it stopped before its end, where it did and said so.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Stopped(reason) => Some(reason),
            _ => None,
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(holder) => write!(f, "running by process {} on {}", holder.pid, holder.host),
            Self::Stopped(reason) if reason.starts_with("stopped") => f.write_str(reason),
            Self::Stopped(reason) => write!(f, "stopped: {reason}"),
            other => f.write_str(other.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_reads_as_a_state() {
        for (ended, text, word) in [
            ("complete", "complete", "complete"),
            ("killed", "killed", "killed"),
            ("out of credit", "stopped: out of credit", "stopped"),
            ("stopped by a signal", "stopped by a signal", "stopped"),
        ] {
            let state = RunState::of_end(ended);
            assert_eq!((state.to_string().as_str(), state.as_str()), (text, word));
        }
    }
}
