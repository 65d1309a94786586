//! Which response headers are kept.

use reqwest::header::HeaderMap;

use crate::model::Header;

/// Kept by name. Cookies, and whatever else may hold a secret, are not in the list.
const NAMES: [&str; 16] = [
    "content-type",
    // A body that came compressed though nobody asked for it explains itself by this.
    "content-encoding",
    // A client that is told no length may take an empty body for another thing.
    "content-length",
    // An HTTP date in Retry-After is read against the server's own clock.
    "date",
    "retry-after",
    "retry-after-ms",
    "cf-ray",
    "x-generation-id",
    "x-request-id",
    "request-id",
    // A server's own word on whether a client is to try again: its clients go by it.
    "x-should-retry",
    // Beside these `OpenAI` sends one that names an account: it is not kept.
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "x-nightreel-simulated",
    "location",
];

/// Kept by how the name starts.
const PREFIXES: [&str; 4] = ["x-ratelimit-", "anthropic-ratelimit-", "cf-aig-", "x-openrouter-"];

/// Whether a response header is kept. `name` is lower case.
#[must_use]
pub fn keeps_header(name: &str) -> bool {
    // A gateway never sends the token back; one that did would do so under this name.
    name != "cf-aig-authorization" && (NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

/// The headers that are kept, each value with its name. Lines of one name keep their order.
pub(super) fn kept_headers(headers: &HeaderMap) -> Vec<Header> {
    headers
        .iter()
        .filter_map(|(name, value)| kept_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

/// A response header as it is kept; `None` where it is not. The name may be in any case.
#[must_use]
pub fn kept_header(name: &str, value: &str) -> Option<Header> {
    let name = name.to_ascii_lowercase();
    keeps_header(&name).then(|| Header { value: kept_value(&name, value), name })
}

/// A location is kept without its query: a login page is handed the caller's state there.
fn kept_value(name: &str, value: &str) -> String {
    if name != "location" {
        return value.to_owned();
    }
    let bare = value.split(['?', '#']).next().unwrap_or_default();
    match url::Url::parse(bare) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            // Neither can fail on a URL that has a user already.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        _ => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_secret_is_not_kept() {
        for name in [
            "set-cookie",
            "authorization",
            "cf-aig-authorization",
            "server-timing",
            "www-authenticate",
            "openai-organization",
            "openai-project",
            "anthropic-organization-id",
        ] {
            assert!(!keeps_header(name), "{name}");
        }
        for name in [
            "retry-after",
            "x-ratelimit-reset",
            "cf-aig-log-id",
            "x-openrouter-cache-status",
            "cf-ray",
            "x-should-retry",
            "request-id",
            "openai-processing-ms",
            "anthropic-ratelimit-requests-remaining",
        ] {
            assert!(keeps_header(name), "{name}");
        }
        assert_eq!(kept_value("location", "https://u:p@host/a?token=1#x"), "https://host/a");
        assert_eq!(kept_value("location", "/login?token=1"), "/login");
        assert_eq!(kept_value("cf-ray", "a?b"), "a?b");
    }

    #[test]
    fn lines_of_one_name_keep_their_order() {
        let mut headers = HeaderMap::new();
        for value in ["1", "2", "3"] {
            headers.append("x-ratelimit-limit", value.parse().unwrap());
        }
        headers.append("set-cookie", "a=b".parse().unwrap());
        let values: Vec<String> = kept_headers(&headers).into_iter().map(|header| header.value).collect();
        assert_eq!(values, ["1", "2", "3"]);
    }
}
