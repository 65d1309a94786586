//! What nightreel writes of an exchange into an archive that HAR has no place for.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::{Endpoint, Exchange, Reply};

use super::body::Written;
use super::circumstances::Circumstances;
use super::endpoint_of::query_of;
use super::found::{Found, FoundReply};
use super::json;
use super::node::Node;

/// The member of an entry that it is in.
pub(super) const NAME: &str = "_nightreel";

/// What HAR has no place for.
#[derive(Serialize, Deserialize)]
pub(super) struct Own<'a> {
    endpoint: Cow<'a, str>,
    /// What stands in the body's place where the URL does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Written>,
    /// The response's body as it came, where the archive has it as it was before it was compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Written>,
    #[serde(flatten)]
    circumstances: Circumstances,
}

impl Own<'_> {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let request = &exchange.request;
        let is_lost =
            request.endpoint == Endpoint::Models && query_of(&models_url(&request.body)).as_bytes() != request.body;
        let reply = exchange.attempt.reply.as_ref().ok();
        Self {
            endpoint: request.endpoint.path().into(),
            request: is_lost.then(|| Written::of(&request.body)),
            body: reply.filter(|reply| plain_body(reply).is_some()).map(|reply| Written::of(&reply.body)),
            circumstances: Circumstances::of(exchange),
        }
    }

    fn exchange(mut self, found: &Found) -> Result<Exchange, String> {
        let endpoint =
            Endpoint::from_path(&self.endpoint).ok_or_else(|| format!("there is no endpoint {:?}", self.endpoint))?;
        let request = match (self.request, endpoint) {
            (Some(request), _) => request.bytes()?,
            (None, Endpoint::Models) if found.request.is_err() => query_of(&found.url).into_bytes(),
            (None, _) => found.request.clone()?,
        };
        let FoundReply { status, headers, body } = match &found.reply {
            Ok(reply) => reply,
            Err(_) if self.circumstances.is_fault() => return self.circumstances.exchange(endpoint, request, None),
            Err(why) => return Err(why.clone()),
        };
        let mut headers = headers.clone();
        if let Some(compressed) = self.body {
            let written = (*status, headers.clone(), compressed.bytes()?);
            let exchange = self.circumstances.clone().exchange(endpoint, request.clone(), Some(written))?;
            let plain = exchange.attempt.reply.as_ref().ok().and_then(plain_body);
            if plain.is_some_and(|plain| plain == body) {
                return Ok(exchange);
            }
            // Somebody has changed the archive's text, which counts, and is not compressed.
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
            self.circumstances.forget_pieces();
        }
        self.circumstances.exchange(endpoint, request, Some((*status, headers, body.clone())))
    }
}

/// The exchange that an entry of nightreel's was; `None` where somebody else has written it.
pub(super) fn exchange(entry: &Node, found: &Found) -> Option<Result<Exchange, String>> {
    match json::value(entry.get(NAME)?) {
        Ok(own) => Some(serde_json::from_value::<Own<'_>>(own).ok()?.exchange(found)),
        Err(why) => Some(Err(format!("its member `{NAME}` cannot be read: {why}"))),
    }
}

/// What a URL asks for the list of models with, by what stands in the body's place: what is no text
/// there has no place in a URL.
pub(super) fn query_pairs(body: &[u8]) -> Vec<(String, String)> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
    members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

/// The path for the list of models, with its query.
pub(super) fn models_url(body: &[u8]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query_pairs(body)).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{query}", Endpoint::Models)
}

/// A body as it was before it was compressed; `None` where it was not, or not in a way that is
/// known here.
pub(super) fn plain_body(reply: &Reply) -> Option<Bytes> {
    reply.uncompressed().map(|plain| plain.body)
}
