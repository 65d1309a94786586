//! What a test is told of a request that is not recorded.

use std::sync::Arc;
use std::thread;

use super::environment::MODE;
use crate::model::Request;
use crate::record::{Playback, Redactor};
use crate::serve::{Explain, Unanswered};

/// Says why nothing answers a request, what comes nearest to it, and how the test of this thread
/// records it.
pub(super) fn explain(playback: &Arc<Playback>, redactor: &Arc<Redactor>) -> Explain {
    let (playback, redactor) = (Arc::clone(playback), Arc::clone(redactor));
    let record_with = record_with(thread::current().name());
    Arc::new(move |session, request, recorded| {
        let said = explained(&playback, session, request, recorded, &record_with);
        // The texts of what is asked and of what is recorded are in it.
        Unanswered {
            reason: said.reason,
            message: redactor.strike_text(&said.message),
            body: redactor.strike(&said.body),
        }
    })
}

fn explained(playback: &Playback, session: &str, request: &Request, recorded: usize, record_with: &str) -> Unanswered {
    match playback.explain(session, request, recorded, record_with) {
        Ok(miss) => Unanswered {
            reason: miss.reason.code().to_owned(),
            message: miss.message(),
            body: miss.body().to_string().into(),
        },
        Err(error) => {
            let said = Unanswered::plain(session, request, recorded);
            let message = format!("{}; what comes nearest cannot be read: {error}", said.message);
            Unanswered { message, ..said }
        }
    }
}

/// The command that records a test anew, by the name of its thread.
fn record_with(thread: Option<&str>) -> String {
    // A runtime's threads are named alike, and not after a test.
    let test = thread.filter(|name| *name != "main" && !name.starts_with("tokio-"));
    // Without --exact the tests whose names it is a part of would be recorded anew, too.
    let test = test.map(|name| format!(" {name} -- --exact"));
    format!("{MODE}=record cargo test{}", test.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_records_the_test_alone_where_its_name_is_known() {
        assert_eq!(record_with(Some("tests::refund")), "NIGHTREEL_MODE=record cargo test tests::refund -- --exact");
        assert_eq!(record_with(Some("tokio-rt-worker")), "NIGHTREEL_MODE=record cargo test");
        assert_eq!(record_with(Some("main")), "NIGHTREEL_MODE=record cargo test");
        assert_eq!(record_with(None), "NIGHTREEL_MODE=record cargo test");
    }
}
