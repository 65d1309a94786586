//! Where the rows come from.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::JobError;
use super::setting::{Section, Setting};
use crate::model::Format;

const KEYS: [&str; 4] = ["path", "format", "id", "delimiter"];
const STDIN: &str = "-";

/// Whether the rows come from standard input, by their job's description in a store.
#[must_use]
pub fn described_stdin(description: &str) -> bool {
    let description: Value = serde_json::from_str(description).unwrap_or_default();
    description["input"]["path"] == STDIN
}

/// Where the rows come from: `[input]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// The file, resolved against the job file's directory; `-` is standard input.
    pub path: PathBuf,
    /// How it is written; `None` is by its extension.
    pub format: Option<Format>,
    /// The column or field that names a row; `None` is the row's number.
    pub id: Option<String>,
    /// What separates the columns of a CSV file: one ASCII character.
    pub delimiter: Option<char>,
}

impl InputSpec {
    /// Whether the rows come from standard input.
    #[must_use]
    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == STDIN
    }

    pub(super) fn read(root: &mut Section, directory: &Path) -> Result<Self, JobError> {
        let mut section = root.subsection("input", &KEYS)?;
        let help = "write path = \"rows.csv\" under [input]";
        let path = section.take("path").ok_or_else(|| section.missing("path", help))?.filled_text()?;
        let format = section.read("format", |setting| setting.word(&Format::ALL.map(Format::as_str)))?;
        let delimiter = section.read("delimiter", delimiter)?;
        if let (Some(_), Some(format)) = (delimiter, format)
            && !matches!(format, Format::Csv | Format::Tsv)
        {
            return Err(section.refuse("delimiter", format!("has no meaning for the format \"{}\"", format.as_str())));
        }
        Ok(Self {
            path: if path == STDIN { path.into() } else { directory.join(path) },
            format,
            id: section.read("id", Setting::filled_text)?,
            delimiter,
        })
    }
}

fn delimiter(setting: Setting) -> Result<char, JobError> {
    let refusal = setting.refuse("must be one ASCII character that is no quote and no line end, such as \";\"");
    let text = setting.text()?;
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if character.is_ascii() && !matches!(character, '"' | '\r' | '\n' | '\0') => {
            Ok(character)
        }
        _ => Err(refusal),
    }
}
