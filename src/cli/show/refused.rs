//! What was refused for good, so that items were left for the next run.

use nightreel::gateway::classify;
use nightreel::model::Class;
use nightreel::store::{LeftAttempt, Reader, Run, StoreError};
use serde::Serialize;
use serde_json::Value;

use super::super::count::count;
use super::super::page::Page;
use super::super::terminal_text::shortened;
use super::hint::{AskedBy, left_hint};

/// How many attempts are looked at.
const ATTEMPTS: usize = 1000;
/// How long a message is told, and a model's name.
const MESSAGE: usize = 400;
const MODEL: usize = 60;

/// Requests that were refused alike, and whose items were left for the next run.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Refused {
    model: String,
    class: &'static str,
    message: Option<String>,
    attempts: u64,
    hint: Option<&'static str>,
}

/// Reads what was refused in a run, the last of it first.
pub(super) fn read(reader: &mut Reader, run: &Run) -> Result<Vec<Refused>, StoreError> {
    let asked_by = AskedBy::of(&run.begun);
    let mut all: Vec<Refused> = Vec::new();
    for left in reader.left_attempts(run.id, ATTEMPTS)? {
        let refused = of_attempt(&left, asked_by);
        let alike = |other: &&mut Refused| {
            (&other.model, other.class, &other.message) == (&refused.model, refused.class, &refused.message)
        };
        match all.iter_mut().find(alike) {
            Some(known) => known.attempts += 1,
            None => all.push(refused),
        }
    }
    Ok(all)
}

fn of_attempt(left: &LeftAttempt, asked_by: AskedBy) -> Refused {
    let class: Class = left.attempt.class;
    let body: Value = serde_json::from_slice(&left.request).unwrap_or_default();
    Refused {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        class: class.as_str(),
        // The class was found while the run went on, and knew what had been answered by then.
        message: classify(left.endpoint, &left.attempt.reply, true).message,
        attempts: 1,
        hint: left_hint(class, asked_by),
    }
}

/// Tells of it; nothing where nothing was refused so.
pub(super) fn write(page: &mut Page, refused: &[Refused]) {
    if refused.is_empty() {
        return;
    }
    page.line("\nwhat was refused, and is left for the next run");
    for Refused { model, class, message, attempts, hint } in refused {
        let message = message.as_deref().map(|text| format!(": {}", shortened(text, MESSAGE))).unwrap_or_default();
        page.line(format_args!("  {} × {}: {class}{message}", count(*attempts), shortened(model, MODEL)));
        if let Some(hint) = hint {
            page.line(format_args!("      {hint}"));
        }
    }
}
