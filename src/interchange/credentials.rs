//! The credentials that recorded requests were sent with.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;

use crate::gateway::is_query_credential;

use super::body::BASE64;
use super::headers::header_lines;
use super::node::Node;

/// A credential shorter than this is not searched for: it would strike words from answers.
const SHORTEST: usize = 8;
/// A text without a digit is a credential from so many characters on: what is shorter is a word
/// that stands in a credential's place, such as `anything`.
const SHORTEST_WORD: usize = 16;

/// The credentials that the requests of a file were sent with. They are not taken; whoever keeps
/// what was taken strikes them from it, since an answer may repeat what it was asked with.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RecordedCredentials(BTreeSet<String>);

impl RecordedCredentials {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn extend(&mut self, credentials: Vec<String>) {
        self.0.extend(credentials);
    }
}

impl fmt::Debug for RecordedCredentials {
    /// Shows how many there are, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordedCredentials").field(&self.0.len()).finish()
    }
}

/// Those of an interaction: of its request's headers, of its URL, and of the parameters beside it.
pub(super) fn credentials_of(node: &Node, url: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(request) = node.get("request").or_else(|| node.get("when")) else { return of_url(url) };
    for (name, value) in ["headers", "header"].into_iter().flat_map(|member| header_lines(request.get(member))) {
        if is_credential_header(&name) {
            found.extend(of_header(&value));
        }
    }
    for (name, value) in ["queryString", "query_param"].into_iter().flat_map(|member| header_lines(request.get(member)))
    {
        found.extend(Some(value).filter(|_| is_query_credential(&name)));
    }
    found.extend(of_url(url));
    found.retain(|credential| is_credential(credential));
    found
}

/// The password of a URL, and what its query carries.
fn of_url(url: &str) -> Vec<String> {
    let host = url::Url::parse("http://host/").expect("it is a URL");
    let Ok(url) = host.join(url) else { return Vec::new() };
    let query = url.query_pairs().filter(|(name, _)| is_query_credential(name)).map(|(_, value)| value.into_owned());
    let mut found: Vec<String> = query.chain(url.password().map(ToOwned::to_owned)).collect();
    found.retain(|credential| is_credential(credential));
    found
}

/// What a header's name ends with where its value is chosen by whoever asks, and says nothing of who
/// that is.
const HARMLESS: [&str; 2] = ["idempotency-key", "cache-key"];

fn is_credential_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    ends(&["authorization", "key", "token", "secret", "password"]) && !ends(&HARMLESS)
}

/// The credential of a header's value, without the word that says what kind it is of; of a name and
/// a password in base64 the password too.
fn of_header(value: &str) -> Vec<String> {
    let (kind, credential) = value.trim().rsplit_once(char::is_whitespace).unwrap_or(("", value.trim()));
    let unpacked = kind.eq_ignore_ascii_case("basic").then(|| BASE64.decode(credential).ok()).flatten();
    let password = unpacked.and_then(|pair| Some(String::from_utf8(pair).ok()?.split_once(':')?.1.to_owned()));
    [credential.to_owned()].into_iter().chain(password).collect()
}

/// Whether a text is a credential, and none of the words that test suites put in its place.
fn is_credential(text: &str) -> bool {
    let stands_in = text.contains(['<', '>', '{', '}', '*', '$', '[', ']']);
    let least = if text.contains(|character: char| character.is_ascii_digit()) { SHORTEST } else { SHORTEST_WORD };
    text.len() >= least && !stands_in
}

#[cfg(test)]
mod tests {
    use super::super::yaml::documents;
    use super::*;

    #[test]
    fn credentials_are_found_where_requests_carry_them_and_words_in_their_place_are_none() {
        for (request, expected) in [
            ("headers: {Authorization: [Bearer sk-1234567890]}", vec!["sk-1234567890"]),
            ("headers: {authorization: Basic dXNlcjpodW50ZXIyMg==}", vec!["dXNlcjpodW50ZXIyMg==", "hunter22"]),
            ("headers: [{name: X-Api-Key, value: key-1234567890}]", vec!["key-1234567890"]),
            ("headers: {api-key: [a-secret-without-digits]}", vec!["a-secret-without-digits"]),
            ("headers: {x-goog-api-key: AIza12345678, idempotency-key: retry-12345678}", vec!["AIza12345678"]),
            (
                "headers: {authorization: [Bearer anything, 'Bearer <KEY-12345678>', Bearer short-1, FILTERED, '***']}",
                vec![],
            ),
            ("headers: {user-agent: agent-1234567890}", vec![]),
            ("headers: {cf-aig-cache-key: [quarterly-report-2024], X-Idempotency-Key: [retry-12345678]}", vec![]),
            ("queryString: [{name: API_KEY, value: query-12345}, {name: q, value: asked-12345}]", vec!["query-12345"]),
        ] {
            for part in ["request", "when"] {
                let document = &documents(&format!("{part}: {{{request}}}")).unwrap()[0];
                assert_eq!(credentials_of(document, "/v1/models"), expected, "{request}");
            }
        }
        let url = "https://user:passw0rd-1@h/v1/models?sig=a%2Bb12345&limit=12345678&token=short";
        assert_eq!(of_url(url), ["a+b12345", "passw0rd-1"]);
        let mut all = RecordedCredentials::default();
        all.extend(of_url(url));
        assert_eq!(format!("{all:?}"), "RecordedCredentials(2)");
    }
}
