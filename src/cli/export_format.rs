//! The formats that `export` writes.

use std::path::Path;
use std::str::FromStr;

use nightreel::engine::ResultFormat;
use nightreel::interchange::BatchPart;

/// What `export` writes of a run: the results of its items, or the exchanges themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// The results of its items.
    Results(ResultFormat),
    /// Its exchanges.
    Exchanges(ExchangeFormat),
}

/// How exchanges are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeFormat {
    /// nightreel's JSON lines.
    Lines,
    /// HTTP Archive 1.2.
    Har,
    /// A file of an `OpenAI` batch.
    Batch(BatchPart),
}

/// A name that stands for no format of `export`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown format \"{0}\"; known are jsonl, csv, openai-batch, exchanges, har, openai-batch-input, \
     openai-batch-output"
)]
pub(crate) struct UnknownExportFormat(String);

impl FromStr for ExportFormat {
    type Err = UnknownExportFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let exchanges = match name {
            "exchanges" => ExchangeFormat::Lines,
            "har" => ExchangeFormat::Har,
            "openai-batch-input" => ExchangeFormat::Batch(BatchPart::Input),
            "openai-batch-output" => ExchangeFormat::Batch(BatchPart::Output),
            other => return other.parse().map(Self::Results).map_err(|_| UnknownExportFormat(other.to_owned())),
        };
        Ok(Self::Exchanges(exchanges))
    }
}

impl ExportFormat {
    /// The format that a file's name asks for.
    pub(crate) fn of_path(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("har") => Self::Exchanges(ExchangeFormat::Har),
            _ => Self::Results(ResultFormat::of_path(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_files_name_say_the_format() {
        for (name, expected) in [
            ("jsonl", Some(ExportFormat::Results(ResultFormat::Jsonl))),
            ("openai-batch", Some(ExportFormat::Results(ResultFormat::OpenaiBatch))),
            ("exchanges", Some(ExportFormat::Exchanges(ExchangeFormat::Lines))),
            ("har", Some(ExportFormat::Exchanges(ExchangeFormat::Har))),
            ("openai-batch-input", Some(ExportFormat::Exchanges(ExchangeFormat::Batch(BatchPart::Input)))),
            ("openai-batch-output", Some(ExportFormat::Exchanges(ExchangeFormat::Batch(BatchPart::Output)))),
            ("HAR", None),
        ] {
            assert_eq!(name.parse::<ExportFormat>().ok(), expected, "{name}");
        }
        let of = |path: &str| ExportFormat::of_path(Path::new(path));
        assert_eq!(of("a.HAR"), ExportFormat::Exchanges(ExchangeFormat::Har));
        assert_eq!(of("a.csv"), ExportFormat::Results(ResultFormat::Csv));
        assert_eq!(of("-"), ExportFormat::Results(ResultFormat::Jsonl));
    }
}
