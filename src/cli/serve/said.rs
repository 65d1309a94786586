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

/// What clients are told of a miss, told here as it happens: why, what comes nearest, and the
/// command that would record it.
pub(super) fn told(playback: &Arc<Playback>, redactor: &Arc<Redactor>, record_with: &str) -> Explain {
    let (playback, redactor) = (Arc::clone(playback), Arc::clone(redactor));
    let record_with = without_credentials(&redactor.strike_text(record_with));
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
