//! Where requests go: a base URL, in any of the forms people paste.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::model::Endpoint;

const CLOUDFLARE_HOST: &str = "gateway.ai.cloudflare.com";
const OPENROUTER_HOST: &str = "openrouter.ai";

/// The path segments behind `/v1/{account}/{gateway}/` that tell a gateway's path on another host,
/// such as a simulator's, from a path that only looks like one.
const PROVIDERS: [&str; 10] = [
    "openrouter",
    "compat",
    "openai",
    "anthropic",
    "azure-openai",
    "google-ai-studio",
    "groq",
    "mistral",
    "deepseek",
    "workers-ai",
];

/// The base URL of an OpenAI-compatible service, brought into one form.
///
/// What people paste is taken as it is meant: with or without a slash at the end, with
/// `/chat/completions` (or another endpoint) behind it, with `/v1` doubled. A host alone gets
/// `/v1`, and `openrouter.ai` gets `/api/v1`. Both documented forms of Cloudflare's path are
/// kept, `…/openrouter` and `…/openrouter/v1`.
///
/// ```
/// use nightreel::gateway::BaseUrl;
/// use nightreel::model::Endpoint;
///
/// let base: BaseUrl = "https://openrouter.ai/api/v1/chat/completions/".parse()?;
/// assert_eq!(base.to_string(), "https://openrouter.ai/api/v1");
/// assert_eq!(base.join(Endpoint::Embeddings).as_str(), "https://openrouter.ai/api/v1/embeddings");
/// # Ok::<(), nightreel::gateway::BaseUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    url: Url,
    cloudflare: bool,
}

/// Why a text is no base URL. No message repeats what may be a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// There is nothing in it.
    #[error("the base URL is empty")]
    Empty,
    /// It is not readable as a URL.
    #[error("the base URL cannot be read ({0}); write it like https://openrouter.ai/api/v1")]
    Unreadable(url::ParseError),
    /// It has a blank or a control character in it.
    #[error("the base URL has a blank or a control character in it; write it like https://openrouter.ai/api/v1")]
    Blank,
    /// It is a URL of another kind.
    #[error("the base URL must start with https:// or http://")]
    NotHttp,
    /// It names no host.
    #[error("the base URL names no host; write it like https://openrouter.ai/api/v1")]
    NoHost,
    /// A user name or a password stands in it.
    #[error(
        "the base URL has a user name or a password in it; \
         give credentials by the environment, never in the URL"
    )]
    HasCredentials,
    /// A query or a fragment stands in it.
    #[error("the base URL has a query or a fragment ('?' or '#') in it; end it with the path")]
    HasQuery,
    /// A variable was not filled in.
    #[error("the base URL still has {0} in it; set that variable, or write its value")]
    Unexpanded(String),
    /// A placeholder of a manual was not filled in.
    #[error("the base URL still has the placeholder {0} in it; write the real value instead")]
    Placeholder(String),
    /// Two slashes in a row.
    #[error("the base URL's path has an empty part ('//'); is an account id or a gateway id not set?")]
    EmptyPart,
    /// An id is empty.
    #[error("the {0} is empty; it stands in the Cloudflare dashboard under AI > AI Gateway")]
    EmptyId(&'static str),
    /// An id has characters that no id has.
    #[error("the {0} has a character other than letters, digits, '-' and '_' in it")]
    BadId(&'static str),
    /// The gateway's universal endpoint, which takes another kind of body.
    #[error("{given} is the gateway's universal endpoint, which names no provider; use {given}/openrouter")]
    Universal {
        /// The URL as it was given.
        given: String,
    },
    /// A path on Cloudflare's host that is no gateway's.
    #[error(
        "the path of a Cloudflare gateway is /v1/ACCOUNT_ID/GATEWAY_ID/openrouter, \
         not {path}"
    )]
    NotAGateway {
        /// The path as it was given.
        path: String,
    },
}

impl BaseUrl {
    /// The way to `OpenRouter` through a Cloudflare AI Gateway:
    /// `https://gateway.ai.cloudflare.com/v1/{account_id}/{gateway_id}/openrouter/v1`.
    ///
    /// # Errors
    /// Fails where an id is empty, an unexpanded variable, or has characters that no id has.
    pub fn cloudflare(account_id: &str, gateway_id: &str) -> Result<Self, BaseUrlError> {
        let account = checked_id("account id", account_id)?;
        let gateway = checked_id("gateway id", gateway_id)?;
        format!("https://{CLOUDFLARE_HOST}/v1/{account}/{gateway}/openrouter/v1").parse()
    }

    /// The URL of an endpoint.
    #[must_use]
    pub fn join(&self, endpoint: Endpoint) -> Url {
        let base = self.url.path().trim_end_matches('/');
        // Behind "…/openrouter" the chat endpoint alone is documented without a version.
        let versioned = endpoint == Endpoint::ChatCompletions || !base.ends_with("/openrouter");
        let version = if versioned { "" } else { "/v1" };
        let mut url = self.url.clone();
        url.set_path(&format!("{base}{version}/{endpoint}"));
        url
    }

    /// The URL of an endpoint of a deployment. Where the path ends in `/deployments`, or in one of
    /// them, it is the one that is named; elsewhere there are none, and the body says what answers.
    #[must_use]
    pub fn join_deployment(&self, endpoint: Endpoint, deployment: &str) -> Url {
        let mut url = self.join(endpoint);
        let parts: Vec<&str> = self.url.path().trim_matches('/').split('/').collect();
        let ([before @ .., "deployments"] | [before @ .., "deployments", _]) = parts.as_slice() else { return url };
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(before).push("deployments").push(deployment).extend(endpoint.path().split('/'));
        }
        url
    }

    /// Whether a Cloudflare AI Gateway answers here: by its host, or by its path
    /// (`/v1/{account}/{gateway}/{provider}`) on another host. A custom domain shows neither.
    #[must_use]
    pub const fn is_cloudflare(&self) -> bool {
        self.cloudflare
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether requests end at `OpenRouter`, as far as the URL shows it.
    #[must_use]
    pub fn leads_to_openrouter(&self) -> bool {
        self.host() == OPENROUTER_HOST || self.url.path().split('/').any(|part| part == "openrouter")
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host with its port, as messages name it.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host(), self.url.port_or_known_default().unwrap_or_default())
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let mut url = readable(text.trim())?;
        let mut parts = parts(&url)?;
        strip_endpoint(&mut parts);
        let cloudflare = is_gateway(&url, &parts)?;
        complete(&url, &mut parts);
        let path = parts.join("/");
        url.set_path(&path);
        Ok(Self { url, cloudflare })
    }
}

/// A URL that has a host and nothing that a base URL may not have.
fn readable(text: &str) -> Result<Url, BaseUrlError> {
    if text.is_empty() {
        return Err(BaseUrlError::Empty);
    }
    filled_in(text)?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(BaseUrlError::Blank);
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => BaseUrlError::NotHttp,
        url::ParseError::EmptyHost => BaseUrlError::NoHost,
        other => BaseUrlError::Unreadable(other),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BaseUrlError::NotHttp);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BaseUrlError::HasCredentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BaseUrlError::HasQuery);
    }
    Ok(url)
}

/// Refuses `${NAME}`, `$NAME`, and a manual's `{account_id}` or `<account_id>`.
fn filled_in(text: &str) -> Result<(), BaseUrlError> {
    let name_of = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
    };
    if let Some((_, rest)) = text.split_once('$') {
        let name = name_of(rest.trim_start_matches('{'));
        let shown = if rest.starts_with('{') { format!("${{{name}}}") } else { format!("${name}") };
        return Err(BaseUrlError::Unexpanded(shown));
    }
    for (open, close) in [('{', '}'), ('<', '>')] {
        if let Some((_, rest)) = text.split_once(open) {
            return Err(BaseUrlError::Placeholder(format!("{open}{}{close}", name_of(rest))));
        }
    }
    Ok(())
}

fn checked_id<'a>(what: &'static str, id: &'a str) -> Result<&'a str, BaseUrlError> {
    let id = id.trim();
    filled_in(id)?;
    if id.is_empty() {
        return Err(BaseUrlError::EmptyId(what));
    }
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err(BaseUrlError::BadId(what));
    }
    Ok(id)
}

/// The parts of the path; slashes at its end are no part.
fn parts(url: &Url) -> Result<Vec<String>, BaseUrlError> {
    let path = url.path().trim_start_matches('/').trim_end_matches('/');
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = path.split('/').map(ToOwned::to_owned).collect();
    if parts.iter().any(String::is_empty) || url.path().starts_with("//") {
        return Err(BaseUrlError::EmptyPart);
    }
    Ok(parts)
}

/// Takes away a pasted endpoint, however often it stands there, and a doubled version.
fn strip_endpoint(parts: &mut Vec<String>) {
    let tails = ["chat/completions", "completions", "embeddings", "responses", "messages", "models", "chat"];
    loop {
        let path = parts.join("/");
        let tail = tails.iter().find(|tail| path == **tail || path.ends_with(&format!("/{tail}")));
        match tail {
            Some(tail) => parts.truncate(parts.len() - tail.split('/').count()),
            None if parts.len() > 1 && path.ends_with("v1/v1") => parts.truncate(parts.len() - 1),
            None => return,
        }
    }
}

/// Whether the path is a gateway's; refuses the paths that can only be a mistake.
fn is_gateway(url: &Url, parts: &[String]) -> Result<bool, BaseUrlError> {
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let cloudflare_host = url.host_str() == Some(CLOUDFLARE_HOST);
    match names.as_slice() {
        ["v1", _, _] if cloudflare_host || is_loopback(url) => {
            Err(BaseUrlError::Universal { given: url.as_str().trim_end_matches('/').to_owned() })
        }
        ["v1", _, _, provider, ..] => Ok(cloudflare_host || PROVIDERS.contains(provider)),
        _ if cloudflare_host => Err(BaseUrlError::NotAGateway { path: url.path().to_owned() }),
        _ => Ok(false),
    }
}

/// Adds what a pasted host leaves out.
fn complete(url: &Url, parts: &mut Vec<String>) {
    let is_openrouter = url.host_str() == Some(OPENROUTER_HOST);
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let whole: &[&str] = match names.as_slice() {
        [] | ["api" | "v1"] if is_openrouter => &["api", "v1"],
        [] => &["v1"],
        _ => return,
    };
    *parts = whole.iter().map(|&part| part.to_owned()).collect();
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|mapped| mapped.is_loopback())
        }
        None => false,
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}
