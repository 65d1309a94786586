//! What the server says by itself: to clients whose request nothing answers, and to those who ask
//! how it stands.

use std::mem;
use std::sync::Arc;

use nightreel::record::{Miss, Playback, Redactor};
use nightreel::serve::{Explain, Report, Unanswered};
use serde_json::json;

use super::super::context::complain;
use super::super::credential_text::without_credentials;
use super::announcement::Misses;

/// What is told of how to record what is not there.
pub(super) enum RecordWith {
    /// The command, which can be pasted as it is.
    Command(String),
    /// What to do, where not all of the command can be shown: less what cannot it would be another one.
    Told,
}

/// What to do where the command is not told.
const TOLD: &str = "the nightreel serve that was called, with --mode auto and the base URL to send to (it is not \
                    printed: not all of it can be shown)";

impl RecordWith {
    /// The command where there is one, unless one of the credentials stands in it, or what looks like one.
    pub(super) fn new(command: Option<String>, credentials: &Redactor) -> Self {
        let is_shown = |command: &String| without_credentials(&credentials.strike_text(command)) == *command;
        command.filter(is_shown).map_or(Self::Told, Self::Command)
    }

    fn text(&self) -> &str {
        match self {
            Self::Command(command) => command,
            Self::Told => TOLD,
        }
    }

    /// What is said of a miss, with this.
    fn added_to(&self, unanswered: Unanswered) -> Unanswered {
        let command = match self {
            Self::Command(command) => Some(command.as_str()),
            Self::Told => None,
        };
        unanswered.with_recording(self.text(), command)
    }
}

/// What clients are told of a miss, told here as it happens: why, what comes nearest, and the
/// command that would record it.
pub(super) fn told(playback: &Arc<Playback>, redactor: &Arc<Redactor>, record_with: RecordWith) -> Explain {
    let (playback, redactor) = (Arc::clone(playback), Arc::clone(redactor));
    let misses = Misses::default();
    Arc::new(move |session, request, recorded| {
        let unanswered = match playback.explain(session, request, recorded, record_with.text()) {
            Ok(miss) => explained(miss, &redactor, &record_with),
            Err(error) => {
                complain(&format!("nightreel serve: what comes nearest to a request cannot be looked for: {error}"));
                Unanswered::plain(session, request, recorded).struck(&redactor)
            }
        };
        if let Some(line) = misses.tell(&unanswered.message) {
            complain(&line);
        }
        unanswered
    })
}

/// What is said of a miss. The texts of both requests are in it, and what must not be told is struck
/// from them; from the command it is not: with a pattern struck it would strike something else.
fn explained(mut miss: Miss, redactor: &Redactor, record_with: &RecordWith) -> Unanswered {
    let is_recordable = !mem::take(&mut miss.record_with).is_empty();
    let unanswered = Unanswered::from(&miss).struck(redactor);
    if is_recordable { record_with.added_to(unanswered) } else { unanswered }
}

/// The report of all so far.
pub(super) fn reported(playback: &Arc<Playback>) -> Report {
    let playback = Arc::clone(playback);
    Arc::new(move || match playback.report() {
        Ok(report) => serde_json::to_value(report).expect("a report has nothing but texts and numbers"),
        Err(error) => json!({"error": error.to_string()}),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_command_is_told_as_it_is_or_not_at_all() {
        let credentials = Redactor::new(["canary-of-the-gateway"], []).unwrap();
        let command = |words: &str| format!("nightreel serve --mode auto --store acct.db --redact '{words}'");
        for (words, is_told) in [
            ("Jane Doe=NAME", true),
            ("acct=ACCT", true),
            ("canary-of-the-gateway=KEY", false),
            ("sk-0123456789abcdef=KEY", false),
        ] {
            let record_with = RecordWith::new(Some(command(words)), &credentials);
            let message = "not recorded".to_owned();
            let body = json!({"error": {"message": message, "nightreel": {"record_with": ""}}}).to_string().into();
            let said = record_with.added_to(Unanswered { reason: String::new(), message, body });
            let error = serde_json::from_slice::<Value>(&said.body).unwrap()["error"].take();
            assert_eq!(error["message"], said.message);
            assert_eq!(error["nightreel"]["record_with"], json!(is_told.then(|| command(words))));
            assert_eq!(said.message.contains(words), is_told, "{}", said.message);
            assert!(said.message.starts_with("not recorded\nrecord it with: "), "{}", said.message);
        }
    }
}
