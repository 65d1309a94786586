//! What a test is told of a request that is not recorded.

use std::sync::Arc;

use super::record_with::RecordWith;
use crate::record::{Miss, Playback, Redactor, Wording};
use crate::serve::{Explain, Unanswered};

/// Says why nothing answers a request, what comes nearest to it, and how its test is recorded.
pub(super) fn explain(playback: &Arc<Playback>, redactor: &Arc<Redactor>, record_with: RecordWith) -> Explain {
    let (playback, redactor) = (Arc::clone(playback), Arc::clone(redactor));
    Arc::new(move |session, request, recorded| {
        match playback.explain(session, request, recorded, &record_with.to_string()) {
            Ok(miss) => explained(miss, &redactor, &record_with),
            Err(error) => {
                let said = Unanswered::plain(session, request, recorded);
                let message = format!("{}; what comes nearest cannot be read: {error}", said.message);
                Unanswered { message, ..said }.struck(&redactor)
            }
        }
    })
}

/// What is said of a miss. What must not be told is struck from the texts of both requests, and not from
/// the command: with a word struck it would be another one.
fn explained(miss: Miss, redactor: &Redactor, record_with: &RecordWith) -> Unanswered {
    let is_recordable = !miss.record_with.is_empty();
    let miss = Miss { record_with: String::new(), wording: Wording::Rust, ..miss };
    let said = Unanswered::from(&miss).struck(redactor);
    if is_recordable { said.with_recording(&record_with.to_string(), record_with.command()) } else { said }
}
