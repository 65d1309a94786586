//! How the HTTP client is set up.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{BaseUrl, Credentials};
use crate::model::{Attribution, Directives};

/// How [`HttpGateway`](super::HttpGateway) connects, to whom, and how long it waits.
#[derive(Clone)]
pub struct Options {
    /// Where requests go.
    pub base_url: BaseUrl,
    /// What proves who asks.
    pub credentials: Credentials,
    /// How long making a connection may take. It counts as silence as well, so that a shorter
    /// `idle_timeout` ends it first.
    pub connect_timeout: Duration,
    /// How long nothing may come: from the send to the headers, and from piece to piece.
    pub idle_timeout: Duration,
    /// How long the whole may take, from the send to the last byte.
    pub total_timeout: Duration,
    /// The most requests there will be at once. It says how many HTTP/2 connections are kept.
    pub in_flight: usize,
    /// A file of certificates in PEM form that are trusted beside the system's.
    pub ca_cert: Option<PathBuf>,
    /// Never HTTP/2: a connection for every request in flight.
    pub http1_only: bool,
    /// Headers sent with every request, as (name, value): `HTTP-Referer`, `X-OpenRouter-Title`,
    /// a key that a service wants under a name of its own. They go before nightreel's own
    /// (`cf-aig-skip-cache` and the like), but not before credentials and framing.
    pub headers: Vec<(String, String)>,
    /// What a Cloudflare gateway is told of every request; nothing, where none answers.
    pub directives: Directives,
    /// What `OpenRouter` is told of who asks.
    pub attribution: Attribution,
}

impl Options {
    /// The defaults: 10 s to connect, 120 s of silence, 10 min for the whole, 32 in flight.
    #[must_use]
    pub fn new(base_url: BaseUrl, credentials: Credentials) -> Self {
        Self {
            base_url,
            credentials,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            total_timeout: Duration::from_mins(10),
            in_flight: 32,
            ca_cert: None,
            http1_only: false,
            headers: Vec::new(),
            directives: Directives::default(),
            attribution: Attribution::default(),
        }
    }
}

impl fmt::Debug for Options {
    /// Shows the names of the headers alone: a value may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Options")
            .field("base_url", &self.base_url)
            .field("credentials", &self.credentials)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("in_flight", &self.in_flight)
            .field("ca_cert", &self.ca_cert)
            .field("http1_only", &self.http1_only)
            .field("headers", &names)
            .field("directives", &self.directives)
            .field("attribution", &self.attribution)
            .finish()
    }
}
