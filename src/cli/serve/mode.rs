//! Which mode the server is in: the flag's, else replay where CI is set, else the job's.

use std::ffi::OsStr;

use nightreel::model::Mode;

use super::super::ci::is_ci;

/// A mode, and who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChosenMode {
    pub(super) mode: Mode,
    pub(super) by: ChosenBy,
}

/// Who chose a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChosenBy {
    /// `--mode`.
    Flag,
    /// The variable `CI`: what runs there must not depend on the network, nor cost anything.
    Ci,
    /// The job, which has a default.
    Job,
}

impl ChosenMode {
    /// The mode by `--mode`, by the variable `CI` and by the job.
    pub(super) fn choose(flag: Option<Mode>, ci: Option<&str>, job: Mode) -> Self {
        match (flag, is_ci(ci.map(OsStr::new))) {
            (Some(mode), _) => Self { mode, by: ChosenBy::Flag },
            (None, true) => Self { mode: Mode::Replay, by: ChosenBy::Ci },
            (None, false) => Self { mode: job, by: ChosenBy::Job },
        }
    }

    /// What is said of a choice that nobody made on the command line.
    pub(super) const fn notice(self) -> Option<&'static str> {
        match self.by {
            ChosenBy::Ci => Some("CI is set, so the mode is replay: nothing is sent; --mode says otherwise"),
            ChosenBy::Flag | ChosenBy::Job => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_beats_ci_which_beats_the_job() {
        use ChosenBy::{Ci, Flag, Job};
        use Mode::{Auto, Record, Replay};
        for (flag, ci, job, mode, by) in [
            (None, None, Auto, Auto, Job),
            (None, None, Record, Record, Job),
            (None, Some("true"), Auto, Replay, Ci),
            (None, Some("true"), Record, Replay, Ci),
            (Some(Auto), None, Replay, Auto, Flag),
            (Some(Auto), Some("true"), Replay, Auto, Flag),
            (Some(Record), Some("true"), Auto, Record, Flag),
            (Some(Replay), Some("false"), Record, Replay, Flag),
        ] {
            assert_eq!(ChosenMode::choose(flag, ci, job), ChosenMode { mode, by }, "{flag:?} {ci:?} {job:?}");
        }
    }

    #[test]
    fn only_ci_is_told() {
        for by in [ChosenBy::Flag, ChosenBy::Ci, ChosenBy::Job] {
            let notice = ChosenMode { mode: Mode::Replay, by }.notice();
            assert_eq!(notice.is_some(), by == ChosenBy::Ci, "{by:?}");
        }
    }
}
