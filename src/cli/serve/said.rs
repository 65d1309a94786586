//! What the server says by itself: to clients whose request nothing answers, and to those who ask
//! how it stands.

use std::sync::Arc;

use nightreel::model::Request;
use nightreel::record::{Playback, Redactor};
use nightreel::serve::{Explain, Report, Unanswered};
use serde_json::json;

use super::super::context::complain;
use super::super::credential_text::without_credentials;
use super::announcement::Misses;

/// What stands in the place of the command that would record a miss, where it cannot be told.
const NOT_TOLD: &str = "the nightreel serve that was called, with --mode auto and the base URL to send to (it is not \
                        printed: not all of it can be shown)";

/// What clients are told of a miss, told here as it happens: why, what comes nearest, and the
/// command that would record it.
pub(super) fn told(playback: &Arc<Playback>, redactor: &Arc<Redactor>, record_with: Option<String>) -> Explain {
    let (playback, redactor) = (Arc::clone(playback), Arc::clone(redactor));
    // A command with a word struck would do something else.
    let record_with = record_with.filter(|command| without_credentials(&redactor.strike_text(command)) == *command);
    let record_with = record_with.unwrap_or_else(|| NOT_TOLD.to_owned());
    let misses = Misses::default();
    Arc::new(move |session, request, recorded| {
        let unanswered = explained(&playback, session, request, recorded, &record_with);
        let unanswered = struck(unanswered, &redactor);
        if let Some(line) = misses.tell(&unanswered.message) {
            complain(&line);
        }
        unanswered
    })
}

fn explained(playback: &Playback, session: &str, request: &Request, recorded: usize, record_with: &str) -> Unanswered {
    match playback.explain(session, request, recorded, record_with) {
        Ok(miss) => Unanswered::from(&miss),
        Err(error) => {
            complain(&format!("nightreel serve: what comes nearest to a request cannot be looked for: {error}"));
            Unanswered::plain(session, request, recorded)
        }
    }
}

fn struck(unanswered: Unanswered, redactor: &Redactor) -> Unanswered {
    let Unanswered { reason, message, body } = unanswered;
    Unanswered { reason, message: redactor.strike_text(&message), body: redactor.strike(&body) }
}

/// The report of all so far.
pub(super) fn reported(playback: &Arc<Playback>) -> Report {
    let playback = Arc::clone(playback);
    Arc::new(move || match playback.report() {
        Ok(report) => serde_json::to_value(report).expect("a report has nothing but texts and numbers"),
        Err(error) => json!({"error": error.to_string()}),
    })
}
