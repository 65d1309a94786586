//! Known credentials, struck from what is imported.

use nightreel::model::{Exchange, KeyRules, Request};
use nightreel::record::Redactor;

use super::super::credential_text::credentials;
use super::super::exit::Failure;

/// Strikes known credentials from exchanges.
pub(super) struct Striker {
    redactor: Redactor,
}

impl Striker {
    /// Knows the credentials that the environment holds.
    pub(super) fn from_environment() -> Result<Self, Failure> {
        let secrets = credentials();
        let redactor = Redactor::new(secrets.iter().map(String::as_str), []).map_err(Failure::usage)?;
        Ok(Self { redactor })
    }

    /// Strikes them from requests, before their keys are made, and from replies.
    pub(super) fn strike(&self, exchanges: &mut [Exchange]) -> Result<(), Failure> {
        if self.redactor.is_empty() {
            return Ok(());
        }
        for Exchange { request, attempt, .. } in exchanges {
            let body = self.redactor.strike(&request.body);
            if body != request.body {
                let model = self.redactor.strike_text(&request.model);
                *request =
                    Request::new(request.endpoint, model.into(), body, &KeyRules::default()).map_err(Failure::usage)?;
            }
            self.redactor.strike_attempt(attempt);
        }
        Ok(())
    }
}
