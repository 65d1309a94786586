//! What can be wrong with a price table.

use std::io;
use std::path::PathBuf;

/// Why a price table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The file cannot be read.
    #[error("cannot read the price table {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is far larger than any price table.
    #[error("{} is larger than 64 MiB, which no price table is", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are no UTF-8.
    #[error("{}: not UTF-8; save the price table as UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
    },
    /// A line of a TOML table is wrong.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A JSON file is no list of models.
    #[error(
        "{}: {problem}; a .json price table is what `curl https://openrouter.ai/api/v1/models` gives",
        path.display()
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
