//! What of somebody else's request is passed on with ours, beside its body.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::form_urlencoded;

use super::{Credentials, Secret, is_query_credential};

/// Under these a provider is shown who asks.
const KEYS: [HeaderName; 3] = [AUTHORIZATION, HeaderName::from_static("x-api-key"), HeaderName::from_static("api-key")];
/// Under this a gateway is.
const TOKEN: HeaderName = HeaderName::from_static("cf-aig-authorization");
/// Passed on by name: they say how a request is meant, or on whose behalf it comes.
const NAMES: [&str; 3] = ["http-referer", "idempotency-key", "x-title"];
/// Passed on by how the name starts.
const PREFIXES: [&str; 4] = ["anthropic-", "cf-aig-", "openai-", "x-openrouter-"];

/// What of a client's request goes on with the request that is sent for it, beside the body: the
/// headers with its credentials, and those that say how it is meant, all of which are kept out of
/// every log; its query; and the deployment that its path names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassedOn {
    headers: HeaderMap,
    query: Vec<(String, String)>,
    deployment: Option<String>,
}

impl PassedOn {
    /// What is passed on of a client's headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let passed = headers.iter().filter(|(name, _)| is_passed_on(name)).map(|(name, value)| {
            let mut value = value.clone();
            value.set_sensitive(true);
            (name.clone(), value)
        });
        Self { headers: passed.collect(), ..Self::default() }
    }

    /// The same, with a query that is sent behind the URL.
    #[must_use]
    pub fn with_query(self, query: &str) -> Self {
        Self { query: Self::query(query).collect(), ..self }
    }

    /// The same, to a deployment.
    #[must_use]
    pub fn to_deployment(self, deployment: Option<&str>) -> Self {
        Self { deployment: deployment.map(str::to_owned), ..self }
    }

    /// What a query says, without the credentials in it.
    pub fn query(query: &str) -> impl Iterator<Item = (String, String)> {
        let members = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !is_query_credential(name));
        members.map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// The credentials in a client's headers, without the word that says what kind they are of:
    /// what must not be kept of anything that has to do with the request.
    pub fn credentials(headers: &HeaderMap) -> impl Iterator<Item = &str> {
        let carriers = headers.iter().filter(|(name, _)| KEYS.contains(name) || **name == TOKEN);
        carriers
            .map(|(_, value)| value)
            .filter_map(|value| value.to_str().ok())
            .map(bare)
            .filter(|credential| !credential.is_empty())
    }

    /// The headers that go before those that every request has. Where there is a credential of our
    /// own, the client's of the same kind stays behind.
    pub(super) fn beside(&self, own: &Credentials) -> HeaderMap {
        let stays = |name: &HeaderName| {
            (own.api_key.is_some() && KEYS.contains(name)) || (own.token.is_some() && *name == TOKEN)
        };
        let passed = self.headers.iter().filter(|(name, _)| !stays(name));
        passed.map(|(name, value): (&HeaderName, &HeaderValue)| (name.clone(), value.clone())).collect()
    }

    /// The query that is sent behind a URL.
    pub(super) fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// The deployment that is to answer, where one is named.
    pub(super) fn deployment(&self) -> Option<&str> {
        self.deployment.as_deref()
    }
}

fn is_passed_on(name: &HeaderName) -> bool {
    let text = name.as_str();
    KEYS.contains(name) || NAMES.contains(&text) || PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// A credential without its scheme, of whatever kind that is.
fn bare(value: &str) -> &str {
    let bare = Secret::bare(value);
    bare.rsplit_once(char::is_whitespace).map_or(bare, |(_, credential)| credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    #[test]
    fn what_says_who_asks_and_how_it_is_meant_is_passed_on_and_nothing_else() {
        let passed = [
            ("authorization", "Bearer sk-1"),
            ("x-api-key", "sk-2"),
            ("api-key", "sk-3"),
            ("cf-aig-authorization", "Bearer token"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "a"),
            ("openai-organization", "org"),
            ("openai-project", "proj"),
            ("openai-beta", "assistants=v2"),
            ("anthropic-dangerous-direct-browser-access", "true"),
            ("cf-aig-metadata", "{}"),
            ("cf-aig-cache-ttl", "60"),
            ("idempotency-key", "i"),
            ("http-referer", "https://example.com"),
            ("x-title", "title"),
            ("x-openrouter-title", "title"),
        ];
        let behind = [
            ("cookie", "a=b"),
            ("host", "x"),
            ("content-length", "1"),
            ("accept-encoding", "gzip"),
            ("user-agent", "x"),
            ("x-nightreel-session", "s"),
            ("x-stainless-lang", "js"),
            ("x-custom", "x"),
        ];
        let all: Vec<_> = passed.iter().chain(&behind).copied().collect();
        assert_eq!(PassedOn::of(&headers(&all)).beside(&Credentials::default()), headers(&passed));
    }

    #[test]
    fn a_query_is_passed_on_without_the_credentials_in_it() {
        let passed = PassedOn::default().with_query("api-version=2024-10-21&key=sk-1&api-key=sk-2&a=1+2&token=t");
        let expected = [("api-version", "2024-10-21"), ("a", "1 2")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(passed.query_pairs(), expected);
    }

    #[test]
    fn a_credential_of_our_own_goes_before_the_clients_of_its_kind() {
        let lines = [("authorization", "Bearer sk-1"), ("x-api-key", "sk-2"), ("cf-aig-authorization", "Bearer t")];
        let passed = PassedOn::of(&headers(&lines));
        for (api_key, token, expected) in [
            (None, None, &lines[..]),
            (Some(secret("sk-own")), None, &lines[2..]),
            (None, Some(secret("token")), &lines[..2]),
            (Some(secret("sk-own")), Some(secret("token")), &[]),
        ] {
            assert_eq!(passed.beside(&Credentials { api_key, token }), headers(expected));
        }
    }

    #[test]
    fn credentials_are_told_without_their_scheme_and_shown_to_nobody() {
        let lines = headers(&[
            ("authorization", "Bearer sk-very-1"),
            ("x-api-key", "sk-very-2"),
            ("api-key", ""),
            ("cf-aig-authorization", "Basic sk-very-3"),
            ("cookie", "sk-very-4"),
        ]);
        let found: Vec<&str> = PassedOn::credentials(&lines).collect();
        assert_eq!(found, ["sk-very-1", "sk-very-2", "sk-very-3"]);
        let shown = format!("{:?}", PassedOn::of(&lines));
        assert!(!shown.contains("very"), "{shown}");
    }
}
