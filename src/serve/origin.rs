//! Which web pages may ask, and what their browser is told.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::host;

/// A browser asks for this before a page of the network may reach this machine.
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Whether a request comes from a web page, and from one that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// It comes from no page.
    None,
    /// It comes from a page that may ask.
    Welcome(HeaderValue),
    /// It comes from a page of somebody else.
    Foreign(String),
}

impl Origin {
    /// Reads a request's headers. A page of any host may see recordings; one that could make the
    /// server spend money has to be of this machine, or of the host that it asks.
    pub(super) fn of(headers: &HeaderMap, spends: bool) -> Self {
        let Some(origin) = headers.get(ORIGIN) else { return Self::None };
        let text = String::from_utf8_lossy(origin.as_bytes());
        if !spends || is_near(&text, headers.get(HOST)) {
            Self::Welcome(origin.clone())
        } else {
            Self::Foreign(text.into_owned())
        }
    }

    /// Adds what the browser is told of every reply.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if let Self::Welcome(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
    }

    /// What the browser is told that asks what it may send.
    pub(super) fn preflight(&self, asked: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.tell(&mut headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
        // A star does not stand for Authorization, so what is asked for is named.
        let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(HeaderValue::from_static("*")));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        if asked.contains_key(REQUEST_PRIVATE_NETWORK) {
            headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
        headers
    }
}

/// Whether a page's origin is of this machine, or of the host that the request went to.
fn is_near(origin: &str, host: Option<&HeaderValue>) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let Some(page) = url.host().map(|host| host.to_owned()) else { return false };
    let asked = host.and_then(|host| host::of_authority(host.to_str().ok()?));
    host::is_own(&page) || asked.is_some_and(|asked| asked == page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(origin: &'static str, host: &'static str, spends: bool) -> Origin {
        let lines = [(ORIGIN, HeaderValue::from_static(origin)), (HOST, HeaderValue::from_static(host))];
        Origin::of(&lines.into_iter().collect(), spends)
    }

    #[test]
    fn a_page_of_another_host_may_not_spend() {
        for (page, host, spends, welcome) in [
            ("http://localhost:3000", "127.0.0.1:8080", true, true),
            ("http://app.localhost", "127.0.0.1:8080", true, true),
            ("http://127.0.0.1:3000", "localhost:8080", true, true),
            ("http://[::1]:3000", "localhost:8080", true, true),
            ("http://box:3000", "box:8080", true, true),
            ("https://example.com", "127.0.0.1:8080", true, false),
            ("https://localhost.example.com", "127.0.0.1:8080", true, false),
            ("null", "127.0.0.1:8080", true, false),
            ("https://example.com", "127.0.0.1:8080", false, true),
            ("null", "127.0.0.1:8080", false, true),
        ] {
            assert_eq!(matches!(origin(page, host, spends), Origin::Welcome(_)), welcome, "{page} {host} {spends}");
        }
        assert_eq!(Origin::of(&HeaderMap::new(), true), Origin::None);
    }

    #[test]
    fn a_browser_is_told_what_it_may_send_and_see() {
        let asked = [(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("authorization,x-stainless-lang"))];
        let told = origin("http://localhost:3000", "x", true).preflight(&asked.into_iter().collect());
        assert_eq!(told[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
        assert_eq!(told[ACCESS_CONTROL_ALLOW_HEADERS], "authorization,x-stainless-lang");
        assert!(!told.contains_key(ALLOW_PRIVATE_NETWORK));
        let mut told = HeaderMap::new();
        Origin::None.tell(&mut told);
        assert!(told.is_empty());
    }
}
