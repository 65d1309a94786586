//! The gateway that sends over HTTP.

use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderName,
};
use reqwest::{Certificate, Client, ClientBuilder, Version};
use serde_json::{Map, Value};

use super::deadline::Deadlines;
use super::fault::{fault_of, missed_fault, untaken_fault};
use super::handover::Handover;
use super::shard::{Lease, POOL_IDLE, Shards};
use super::told::{CacheName, attribution_headers, directive_headers};
use super::{BaseUrl, Credentials, Gateway, Options, Response, Tag};
use crate::model::{Endpoint, Fault, Request};

/// How many requests in flight share an HTTP/2 connection; servers allow 100 and more.
const STREAMS: usize = 32;
/// The most HTTP/2 connections.
const MOST_CLIENTS: usize = 128;
/// How often a connection that is silent is asked whether it still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a request waits for a connection that takes it, beyond the time that one to be made may
/// take. One that is left behind in the client would wait for ever.
const TAKING: Duration = Duration::from_secs(5);
const GATEWAY_TOKEN: HeaderName = HeaderName::from_static("cf-aig-authorization");
const METADATA: HeaderName = HeaderName::from_static("cf-aig-metadata");
const EVENT_ID: HeaderName = HeaderName::from_static("cf-aig-event-id");
const CACHE_KEY: HeaderName = HeaderName::from_static("cf-aig-cache-key");

/// Sends requests over HTTP: one send a call, nothing repeated, no redirect followed, nothing
/// decoded.
#[derive(Debug)]
pub struct HttpGateway {
    base_url: BaseUrl,
    urls: Vec<(Endpoint, url::Url)>,
    clients: Vec<Client>,
    shards: Arc<Shards>,
    credentials: Credentials,
    /// What a gateway is told of each request alone; `None` where none answers.
    told: Option<Told>,
    connect_timeout: Duration,
    idle_timeout: Duration,
    total_timeout: Duration,
}

/// What a gateway is told of each request alone.
#[derive(Debug)]
struct Told {
    /// Entries of its log beside run, item and attempt.
    metadata: Map<String, Value>,
    cache_name: Option<CacheName>,
}

/// Why the HTTP client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The file of trusted certificates cannot be read.
    #[error("cannot read the certificates in {}", path.display())]
    ReadCertificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file of trusted certificates holds none.
    #[error(
        "{} holds no certificate in PEM form (it would begin with -----BEGIN CERTIFICATE-----)",
        path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system trusts nobody.
    #[error(
        "this machine has no CA certificates; install its package ca-certificates, \
         or name a file of them in SSL_CERT_FILE"
    )]
    NoRoots,
    /// A name that is no header's.
    #[error("\"{name}\" is no header name")]
    HeaderName {
        /// The name.
        name: String,
        /// Why not.
        source: InvalidHeaderName,
    },
    /// A value that cannot be sent.
    #[error("the value of the header {name} has a line break or another control character in it")]
    HeaderValue {
        /// The header's name; the value may be a secret.
        name: String,
    },
    /// A header that is not the user's to set.
    #[error("the header {name} is nightreel's own; credentials come from the environment")]
    ReservedHeader {
        /// The header's name.
        name: String,
    },
    /// The client does not want to be built.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

impl HttpGateway {
    /// Sets the client up. Nothing is connected yet.
    ///
    /// # Errors
    /// Fails where the certificates cannot be read, or a header cannot be sent.
    pub fn new(options: Options) -> Result<Self, GatewayError> {
        install_tls_provider();
        let multiplexed = options.base_url.is_https() && !options.http1_only;
        let count = if multiplexed { options.in_flight.div_ceil(STREAMS).clamp(1, MOST_CLIENTS) } else { 1 };
        let headers = headers(&options)?;
        let certificates = certificates(&options)?;
        let clients = (0..count)
            .map(|_| client(&options, headers.clone(), certificates.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            urls: Endpoint::ALL.map(|endpoint| (endpoint, options.base_url.join(endpoint))).to_vec(),
            clients,
            shards: Shards::new(count, !multiplexed),
            told: tells_gateway(&options).then(|| Told::new(&options)).transpose()?,
            connect_timeout: options.connect_timeout,
            idle_timeout: options.idle_timeout,
            total_timeout: options.total_timeout,
            base_url: options.base_url,
            credentials: options.credentials,
        })
    }

    fn prepared(&self, request: &Request, tag: &Tag, lease: &Lease) -> (reqwest::RequestBuilder, Handover) {
        let url = self.urls.iter().find(|(endpoint, _)| *endpoint == request.endpoint);
        let (_, url) = url.expect("there is a URL for every endpoint");
        let url = match tag.passed_on.deployment() {
            Some(deployment) => self.base_url.join_deployment(request.endpoint, deployment),
            None => url.clone(),
        };
        let url = with_query(url, tag.passed_on.query_pairs().iter().cloned());
        let client = &self.clients[lease.index()];
        let body = (request.endpoint != Endpoint::Models).then_some(&request.body);
        let handover = body.map_or_else(Handover::without_body, Handover::of);
        let mut builder = match body {
            Some(bytes) => client.post(url).body(handover.body(bytes.clone())),
            None => client.get(models_url(url, &request.body)),
        };
        if let Some(told) = &self.told {
            builder = builder.header(METADATA, tag.metadata(&told.metadata)).header(EVENT_ID, tag.event_id());
            if let Some(cache_name) = &told.cache_name {
                builder = builder.header(CACHE_KEY, cache_name.of_request(&request.key));
            }
        }
        (builder.headers(tag.passed_on.beside(&self.credentials)), handover)
    }

    async fn send_once(&self, request: &Request, tag: &Tag) -> Result<Response, Fault> {
        let mut lease = self.shards.lease();
        lease.ready().await;
        let sent_at = Instant::now();
        let deadlines = Deadlines::start(self.idle_timeout, self.total_timeout);
        let (builder, handover) = self.prepared(request, tag, &lease);
        let taking = self.connect_timeout.saturating_add(TAKING);
        let fault = match deadlines.within(handover.within(taking, builder.send())).await {
            Ok(Some(Ok(response))) => {
                lease.answered(response.version() == Version::HTTP_2);
                return Ok(Response::live(response, sent_at, deadlines, lease));
            }
            Ok(Some(Err(error))) => fault_of(&error, &self.base_url, self.connect_timeout, &handover),
            Ok(None) => untaken_fault(taking, &self.base_url),
            Err(missed) => missed_fault(missed, &self.base_url, &handover),
        };
        lease.failed(fault.kind);
        Err(fault)
    }
}

impl Gateway for HttpGateway {
    fn send<'a>(&'a self, request: &'a Request, tag: &'a Tag) -> BoxFuture<'a, Result<Response, Fault>> {
        Box::pin(self.send_once(request, tag))
    }
}

/// The URL of the list of models, or of one of them, by what stands in the place of a body: the query
/// as a JSON object of texts, or the model's name as a JSON text.
fn models_url(mut url: url::Url, body: &[u8]) -> url::Url {
    match serde_json::from_slice(body) {
        Ok(Value::String(name)) => {
            if let Ok(mut path) = url.path_segments_mut() {
                path.extend(name.split('/'));
            }
            url
        }
        Ok(Value::Object(members)) => {
            let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
            with_query(url, members.into_iter().map(|(name, value)| (name, text(value))))
        }
        _ => url,
    }
}

fn with_query(mut url: url::Url, pairs: impl Iterator<Item = (String, String)>) -> url::Url {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_some() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url
}

/// Without a provider of cryptography the client's builder panics; a second installation is
/// refused, and the first one is as good.
fn install_tls_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl Told {
    fn new(options: &Options) -> Result<Self, GatewayError> {
        let Options { directives, .. } = options;
        Ok(Self { metadata: directives.metadata.clone(), cache_name: CacheName::of(directives)? })
    }
}

const fn tells_gateway(options: &Options) -> bool {
    options.credentials.mean_gateway(&options.base_url)
}

/// The headers that every request has.
fn headers(options: &Options) -> Result<HeaderMap, GatewayError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if tells_gateway(options) {
        headers.extend(directive_headers(&options.directives)?);
    }
    headers.extend(attribution_headers(&options.attribution)?);
    for (name, value) in &options.headers {
        let (name, value) = own_header(name, value)?;
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // What is recorded is what the server wrote, so nothing may come compressed.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(api_key) = &options.credentials.api_key {
        headers.insert(AUTHORIZATION, api_key.bearer());
    }
    if let Some(token) = &options.credentials.token {
        headers.insert(GATEWAY_TOKEN, token.bearer());
    }
    Ok(headers)
}

/// A header of the user's. Its value may be a key, so no log gets to see it.
fn own_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), GatewayError> {
    const RESERVED: [&str; 15] = [
        "authorization",
        "proxy-authorization",
        "cf-aig-authorization",
        "cf-aig-metadata",
        "cf-aig-event-id",
        "cf-aig-cache-key",
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "accept-encoding",
        "connection",
        "upgrade",
        "host",
        "te",
    ];
    let name: HeaderName = name.parse().map_err(|source| GatewayError::HeaderName { name: name.to_owned(), source })?;
    if RESERVED.contains(&name.as_str()) {
        return Err(GatewayError::ReservedHeader { name: name.to_string() });
    }
    let mut value =
        HeaderValue::from_bytes(value.as_bytes()).map_err(|_| GatewayError::HeaderValue { name: name.to_string() })?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn certificates(options: &Options) -> Result<Vec<Certificate>, GatewayError> {
    let Some(path) = &options.ca_cert else { return Ok(Vec::new()) };
    let pem = std::fs::read(path).map_err(|source| GatewayError::ReadCertificates { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(GatewayError::NoCertificate { path: path.clone() }),
    }
}

fn client(options: &Options, headers: HeaderMap, certificates: Vec<Certificate>) -> Result<Client, GatewayError> {
    let base = &options.base_url;
    let mut builder = Client::builder()
        .user_agent(concat!("nightreel/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        .tls_certs_merge(certificates);
    if options.http1_only {
        builder = builder.http1_only();
    }
    if base.is_loopback() {
        // A proxy would look for itself under this address. And where no TLS is spoken either,
        // the system's certificates need not be there.
        builder = builder.no_proxy();
        if !base.is_https() {
            builder = builder.tls_certs_only([]);
        }
    }
    kept_alive(builder).build().map_err(|error| {
        let no_roots = format!("{error:?}").contains("No CA certificates");
        if no_roots { GatewayError::NoRoots } else { GatewayError::Client(error) }
    })
}

fn kept_alive(builder: ClientBuilder) -> ClientBuilder {
    builder
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .tcp_keepalive_interval(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .http2_keep_alive_while_idle(true)
}
