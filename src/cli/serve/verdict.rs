//! How `serve` ends: its gates, the command that it ran, and the exit code of both.

use std::process::ExitCode;

use nightreel::record::SessionReport;

use super::super::exit::Exit;

/// The exit codes by which shells say that a command could not be run.
const NOT_RUN: [u8; 2] = [126, 127];

/// What the server is asked to fail for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gates {
    /// Requests that nothing answered, those that were refused among them.
    pub(super) miss: bool,
    /// Recordings that no request was answered by.
    pub(super) unused: bool,
}

impl Gates {
    /// The exit code that the gates ask for. What was missed goes before what was left over: the
    /// second often follows from the first.
    pub(super) const fn exit(self, report: &SessionReport) -> Exit {
        match (self.miss && report.unanswered() > 0, self.unused && report.unused > 0) {
            (true, _) => Exit::NotRecorded,
            (false, true) => Exit::ItemsFailed,
            (false, false) => Exit::Success,
        }
    }
}

/// What is said of a command that has run and asked nothing: its tests may have passed the server by.
pub(super) fn asked_nothing(command: Option<u8>, report: &SessionReport) -> Option<&'static str> {
    let has_run = command.is_some_and(|code| !NOT_RUN.contains(&code));
    (has_run && report.asked() == 0).then_some(
        "the command asked this server nothing: it makes no calls, or its client reads none of the variables that \
         lead here; give such a client the base URL by hand, out of NIGHTREEL_URL",
    )
}

/// The exit code of it all: that of the command that was run, or the gates' where it ended well or
/// there was none.
pub(super) fn exit_code(command: Option<u8>, gates: Exit) -> ExitCode {
    match command {
        Some(0) | None => gates.into(),
        Some(code) => code.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_fails_for_what_it_is_asked_to() {
        for (miss, unused, misses, left, exit) in [
            (false, false, 0, 0, Exit::Success),
            (false, false, 1, 1, Exit::Success),
            (true, false, 0, 1, Exit::Success),
            (true, false, 1, 0, Exit::NotRecorded),
            (true, false, 1, 1, Exit::NotRecorded),
            (false, true, 1, 0, Exit::Success),
            (false, true, 0, 1, Exit::ItemsFailed),
            (false, true, 1, 1, Exit::ItemsFailed),
            (true, true, 0, 0, Exit::Success),
            (true, true, 0, 1, Exit::ItemsFailed),
            (true, true, 1, 0, Exit::NotRecorded),
            (true, true, 1, 1, Exit::NotRecorded),
        ] {
            let report = SessionReport { misses, unused: left, ..SessionReport::default() };
            assert_eq!(Gates { miss, unused }.exit(&report), exit, "{miss} {unused} {misses} {left}");
            let report = SessionReport { refusals: misses, unused: left, ..SessionReport::default() };
            assert_eq!(Gates { miss, unused }.exit(&report), exit, "{miss} {unused} {misses} refused, {left}");
        }
    }

    #[test]
    fn a_command_that_ran_and_asked_nothing_is_told() {
        let asked = SessionReport { refusals: 1, ..SessionReport::default() };
        for (command, report, is_told) in [
            (Some(0), SessionReport::default(), true),
            (Some(1), SessionReport::default(), true),
            (Some(127), SessionReport::default(), false),
            (None, SessionReport::default(), false),
            (Some(0), asked, false),
        ] {
            assert_eq!(asked_nothing(command, &report).is_some(), is_told, "{command:?} {report:?}");
        }
    }

    #[test]
    fn a_command_that_failed_says_how() {
        for (command, gates, expected) in [
            (None, Exit::Success, 0),
            (None, Exit::NotRecorded, 4),
            (Some(0), Exit::Success, 0),
            (Some(0), Exit::NotRecorded, 4),
            (Some(0), Exit::ItemsFailed, 1),
            (Some(3), Exit::Success, 3),
            (Some(3), Exit::NotRecorded, 3),
            (Some(143), Exit::ItemsFailed, 143),
        ] {
            assert_eq!(exit_code(command, gates), ExitCode::from(expected), "{command:?} {gates:?}");
        }
    }
}
