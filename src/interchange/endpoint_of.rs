//! Which call of a gateway a recorded request is.

use serde_json::{Map, Value};

use crate::gateway::is_query_credential;
use crate::model::Endpoint;

/// A call, with what its URL says beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) endpoint: Endpoint,
    /// The deployment of an Azure URL, which names the model there.
    pub(super) deployment: Option<String>,
}

/// The path of a URL, which may be a path alone.
pub(super) fn path_of(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => url,
    }
}

/// The call that a method and a URL make: the path's end says it, whatever stands before.
///
/// # Errors
/// Why it is none.
pub(super) fn call_of(method: &str, url: &str) -> Result<Call, String> {
    let path = path_of(url).trim_end_matches('/');
    let endpoint = endpoint_of(path).ok_or("it is not a call that nightreel knows")?;
    let expected = method_for(endpoint);
    if !method.eq_ignore_ascii_case(expected) {
        return Err(format!("it is no {expected}"));
    }
    let mut segments = path.split('/').skip_while(|segment| *segment != "deployments");
    Ok(Call { endpoint, deployment: segments.nth(1).map(ToOwned::to_owned) })
}

fn endpoint_of(path: &str) -> Option<Endpoint> {
    let is_end = |endpoint: &Endpoint| {
        path.strip_suffix(endpoint.path()).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    Endpoint::ALL.into_iter().find(is_end).filter(|_| !is_of_thread(path))
}

/// The method of a call.
pub(super) const fn method_for(endpoint: Endpoint) -> &'static str {
    if matches!(endpoint, Endpoint::Models) { "GET" } else { "POST" }
}

/// The method that a call of a URL has; empty where it is none.
pub(super) fn method_of(url: &str) -> &'static str {
    endpoint_of(path_of(url).trim_end_matches('/')).map_or("", method_for)
}

/// The messages of a thread are none of Anthropic's.
fn is_of_thread(path: &str) -> bool {
    path.rsplit('/').nth(2) == Some("threads")
}

/// The query of a URL as the JSON object of texts that stands in a body's place.
pub(super) fn query_of(url: &str) -> String {
    let bare = url.split('#').next().unwrap_or_default();
    let query = bare.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !is_query_credential(name));
    let members: Map<String, Value> =
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_path_says_which_call_it_is() {
        let call = |method, url| call_of(method, url).map(|call| call.endpoint.path());
        for (method, url, expected) in [
            ("POST", "https://openrouter.ai/api/v1/chat/completions", Ok("chat/completions")),
            ("post", "https://api.deepseek.com/chat/completions", Ok("chat/completions")),
            ("POST", "http://localhost:1/v1/a/g/openrouter/chat/completions/", Ok("chat/completions")),
            ("POST", "/v1-openai/responses?x=/models", Ok("responses")),
            ("POST", "https://api.anthropic.com/v1/messages?beta=true", Ok("messages")),
            ("POST", "https://h/v1/completions#chat", Ok("completions")),
            ("POST", "embeddings", Ok("embeddings")),
            ("GET", "https://openrouter.ai/api/v1/models?a=b", Ok("models")),
            ("GET", "https://h/v1/embeddings", Err("it is no POST")),
            ("POST", "https://h/v1/models", Err("it is no GET")),
            ("POST", "https://h/v1/models/m:generateContent", Err("it is not a call that nightreel knows")),
            ("POST", "https://h/v1/xmessages", Err("it is not a call that nightreel knows")),
            ("POST", "https://h/v1/threads/t/messages", Err("it is not a call that nightreel knows")),
            ("POST", "https://h", Err("it is not a call that nightreel knows")),
            ("", "", Err("it is not a call that nightreel knows")),
        ] {
            assert_eq!(call(method, url), expected.map_err(ToOwned::to_owned), "{method} {url}");
        }
        let azure = call_of("POST", "https://x.azure.com/openai/deployments/gpt/chat/completions?api-version=1");
        assert_eq!(azure.unwrap().deployment.as_deref(), Some("gpt"));
    }

    #[test]
    fn a_query_is_an_object_of_texts() {
        assert_eq!(query_of("https://h/models"), "{}");
        assert_eq!(query_of("https://h/models?a=1&api_key=secret&b=x%20y#c"), r#"{"a":"1","b":"x y"}"#);
    }
}
