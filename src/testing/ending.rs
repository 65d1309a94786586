//! What a test is told of its fixture at its end.

use super::notice::tell;
use super::session::{FinishError, Session};
use crate::record::SessionReport;

/// What is told beside what a test has left unasked.
const UNSEEN: &str =
    "if the test returned an error, that came first, and this hides it: unwrap it in the test to see it";

/// Tells what nothing answered in a test that is done with its fixture, and fails it where it must.
#[track_caller]
pub(super) fn of_test(finished: Result<SessionReport, FinishError>) {
    match finished {
        Ok(report) => tell_missed(&report),
        // Whoever drops it may be on the way out with an error that nobody has seen.
        Err(error @ FinishError::Shortfall(_)) => panic!("{error}\n{UNSEEN}"),
        Err(error) => panic!("{error}"),
    }
}

/// Tells what nothing answered in a test that is panicking, and where what it recorded is left.
pub(super) fn of_failed_test(session: Session) {
    match session.report() {
        Ok(report) => tell_missed(&report),
        Err(error) => tell(&error.to_string()),
    }
    if session.has_outlived() {
        return;
    }
    let fixture = session.fixture().display().to_string();
    if let Some(left) = session.abandon() {
        tell(&format!("the test failed, so {fixture} stays as it was; {left}"));
    }
}

fn tell_missed(report: &SessionReport) {
    report.missed.shown.iter().for_each(|missed| tell(&missed.message));
    report.refused.shown.iter().for_each(|refused| tell(&refused.message));
    if report.missed.more > 0 {
        tell(&format!("and {} more requests that nothing answered", report.missed.more));
    }
}
