//! Known credentials, struck from what is imported.

use std::collections::{HashMap, HashSet};

use nightreel::interchange::{Imported, RecordedCredentials, Skipped};
use nightreel::model::{Exchange, Key, KeyRules, Request};
use nightreel::record::Redactor;

use super::super::credential_text::credentials;
use super::super::exit::Failure;

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
    pub(super) fn strike(&self, imported: &mut Imported) -> Result<(), Failure> {
        let redactor = self.beside(&imported.credentials);
        if redactor.is_empty() {
            return Ok(());
        }
        let mut changed = HashSet::new();
        for exchange in &mut imported.exchanges {
            let before = exchange.request.key;
            strike(&redactor, exchange)?;
            changed.extend(Some(exchange.request.key).filter(|key| *key != before));
        }
        renumber(&mut imported.exchanges, &changed);
        for Skipped { place, why } in &mut imported.skipped {
            place.path = redactor.strike_text(&place.path);
            *why = redactor.strike_text(why);
        }
        Ok(())
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

/// Strikes from a request, before its key is made, and from its reply.
fn strike(redactor: &Redactor, Exchange { request, attempt, .. }: &mut Exchange) -> Result<(), Failure> {
    let body = redactor.strike(&request.body);
    if body != request.body {
        let model = redactor.strike_text(&request.model);
        *request = Request::new(request.endpoint, model.into(), body, &KeyRules::default()).map_err(Failure::usage)?;
    }
    redactor.strike_attempt(attempt);
    Ok(())
}
