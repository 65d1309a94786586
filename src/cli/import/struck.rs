//! Known credentials, struck from what is imported.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use nightreel::interchange::{Imported, Note, RecordedCredentials, Skipped};
use nightreel::model::{Exchange, Key, KeyRules, Request};
use nightreel::record::Redactor;

use super::super::count::count as numbered;
use super::super::credential_text::credentials;
use super::super::exit::Failure;
use super::super::terminal_text::one_line;

/// In how many bodies of a file something was struck.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) requests: usize,
    pub(super) responses: usize,
}

impl Struck {
    /// Each side with its number, where something was struck from it.
    pub(super) fn told(self) -> Option<String> {
        let sides = [(self.requests, "request"), (self.responses, "response")].into_iter();
        let told: Vec<String> =
            sides.filter(|(count, _)| *count > 0).map(|(count, side)| bodies(count, side)).collect();
        (!told.is_empty()).then(|| told.join(" and "))
    }

    /// What is to be known where requests are no longer what they were.
    pub(super) fn warning(self, file: &Path) -> Option<String> {
        let file = one_line(&file.display().to_string());
        let bodies = bodies(self.requests, "request");
        (self.requests > 0).then(|| {
            format!(
                "note: a credential was struck from {bodies} of {file}: a replay that is asked with another text in its \
                 place has no answer (redaction_difference)"
            )
        })
    }
}

fn bodies(count: usize, side: &str) -> String {
    format!("{} {side} {}", numbered(count as u64), if count == 1 { "body" } else { "bodies" })
}

/// Strikes known credentials from what files hold.
pub(super) struct Striker {
    /// Strikes those that the environment holds.
    redactor: Redactor,
}

impl Striker {
    /// Knows the credentials that the environment holds.
    pub(super) fn from_environment() -> Result<Self, Failure> {
        let secrets = credentials();
        let redactor = Redactor::new(secrets.iter().map(String::as_str), []).map_err(Failure::usage)?;
        Ok(Self { redactor })
    }

    /// Strikes from what came of a file what the environment holds, and what the file's own
    /// requests were sent with.
    pub(super) fn strike(&self, imported: &mut Imported) -> Result<Struck, Failure> {
        let redactor = self.beside(&imported.credentials);
        let (mut struck, mut changed) = (Struck::default(), HashSet::new());
        if redactor.is_empty() {
            return Ok(struck);
        }
        for exchange in &mut imported.exchanges {
            let before = exchange.request.key;
            strike(&redactor, exchange, &mut struck)?;
            changed.extend(Some(exchange.request.key).filter(|key| *key != before));
        }
        renumber(&mut imported.exchanges, &changed);
        for Note { place, what } in &mut imported.notes {
            place.path = redactor.strike_text(&place.path);
            *what = redactor.strike_text(what);
        }
        for Skipped { place, why } in &mut imported.skipped {
            place.path = redactor.strike_text(&place.path);
            *why = redactor.strike_text(why);
        }
        Ok(struck)
    }

    fn beside(&self, recorded: &RecordedCredentials) -> Redactor {
        self.redactor.with_secrets(recorded.iter())
    }
}

/// Numbers the exchanges of some keys anew: what differed in a credential alone asks the same now.
fn renumber(exchanges: &mut [Exchange], keys: &HashSet<Key>) {
    let mut asked = HashMap::new();
    for exchange in exchanges.iter_mut().filter(|exchange| keys.contains(&exchange.request.key)) {
        let next = asked.entry((exchange.session.clone(), exchange.request.key)).or_insert(0);
        exchange.occurrence = *next;
        *next += 1;
    }
}

/// Strikes from a request, before its key is made, and from its reply; counts the bodies.
fn strike(redactor: &Redactor, exchange: &mut Exchange, struck: &mut Struck) -> Result<(), Failure> {
    let Exchange { request, attempt, .. } = exchange;
    let body = redactor.strike(&request.body);
    if body != request.body {
        let model = redactor.strike_text(&request.model);
        *request = Request::new(request.endpoint, model.into(), body, &KeyRules::default()).map_err(Failure::usage)?;
        struck.requests += 1;
    }
    let before = attempt.reply.as_ref().ok().map(|reply| reply.body.clone());
    redactor.strike_attempt(attempt);
    let after = attempt.reply.as_ref().ok().map(|reply| &reply.body);
    struck.responses += usize::from(before.as_ref() != after);
    Ok(())
}
