//! What a test is told of a request that is not recorded.

use std::sync::Arc;
use std::thread;

use super::environment::{BASE_URL, MODE};
use super::session_name::test_of;
use crate::model::Request;
use crate::record::{Playback, Redactor};
use crate::serve::{Explain, Unanswered};

/// Says why nothing answers a request, what comes nearest to it, and how the test of this thread
/// records it, with the base URL that a fresh shell has to be told.
pub(super) fn explain(playback: &Arc<Playback>, redactor: &Arc<Redactor>, base_url: Option<&str>) -> Explain {
    let (playback, redactor) = (Arc::clone(playback), Arc::clone(redactor));
    let record_with = record_with(thread::current().name(), base_url);
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

/// The command that records a test anew, by the name of its thread, with the base URL that it has to
/// be told: a replay needs none, so that a fresh shell may not have it.
fn record_with(thread: Option<&str>, base_url: Option<&str>) -> String {
    // Without --exact the tests whose names it is a part of would be recorded anew, too.
    let test = test_of(thread).map(|name| format!(" {name} -- --exact"));
    let base_url = base_url.map(|url| format!(" {BASE_URL}={url}"));
    format!("{MODE}=record{} cargo test{}", base_url.unwrap_or_default(), test.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_records_the_test_alone_where_its_name_is_known() {
        for (thread, base_url, expected) in [
            (Some("tests::refund"), None, "NIGHTREEL_MODE=record cargo test tests::refund -- --exact"),
            (Some("tokio-rt-worker"), None, "NIGHTREEL_MODE=record cargo test"),
            (Some("main"), None, "NIGHTREEL_MODE=record cargo test"),
            (None, Some("URL"), "NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=URL cargo test"),
            (
                Some("refund"),
                Some("https://a/v1"),
                "NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=https://a/v1 cargo test refund -- --exact",
            ),
        ] {
            assert_eq!(record_with(thread, base_url), expected);
        }
    }
}
