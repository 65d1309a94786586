//! The two credentials a gateway asks for, and the ways people mix them up.

use super::{BaseUrl, Secret};

/// What is sent to prove who asks. Either may be missing: a gateway can keep the provider key
/// itself, and not every gateway asks for a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The provider's key, sent as `Authorization: Bearer …` and passed on to the provider.
    pub api_key: Option<Secret>,
    /// The gateway's token, sent as `cf-aig-authorization: Bearer …`.
    pub token: Option<Secret>,
}

/// Credentials that look wrong for where they go. None of it is certain, so it is a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialProblem {
    /// Neither is there, and the host is not this machine.
    #[error("there is neither a provider key nor a gateway token; requests will most likely be refused")]
    Missing,
    /// Both are the same.
    #[error(
        "the provider key and the gateway token are the same; the provider would be sent the gateway's token. \
         Where the gateway stores the provider key, leave the provider key out"
    )]
    Same,
    /// A provider's key in the token's place.
    #[error("the gateway token looks like a provider key (sk-…); were the two mixed up?")]
    KeyAsToken,
    /// Not `OpenRouter`'s kind of key.
    #[error(
        "the provider key does not look like one of OpenRouter's (sk-or-…); \
         a Cloudflare token belongs into the gateway token"
    )]
    ForeignKey,
    /// A token that goes to someone who is no gateway.
    #[error("a gateway token is given, but {OPENROUTER} is no gateway; it would be sent there for nothing")]
    TokenForNobody,
}

const OPENROUTER: &str = "openrouter.ai";

impl Credentials {
    /// Whether a Cloudflare gateway answers at a base URL: by the URL, or because a token for one
    /// is given. A custom domain shows it by the token alone.
    #[must_use]
    pub const fn mean_gateway(&self, base_url: &BaseUrl) -> bool {
        base_url.is_cloudflare() || self.token.is_some()
    }

    /// What looks wrong about these credentials where they are to be sent.
    #[must_use]
    pub fn problems(&self, base_url: &BaseUrl) -> Vec<CredentialProblem> {
        let starts = |secret: &Option<Secret>, prefix: &str| {
            secret.as_ref().is_some_and(|secret| secret.expose().starts_with(prefix))
        };
        let for_openrouter = !base_url.is_loopback() && base_url.leads_to_openrouter();
        let mixed_up = starts(&self.token, "sk-");
        let same = self.api_key.is_some() && self.api_key == self.token;
        let checks = [
            (self.api_key.is_none() && self.token.is_none() && !base_url.is_loopback(), CredentialProblem::Missing),
            (same, CredentialProblem::Same),
            (mixed_up && !same, CredentialProblem::KeyAsToken),
            (
                for_openrouter && self.api_key.is_some() && !starts(&self.api_key, "sk-or-"),
                CredentialProblem::ForeignKey,
            ),
            (self.token.is_some() && base_url.host() == OPENROUTER, CredentialProblem::TokenForNobody),
        ];
        checks.into_iter().filter_map(|(wrong, problem)| wrong.then_some(problem)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_look_wrong_for_their_place_are_named() {
        use CredentialProblem::{ForeignKey, KeyAsToken, Missing, Same, TokenForNobody};
        let gateway = "https://gateway.ai.cloudflare.com/v1/a/g/openrouter";
        let direct = "https://openrouter.ai/api/v1";
        for (base, key, token, expected) in [
            (gateway, "sk-or-v1-x", "cf-token", vec![]),
            (gateway, "sk-or-v1-x", "", vec![]),
            (gateway, "", "cf-token", vec![]),
            (gateway, "", "", vec![Missing]),
            (gateway, "cf-token", "cf-token", vec![Same, ForeignKey]),
            (gateway, "cf-token", "sk-or-v1-x", vec![KeyAsToken, ForeignKey]),
            (direct, "sk-or-v1-x", "cf-token", vec![TokenForNobody]),
            (direct, "sk-proj-x", "", vec![ForeignKey]),
            ("https://api.openai.com/v1", "sk-proj-x", "", vec![]),
            ("http://127.0.0.1:8080/v1/a/g/openrouter", "", "", vec![]),
            ("http://127.0.0.1:8080/v1/a/g/openrouter", "test", "test-token", vec![]),
        ] {
            let credentials = Credentials { api_key: Secret::new(key).ok(), token: Secret::new(token).ok() };
            assert_eq!(credentials.problems(&base.parse().unwrap()), expected, "{base} {key} {token}");
        }
    }
}
