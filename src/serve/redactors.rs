//! What strikes the credentials of each client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;

use crate::gateway::{PassedOn, Secret};
use crate::record::Redactor;

/// For how many sets of credentials a redactor is kept. Beyond that all are made anew.
const KEPT: usize = 256;

/// Strikes what must not be kept of anything, and beside it the credentials of the client that
/// asks. What strikes them is made once for each set of them.
#[derive(Debug)]
pub(super) struct Redactors {
    base: Arc<Redactor>,
    by_credentials: Mutex<HashMap<String, Arc<Redactor>>>,
}

impl Redactors {
    pub(super) fn new(base: Arc<Redactor>) -> Self {
        Self { base, by_credentials: Mutex::default() }
    }

    /// What strikes for a client, by its headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> Arc<Redactor> {
        let mut credentials = PassedOn::credentials(headers).filter(|credential| Secret::looks_like_key(credential));
        let Some(mut all) = credentials.next().map(str::to_owned) else { return Arc::clone(&self.base) };
        for credential in credentials {
            all.push('\n');
            all.push_str(credential);
        }
        if let Some(redactor) = self.by_credentials().get(&all) {
            return Arc::clone(redactor);
        }
        let redactor = Arc::new(self.base.with_secrets(all.split('\n')));
        let mut by_credentials = self.by_credentials();
        if by_credentials.len() >= KEPT {
            by_credentials.clear();
        }
        by_credentials.insert(all, Arc::clone(&redactor));
        redactor
    }

    fn by_credentials(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Redactor>>> {
        // Nothing that holds the lock can leave the map half-changed.
        self.by_credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

    use super::*;

    fn bearing(credential: &str) -> HeaderMap {
        let value = HeaderValue::from_str(&format!("Bearer {credential}")).unwrap();
        [(AUTHORIZATION, value)].into_iter().collect()
    }

    #[test]
    fn each_client_has_its_own_credentials_struck_beside_those_of_all() {
        let redactors = Redactors::new(Arc::new(Redactor::new(["sk-of-the-server"], []).unwrap()));
        let (one, other) = (redactors.of(&bearing("sk-of-one-client")), redactors.of(&bearing("sk-of-another")));
        let text = "sk-of-one-client sk-of-another sk-of-the-server";
        assert_eq!(one.strike_text(text), "[redacted] sk-of-another [redacted]");
        assert_eq!(other.strike_text(text), "sk-of-one-client [redacted] [redacted]");
        assert!(Arc::ptr_eq(&one, &redactors.of(&bearing("sk-of-one-client"))));
        assert_eq!(redactors.of(&HeaderMap::new()).strike_text(text), "sk-of-one-client sk-of-another [redacted]");
    }

    #[test]
    fn a_word_that_stands_in_for_a_key_stays_in_what_is_said() {
        let redactors = Redactors::new(Arc::default());
        for word in ["anything", "placeholder", "not-needed", "secret12"] {
            let text = format!("you can do {word} here");
            assert_eq!(redactors.of(&bearing(word)).strike_text(&text), text);
        }
        assert_eq!(redactors.of(&bearing("token-abc123")).strike_text("a token-abc123 b"), "a [redacted] b");
    }

    #[test]
    fn no_number_of_clients_fills_the_memory() {
        let redactors = Redactors::new(Arc::default());
        for number in 0..2 * KEPT {
            // Too short to be struck, so that none of them takes long to make.
            redactors.of(&bearing(&format!("sk-{number}")));
        }
        assert!(redactors.by_credentials().len() <= KEPT);
    }
}
