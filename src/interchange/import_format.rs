//! The formats that recordings are read from.

use std::fmt;
use std::str::FromStr;

/// The format of a file of recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImportFormat {
    /// Ruby's VCR, as YAML or JSON: `http_interactions`.
    Vcr,
    /// Python's vcrpy and pytest-recording, as YAML or JSON: `interactions` with a `uri`.
    Vcrpy,
    /// Go's go-vcr, as YAML: `interactions` with a `url`.
    GoVcr,
    /// Rust's httpmock, as YAML: documents of `when` and `then`.
    Httpmock,
    /// HTTP Archive 1.2, as browsers and proxies write it.
    Har,
    /// `OpenAI` Batch: a file of requests and files of their results.
    OpenaiBatch,
    /// nightreel's own JSON lines.
    Exchanges,
}

/// A name that stands for no format of recordings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format \"{0}\"; known are {known}", known = ImportFormat::ALL.map(ImportFormat::as_str).join(", "))]
pub struct UnknownImportFormat(pub String);

impl ImportFormat {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Vcr, Self::Vcrpy, Self::GoVcr, Self::Httpmock, Self::Har, Self::OpenaiBatch, Self::Exchanges];

    /// The name that a command line uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vcr => "vcr",
            Self::Vcrpy => "vcrpy",
            Self::GoVcr => "go-vcr",
            Self::Httpmock => "httpmock",
            Self::Har => "har",
            Self::OpenaiBatch => "openai-batch",
            Self::Exchanges => "exchanges",
        }
    }

    /// What makes a file one of this format.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Vcr => "list `http_interactions`",
            Self::Vcrpy | Self::GoVcr => "list `interactions`",
            Self::Httpmock => "document with `when` and `then`",
            Self::Har => "list `log.entries`",
            Self::OpenaiBatch => "line with `custom_id`",
            Self::Exchanges => "line with `endpoint` and `request`",
        }
    }
}

impl fmt::Display for ImportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ImportFormat {
    type Err = UnknownImportFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == name);
        known.ok_or_else(|| UnknownImportFormat(name.to_owned()))
    }
}
