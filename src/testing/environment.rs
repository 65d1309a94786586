//! What the environment says of recording.

use super::FixtureError;
use super::chosen_mode::{is_ci, of_variable};
use crate::gateway::{BaseUrl, Credentials, Secret};
use crate::model::Mode;

/// The variable that names the mode.
pub(super) const MODE: &str = "NIGHTREEL_MODE";
/// The variable that says where requests are sent to be recorded.
pub(super) const BASE_URL: &str = "NIGHTREEL_BASE_URL";
const OPENROUTER_KEY: &str = "OPENROUTER_API_KEY";
const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI_HOST: &str = "api.openai.com";
const GATEWAY_TOKEN: &str = "CF_AIG_TOKEN";
/// Whatever these hold is struck from what is kept.
const SECRETS: [&str; 4] = [OPENROUTER_KEY, OPENAI_KEY, "ANTHROPIC_API_KEY", GATEWAY_TOKEN];

/// Looks a variable up.
type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// The environment, as far as it says how tests record.
pub(super) struct Environment {
    lookup: Lookup,
}

impl Environment {
    /// That of this process.
    pub(super) fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// One that looks variables up elsewhere.
    pub(super) fn new(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { lookup: Box::new(lookup) }
    }

    /// The mode that is asked for, where one is.
    pub(super) fn mode(&self) -> Result<Option<Mode>, FixtureError> {
        let value = (self.lookup)(MODE).unwrap_or_default();
        of_variable(&value).map_err(|source| FixtureError::Mode { variable: MODE, source })
    }

    /// Whether this is a continuous integration.
    pub(super) fn is_ci(&self) -> bool {
        (self.lookup)("CI").is_some_and(|value| is_ci(&value))
    }

    /// Where requests are sent, where it is said.
    pub(super) fn base_url(&self) -> Option<String> {
        self.filled(BASE_URL)
    }

    /// The credentials for a base URL: the key of a variable that was named, and else one that is sent
    /// to the service that it is for, and nowhere else. Where there is none, what the program under
    /// test sends is passed on.
    pub(super) fn credentials(&self, base_url: &BaseUrl, named: Option<&str>) -> Result<Credentials, FixtureError> {
        if let Some(name) = named.filter(|name| !name.is_empty() && self.filled(name).is_none()) {
            return Err(FixtureError::NoKey { variable: name.to_owned() });
        }
        let key = match base_url {
            _ if named.is_some() => named.filter(|name| !name.is_empty()),
            url if url.leads_to_openrouter() => Some(OPENROUTER_KEY),
            url if url.host() == OPENAI_HOST => Some(OPENAI_KEY),
            _ => None,
        };
        let token = base_url.is_cloudflare().then_some(GATEWAY_TOKEN);
        Ok(Credentials { api_key: self.secret(key)?, token: self.secret(token)? })
    }

    /// The values of the variables that hold credentials, which must not be kept: those that are known,
    /// and one that was named.
    pub(super) fn secrets(&self, named: Option<&str>) -> Vec<String> {
        let secrets = SECRETS.into_iter().chain(named).filter_map(|name| self.filled(name));
        secrets.map(|secret| Secret::bare(&secret).to_owned()).collect()
    }

    fn secret(&self, variable: Option<&str>) -> Result<Option<Secret>, FixtureError> {
        let Some(variable) = variable else { return Ok(None) };
        let secret = self.filled(variable).map(|value| Secret::new(&value)).transpose();
        secret.map_err(|source| FixtureError::Credential { variable: variable.to_owned(), source })
    }

    fn filled(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: [(&str, &str); 4] = [
        ("OPENROUTER_API_KEY", "Bearer sk-or-v1-key"),
        ("OPENAI_API_KEY", "sk-proj-key"),
        ("ANTHROPIC_API_KEY", " "),
        ("CF_AIG_TOKEN", "token-of-a-gateway"),
    ];

    fn environment(variables: &[(&'static str, &'static str)]) -> Environment {
        let variables = variables.to_vec();
        let value = move |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Environment::new(move |name| value(name).map(str::to_owned))
    }

    fn secret(text: &str) -> Option<Secret> {
        Secret::new(text).ok()
    }

    #[test]
    fn a_key_goes_to_the_service_that_it_is_for_and_nowhere_else() {
        for (base_url, api_key, token) in [
            ("https://openrouter.ai/api/v1", "sk-or-v1-key", ""),
            ("https://gateway.ai.cloudflare.com/v1/a/g/openrouter", "sk-or-v1-key", "token-of-a-gateway"),
            ("https://api.openai.com/v1", "sk-proj-key", ""),
            ("https://api.openai.com.example.com/v1", "", ""),
            ("https://llm.example.com/v1", "", ""),
            ("http://127.0.0.1:8080/v1", "", ""),
        ] {
            let credentials = environment(&VARIABLES).credentials(&base_url.parse().unwrap(), None).unwrap();
            assert_eq!(credentials, Credentials { api_key: secret(api_key), token: secret(token) }, "{base_url}");
        }
    }

    #[test]
    fn what_is_not_set_is_not_there_and_what_cannot_be_sent_is_named() {
        let base_url: BaseUrl = "https://openrouter.ai/api/v1".parse().unwrap();
        let none = environment(&[("OPENROUTER_API_KEY", " \n"), ("NIGHTREEL_BASE_URL", ""), ("CI", "")]);
        assert_eq!(none.credentials(&base_url, None).unwrap(), Credentials::default());
        assert_eq!((none.base_url(), none.is_ci(), none.mode().unwrap()), (None, false, None));
        let wrong = environment(&[("OPENROUTER_API_KEY", "\"sk-or-v1\""), ("NIGHTREEL_MODE", "rec"), ("CI", "1")]);
        assert!(wrong.is_ci());
        assert_eq!(
            wrong.credentials(&base_url, None).unwrap_err().to_string(),
            "OPENROUTER_API_KEY cannot be sent: it stands in quotation marks; leave them out"
        );
        assert_eq!(
            wrong.mode().unwrap_err().to_string(),
            "NIGHTREEL_MODE: unknown mode \"rec\"; known are auto, record, replay"
        );
    }

    #[test]
    fn every_credential_is_struck_wherever_it_would_go() {
        assert_eq!(environment(&VARIABLES).secrets(None), ["sk-or-v1-key", "sk-proj-key", "token-of-a-gateway"]);
        let other = environment(&[("OTHER_KEY", "Bearer other-key")]);
        assert_eq!(other.secrets(Some("OTHER_KEY")), ["other-key"]);
    }

    #[test]
    fn a_key_that_is_named_goes_wherever_requests_go() {
        let variables = environment(&[("OTHER_KEY", "other-key"), ("OPENROUTER_API_KEY", "sk-or-v1-key")]);
        for base_url in ["https://llm.example.com/v1", "https://openrouter.ai/api/v1", "http://127.0.0.1:8080/v1"] {
            let base_url = base_url.parse().unwrap();
            for (named, api_key) in [("OTHER_KEY", "other-key"), ("", "")] {
                let credentials = variables.credentials(&base_url, Some(named)).unwrap();
                assert_eq!(credentials, Credentials { api_key: secret(api_key), token: None }, "{base_url:?} {named}");
            }
            let error = variables.credentials(&base_url, Some("NO_KEY")).unwrap_err().to_string();
            assert!(error.starts_with("api_key_env: NO_KEY is not set, so there is no key to send with"), "{error}");
        }
    }
}
