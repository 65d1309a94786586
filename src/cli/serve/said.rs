//! What the server says by itself: to clients whose request nothing answers, and to those who ask
//! how it stands.

use std::mem;
use std::sync::Arc;

use nightreel::record::{Miss, Playback, Redactor};
use nightreel::serve::{Explain, Report, Unanswered};
use serde_json::{Value, json};

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

    /// Adds itself to what is said of a miss.
    fn add_to(&self, unanswered: &mut Unanswered) {
        unanswered.message += &format!("\nrecord it with: {}", self.text());
        let Ok(mut body) = serde_json::from_slice::<Value>(&unanswered.body) else { return };
        body["error"]["message"] = json!(unanswered.message);
        body["error"]["nightreel"]["record_with"] = match self {
            Self::Command(command) => json!(command),
            Self::Told => Value::Null,
        };
        unanswered.body = body.to_string().into();
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
                struck(Unanswered::plain(session, request, recorded), &redactor)
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
    let mut unanswered = struck(Unanswered::from(&miss), redactor);
    if is_recordable {
        record_with.add_to(&mut unanswered);
    }
    unanswered
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

#[cfg(test)]
mod tests {
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
            let mut said = Unanswered { reason: String::new(), message, body };
            record_with.add_to(&mut said);
            let error = serde_json::from_slice::<Value>(&said.body).unwrap()["error"].take();
            assert_eq!(error["message"], said.message);
            assert_eq!(error["nightreel"]["record_with"], json!(is_told.then(|| command(words))));
            assert_eq!(said.message.contains(words), is_told, "{}", said.message);
            assert!(said.message.starts_with("not recorded\nrecord it with: "), "{}", said.message);
        }
    }
}
