//! Why recordings cannot be read.

use std::io;
use std::path::PathBuf;

use super::ImportFormat;

/// Why a file of recordings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is compressed, and damaged.
    #[error("cannot read {}: it is compressed, and damaged: {source}", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// It is a zip archive, which may hold recordings.
    #[error(
        "{} is a zip archive: unpack it, and import the recordings in it (har.har in Playwright's, whose bodies lie \
         beside it)",
        path.display()
    )]
    Zip {
        /// The file.
        path: PathBuf,
    },
    /// It is a store of nightreel.
    #[error(
        "{} is a nightreel store or fixture, and is read as it is: `nightreel fixture create --store FILE -o FIXTURE` \
         makes a fixture of a run of it, and what `nightreel export latest --store FILE --format exchanges` writes \
         can be imported",
        path.display()
    )]
    Store {
        /// The file.
        path: PathBuf,
    },
    /// It is a database.
    #[error("{} is a SQLite database, and holds no recordings that are read", path.display())]
    Database {
        /// The file.
        path: PathBuf,
    },
    /// It is too long.
    #[error("cannot read {}: it is longer than 2 GiB", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is no YAML or no JSON.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Nothing in it says what it is.
    #[error(
        "{} is in none of the formats that are read ({known})",
        path.display(),
        known = ImportFormat::ALL.map(ImportFormat::as_str).join(", ")
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It is not in the format that it was said to be in.
    #[error("{} is not in the format {format}: it has no {mark}", path.display(), mark = format.mark())]
    Other {
        /// The file.
        path: PathBuf,
        /// The format.
        format: ImportFormat,
    },
    /// It holds requests alone.
    #[error("{} holds the requests of a batch; name the file of its results too (--output FILE)", path.display())]
    NoResults {
        /// The file.
        path: PathBuf,
    },
    /// It holds results alone.
    #[error("{} holds the results of a batch; import the file of its requests, with this one as --output", path.display())]
    NoRequests {
        /// The file.
        path: PathBuf,
    },
    /// It holds results of one of Anthropic's batches.
    #[error(
        "{} holds the results of one of Anthropic's message batches, which have no requests and are not read; write \
         them as an OpenAI batch: each request as a line with `custom_id`, `method`, `url` (/v1/messages) and `body`, \
         each result as one with `custom_id` and `response` (`status_code`, `body`), which --output names",
        path.display()
    )]
    Anthropic {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("{} is empty: it holds no recordings", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// One of its documents holds recordings, and another one something else.
    #[error(
        "{}:{line}: the document that begins here has no {mark}, as another one of the file has; take it out",
        path.display(),
        mark = format.mark()
    )]
    Document {
        /// The file.
        path: PathBuf,
        /// The line that the document begins on, from 1.
        line: usize,
        /// The format of the other one.
        format: ImportFormat,
    },
    /// It is an archive with another document behind it.
    #[error("{}:{line}: another document begins here, and an archive is one alone; put it into a file of its own", path.display())]
    Archives {
        /// The file.
        path: PathBuf,
        /// The line that the second document begins on, from 1.
        line: usize,
    },
    /// What was to hold results holds requests.
    #[error("{} holds the requests of a batch, and no results of it, which --output names", path.display())]
    NotResults {
        /// The file.
        path: PathBuf,
    },
    /// Requests and results were named in each other's place.
    #[error(
        "{} holds the results of a batch, and {} its requests: name them the other way round",
        results.display(),
        requests.display()
    )]
    Swapped {
        /// The file that was to hold the requests.
        results: PathBuf,
        /// The file that was to hold the results.
        requests: PathBuf,
    },
}
