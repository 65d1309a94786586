//! Results files: in input order, whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::output_file::OutputFile;
use super::result_line::{OWN_COLUMNS, ResultLine, STREAM_COLUMNS};

/// How much is gathered before it is written, in bytes.
const BUFFER: usize = 256 * 1024;

/// The format of a results file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResultFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// The input's columns, then nightreel's.
    Csv,
    /// `OpenAI` Batch output.
    OpenaiBatch,
}

/// A name that stands for no format of results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown results format \"{0}\"; known are jsonl, csv, openai-batch")]
pub struct UnknownResultFormat(pub String);

impl FromStr for ResultFormat {
    type Err = UnknownResultFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "jsonl" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "openai-batch" => Ok(Self::OpenaiBatch),
            other => Err(UnknownResultFormat(other.to_owned())),
        }
    }
}

impl ResultFormat {
    /// The format that a file's name asks for.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("csv") => Self::Csv,
            _ => Self::Jsonl,
        }
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To standard output.
    Stdout,
    /// To a file, which appears when it is whole.
    File(PathBuf),
}

impl Output {
    /// Where a path sends results: `-` is standard output.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        if path.as_os_str() == "-" { Self::Stdout } else { Self::File(path.to_owned()) }
    }

    /// Whether results could be written there now.
    ///
    /// # Errors
    /// Fails if no file can be made beside the output.
    pub fn check(&self) -> io::Result<()> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(path) => OutputFile::check(path),
        }
    }
}

/// Which columns a CSV file has; the other formats have none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultColumns {
    /// The input's.
    pub input: Vec<String>,
    /// Whether those of streamed answers are among nightreel's: any request asks for a stream.
    pub streams: bool,
}

/// Writes results.
#[derive(Debug)]
pub struct ResultWriter {
    target: Target,
    format: ResultFormat,
    columns: ResultColumns,
    distinct_rows: bool,
    lines: u64,
}

#[derive(Debug)]
enum Target {
    Stdout(BufWriter<io::Stdout>),
    File(BufWriter<OutputFile>),
}

impl ResultWriter {
    /// A writer. `items_a_row` tells whether a row's id names its line.
    ///
    /// # Errors
    /// Fails if no file can be made beside the output.
    pub fn create(output: &Output, format: ResultFormat, columns: ResultColumns, items_a_row: u64) -> io::Result<Self> {
        let target = match output {
            Output::Stdout => Target::Stdout(BufWriter::with_capacity(BUFFER, io::stdout())),
            Output::File(path) => Target::File(BufWriter::with_capacity(BUFFER, OutputFile::create(path)?)),
        };
        let mut writer = Self { target, format, columns, distinct_rows: items_a_row <= 1, lines: 0 };
        if format == ResultFormat::Csv {
            let header = writer.header();
            writer.write(&header)?;
        }
        Ok(writer)
    }

    /// The CSV header: a column of nightreel's that the input has too is told apart.
    fn header(&self) -> Vec<u8> {
        let input = &self.columns.input;
        let streams = STREAM_COLUMNS.iter().filter(|_| self.columns.streams);
        let own = OWN_COLUMNS.iter().chain(streams).map(|name| {
            if input.iter().any(|column| column == name) { format!("nightreel_{name}") } else { (*name).to_owned() }
        });
        let mut out = Vec::new();
        csv_record(input.iter().cloned().chain(own), &mut out);
        out
    }

    /// What turns items into lines, for a thread that does not write.
    pub(super) fn formatter(&self) -> LineFormatter {
        LineFormatter { format: self.format, columns: self.columns.clone(), distinct_rows: self.distinct_rows }
    }

    /// Writes lines that a formatter has made.
    pub(super) fn write_lines(&mut self, bytes: &[u8], lines: u64) -> io::Result<()> {
        self.lines += lines;
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.target {
            Target::Stdout(stdout) => unless_nobody_reads(stdout.write_all(bytes)),
            Target::File(file) => file.write_all(bytes),
        }
    }

    /// Puts the file in its place; gives the number of lines.
    ///
    /// # Errors
    /// Fails if it cannot be written or put there; what was there before stays then.
    pub fn finish(self) -> io::Result<u64> {
        match self.target {
            Target::Stdout(mut stdout) => unless_nobody_reads(stdout.flush())?,
            Target::File(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?,
        }
        Ok(self.lines)
    }
}

/// A reader that goes away (`| head`) has read what it wanted.
fn unless_nobody_reads(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Turns items into lines of a results file.
#[derive(Debug, Clone)]
pub(super) struct LineFormatter {
    format: ResultFormat,
    columns: ResultColumns,
    distinct_rows: bool,
}

impl LineFormatter {
    pub(super) fn format(&self, line: &ResultLine<'_>, out: &mut Vec<u8>) {
        match self.format {
            ResultFormat::Jsonl => line.write_jsonl(out),
            ResultFormat::Csv => csv_record(line.csv_cells(&self.columns.input, self.columns.streams), out),
            ResultFormat::OpenaiBatch if self.distinct_rows => line.write_openai_batch(line.id, out),
            ResultFormat::OpenaiBatch => {
                let custom_id = format!("{}/{}/{}", line.id, line.model, line.sample);
                line.write_openai_batch(&custom_id, out);
            }
        }
    }
}

fn csv_record<S: AsRef<[u8]>>(cells: impl IntoIterator<Item = S>, out: &mut Vec<u8>) {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(cells).expect("memory takes a record");
    writer.flush().expect("memory takes a record");
}
