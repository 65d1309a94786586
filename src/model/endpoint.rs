//! The calls of an OpenAI-compatible gateway that nightreel sends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A call of an OpenAI-compatible gateway: the path behind its base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Endpoint {
    /// `chat/completions`
    #[default]
    ChatCompletions,
    /// `completions`, the legacy text completions
    Completions,
    /// `embeddings`
    Embeddings,
    /// `responses`, OpenAI's Responses
    Responses,
    /// `messages`, Anthropic's Messages
    Messages,
    /// `models`, the list of models: a GET, whose query stands in the body's place, as a JSON object;
    /// or one model of it, whose name stands there, as a JSON text
    Models,
}

/// A path that names no endpoint nightreel can send to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown endpoint \"{0}\"; known are {known}", known = Endpoint::ASKING.map(Endpoint::path).join(", "))]
pub struct UnknownEndpoint(pub String);

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 6] =
        [Self::ChatCompletions, Self::Completions, Self::Embeddings, Self::Responses, Self::Messages, Self::Models];
    /// The endpoints that ask a model: what a job may send to.
    pub const ASKING: [Self; 5] =
        [Self::ChatCompletions, Self::Completions, Self::Embeddings, Self::Responses, Self::Messages];

    /// The path without host, account, gateway and `/v1`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Models => "models",
        }
    }

    /// The endpoint of a bare path, as [`Self::path`] writes it.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    /// Takes the bare path and the forms a batch line's `url` has (`/v1/chat/completions`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.trim_start_matches('/');
        let path = path.strip_prefix("v1/").unwrap_or(path).trim_end_matches('/');
        Self::ASKING
            .into_iter()
            .find(|endpoint| endpoint.path() == path)
            .ok_or_else(|| UnknownEndpoint(text.to_owned()))
    }
}

impl TryFrom<String> for Endpoint {
    type Error = UnknownEndpoint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.path().to_owned()
    }
}
