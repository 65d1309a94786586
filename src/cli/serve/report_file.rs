//! The file that the report is written to.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nightreel::engine::OutputFile;
use nightreel::record::SessionReport;

use super::report_junit::report_junit;
use super::report_text::report_text;
use super::verdict::Gates;

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people.
    Text,
    /// For programs: one JSON object.
    Json,
    /// For continuous integrations: `JUnit`'s XML.
    Junit,
}

/// The file that the report is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportFile {
    pub(super) path: PathBuf,
    pub(super) format: ReportFormat,
}

impl ReportFormat {
    /// The format that a file's name asks for.
    fn of_path(path: &Path) -> Self {
        match path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).as_deref() {
            Some("json") => Self::Json,
            Some("xml") => Self::Junit,
            _ => Self::Text,
        }
    }

    /// The report in this format.
    fn render(self, report: &SessionReport, gates: Gates) -> String {
        match self {
            Self::Text => report_text(report),
            Self::Json => {
                serde_json::to_string_pretty(report).expect("a report has nothing but texts and numbers") + "\n"
            }
            Self::Junit => report_junit(report, gates),
        }
    }
}

impl ReportFile {
    /// A file in the format that was asked for, else in that of its name.
    pub(super) fn new(path: &Path, format: Option<ReportFormat>) -> Self {
        Self { path: path.to_owned(), format: format.unwrap_or_else(|| ReportFormat::of_path(path)) }
    }

    /// Whether the report could be written now: it is known before anything is asked.
    pub(super) fn check(&self) -> io::Result<()> {
        OutputFile::check(&self.path)
    }

    /// Writes the report: the file is whole or not there. What is no ordinary file, such as
    /// `/dev/stderr`, is written to.
    pub(super) fn write(&self, report: &SessionReport, gates: Gates) -> io::Result<()> {
        let text = self.format.render(report, gates);
        let mut file = OutputFile::create(&self.path)?;
        file.write_all(text.as_bytes())?;
        file.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::test_report::report;
    use super::*;

    const GATES: Gates = Gates { miss: false, unused: false };

    #[test]
    fn the_name_says_the_format_unless_it_is_given() {
        for (name, given, expected) in [
            ("r.json", None, ReportFormat::Json),
            ("r.XML", None, ReportFormat::Junit),
            ("r.txt", None, ReportFormat::Text),
            ("report", None, ReportFormat::Text),
            ("r.json", Some(ReportFormat::Junit), ReportFormat::Junit),
            ("r.xml", Some(ReportFormat::Text), ReportFormat::Text),
        ] {
            assert_eq!(ReportFile::new(name.as_ref(), given).format, expected, "{name} {given:?}");
        }
    }

    #[test]
    fn json_is_the_report_itself() {
        let text = ReportFormat::Json.render(&report(), GATES);
        assert_eq!(serde_json::from_str::<SessionReport>(&text).unwrap(), report());
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn a_report_that_cannot_be_written_is_known_beforehand() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| ReportFile::new(&directory.path().join(name), None);
        assert!(file("none/r.json").check().is_err());
        assert!(ReportFile::new(directory.path(), None).check().is_err());
        let written_to = file("r.json");
        written_to.check().unwrap();
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        written_to.write(&report(), GATES).unwrap();
        written_to.write(&SessionReport::default(), GATES).unwrap();
        let written: SessionReport = serde_json::from_slice(&fs::read(&written_to.path).unwrap()).unwrap();
        assert_eq!(written, SessionReport::default());
        assert_eq!(directory.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_ordinary_file_is_written_to() {
        let null = ReportFile::new(Path::new("/dev/null"), None);
        null.check().unwrap();
        null.write(&report(), GATES).unwrap();
    }
}
