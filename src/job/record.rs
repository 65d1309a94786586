//! What is replayed, and what is kept.

use std::path::{Path, PathBuf};

use super::setting::{Section, Setting};
use super::{JobError, nearest};
use crate::model::{IgnorePath, KeyRules, Mode, Normaliser, NormaliserError};

const KEYS: [&str; 5] = ["mode", "ignore", "normalise", "redact", "fixture"];

/// What is replayed, and what is kept: `[record]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordSpec {
    /// Whether to replay and whether to send.
    pub mode: Mode,
    /// What the key of a request leaves out.
    pub rules: KeyRules,
    /// What is struck from bodies before they are kept.
    pub redact: Vec<Redact>,
    /// A read-only store that is looked into beside the run's own.
    pub fixture: Option<PathBuf>,
    /// The texts of `rules.ignore`, which has no text of its own.
    pub(super) ignore_texts: Vec<String>,
}

/// What is struck from bodies, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redact {
    /// The regular expression of what is struck, from a body's bytes and from what its JSON strings
    /// with escapes stand for. It may itself be a secret.
    pub pattern: String,
    /// What stands there instead.
    pub with: String,
}

impl RecordSpec {
    pub(super) fn read(root: &mut Section, directory: &Path) -> Result<Self, JobError> {
        let mut section = root.subsection("record", &KEYS)?;
        let (ignore_texts, ignore) = section.read("ignore", ignore)?.unwrap_or_default();
        let normalise = |setting: Setting| setting.list()?.into_iter().map(normaliser).collect::<Result<Vec<_>, _>>();
        let normalise = section.read("normalise", normalise)?.unwrap_or_default();
        let redact = |setting: Setting| setting.list()?.into_iter().map(Redact::read).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            mode: section.read("mode", |setting| setting.word(&["auto", "record", "replay"]))?.unwrap_or_default(),
            rules: KeyRules { ignore, normalise },
            redact: section.read("redact", redact)?.unwrap_or_default(),
            fixture: section.read("fixture", Setting::filled_text)?.map(|fixture| directory.join(fixture)),
            ignore_texts,
        })
    }
}

impl Redact {
    fn read(setting: Setting) -> Result<Self, JobError> {
        let mut section = setting.section(&["pattern", "with"])?;
        let mut required = |name, help| {
            let setting = section.take(name).ok_or_else(|| section.missing(name, help))?;
            setting.text()
        };
        let pattern = required("pattern", "write { pattern = \"…\", with = \"…\" }")?;
        Ok(Self { pattern, with: required("with", "write { pattern = \"…\", with = \"…\" }")? })
    }
}

fn ignore(setting: Setting) -> Result<(Vec<String>, Vec<IgnorePath>), JobError> {
    let paths: Vec<_> = setting.list()?.into_iter().map(ignore_path).collect::<Result<_, _>>()?;
    Ok(paths.into_iter().unzip())
}

fn ignore_path(setting: Setting) -> Result<(String, IgnorePath), JobError> {
    let (place, key) = (setting.place.clone(), setting.key.clone());
    let text = setting.filled_text()?;
    match text.parse::<IgnorePath>() {
        Ok(path) => Ok((text, path)),
        Err(error) => Err(JobError::Value { place, key, problem: format!("cannot be read: {error}") }),
    }
}

fn normaliser(setting: Setting) -> Result<Normaliser, JobError> {
    let (place, key) = (setting.place.clone(), setting.key.clone());
    let text = setting.filled_text()?;
    text.parse().map_err(|error| {
        let near = nearest(&text, Normaliser::NAMES).filter(|_| matches!(error, NormaliserError::Unknown { .. }));
        let problem = match near {
            Some(name) => format!("cannot be \"{text}\"; did you mean \"{name}\"?"),
            None => format!("cannot be read: {error}"),
        };
        JobError::Value { place, key, problem }
    })
}
