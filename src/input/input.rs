//! An opened input.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::model::Format;

use super::source::Source;
use super::{Compression, InputError, Options, Problem, RowReader, compression, dialect, file_format};

/// The path that stands for standard input.
const STDIN: &str = "-";

/// An opened file, or standard input, whose rows can be read any number of times.
#[derive(Debug, Clone)]
pub struct Input {
    source: Source,
    name: Arc<str>,
    compression: Option<Compression>,
    format: Format,
    options: Options,
}

impl Input {
    /// Opens a file; `-` is standard input.
    ///
    /// Standard input, pipes and devices are read to their end at once into a temporary file
    /// without a name, since they cannot be read twice. The format is taken from the file's name
    /// unless the options say it, the compression from the file's first bytes.
    ///
    /// # Errors
    /// Fails, fatally, if there is no such file, if it cannot be opened, if its format is not
    /// known, if a `.gz` or `.zst` file is not compressed, if it is of a kind that holds no text,
    /// or if the options' delimiter does not suit.
    pub fn open(path: &Path, options: Options) -> Result<Self, InputError> {
        if path == Path::new(STDIN) {
            return Self::from_reader(io::stdin().lock(), "stdin", options);
        }
        let name = Arc::from(path.display().to_string());
        let format = options.format.or_else(|| file_format::of_path(path));
        let format = format.ok_or_else(|| unknown_format(path, &name));
        let source = Source::open(path, &name)?;
        Self::from_source(source, name, format?, Compression::of_path(path), options)
    }

    /// Reads all of a reader into a temporary file without a name, and opens that.
    ///
    /// `name` stands in messages for a path. The format is the options' own: there is no file name
    /// to take it from.
    ///
    /// # Errors
    /// Fails as [`Input::open`] does.
    pub fn from_reader(reader: impl Read, name: &str, options: Options) -> Result<Self, InputError> {
        let name = Arc::from(name);
        let format = options.format.ok_or_else(|| unknown_format(Path::new(""), &name))?;
        let source = Source::spool(reader, &name)?;
        Self::from_source(source, name, format, None, options)
    }

    fn from_source(
        source: Source,
        name: Arc<str>,
        format: Format,
        named: Option<Compression>,
        options: Options,
    ) -> Result<Self, InputError> {
        dialect::check(&options, format, &name)?;
        let magic = source.magic().map_err(|error| InputError::of_file(&name, Problem::Read(error)))?;
        let compression = Compression::of_magic(&magic);
        if let Some(named) = named.filter(|_| compression.is_none()) {
            let hint = if magic.is_empty() { "it is empty" } else { "rename it, or compress it" };
            return Err(InputError::of_file(&name, Problem::NotCompressed(named)).hinted(hint));
        }
        if let Some((kind, hint)) = compression::foreign(&magic) {
            return Err(InputError::of_file(&name, Problem::Foreign(kind)).hinted(hint));
        }
        Ok(Self { source, name, compression, format, options })
    }

    /// Starts a pass over the rows, from the first. Passes do not disturb each other.
    ///
    /// # Errors
    /// Fails, fatally, if the file cannot be read or decompressed,
    /// is UTF-16, or if its header is missing, not UTF-8, has a column twice or without a name, or
    /// lacks the id's column.
    pub fn rows(&self) -> Result<RowReader, InputError> {
        RowReader::open(&self.source, &self.name, self.compression, self.format, &self.options)
    }

    /// How the rows are written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether rows are named by something in them, and not by their number.
    #[must_use]
    pub fn names_rows(&self) -> bool {
        self.options.id.is_some() || matches!(self.format, Format::OpenaiBatch | Format::AnthropicBatch)
    }

    /// The path as it was given, or `stdin`: for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the file is compressed, if it is.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }
}

fn unknown_format(path: &Path, name: &Arc<str>) -> InputError {
    let formats = Format::ALL.map(Format::as_str).join(", ");
    let json = file_format::extension(path).is_some_and(|extension| extension == "json");
    let hint = if json {
        "a .json file of one list is not read: put one object a line (jq -c '.[]') into a .jsonl file, or "
    } else {
        ""
    };
    InputError::of_file(name, Problem::UnknownFormat).hinted(format!("{hint}set format to one of {formats}"))
}
