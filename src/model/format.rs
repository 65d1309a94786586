//! The formats of an input file.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the rows of an input file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// Comma-separated values under a header line.
    Csv,
    /// Tab-separated values under a header line.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// One chat body a line, sent as it is.
    Requests,
    /// `OpenAI` Batch input: `{"custom_id", "method", "url", "body"}` a line.
    OpenaiBatch,
    /// Anthropic Message Batches input: `{"custom_id", "params"}` a line.
    AnthropicBatch,
}

/// A name that stands for no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown input format \"{0}\"; known are {known}", known = Format::ALL.map(Format::as_str).join(", "))]
pub struct UnknownFormat(pub String);

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Csv, Self::Tsv, Self::Jsonl, Self::Requests, Self::OpenaiBatch, Self::AnthropicBatch];

    /// The name that a job file uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Requests => "requests",
            Self::OpenaiBatch => "openai-batch",
            Self::AnthropicBatch => "anthropic-batch",
        }
    }

    /// Whether each line is a request of its own, so that a job needs no prompt.
    #[must_use]
    pub const fn brings_requests(self) -> bool {
        matches!(self, Self::Requests | Self::OpenaiBatch | Self::AnthropicBatch)
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl TryFrom<String> for Format {
    type Error = UnknownFormat;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.as_str().to_owned()
    }
}
