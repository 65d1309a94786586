//! What can be wrong with a job.

use std::path::PathBuf;

use super::Place;

/// What is wrong with a job file or a flag that sets a part of it.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such file.
    #[error("{}: there is no such job file{hint}", path.display())]
    Missing {
        /// The path that was given.
        path: PathBuf,
        /// Which job files there are, from "; " on, or nothing.
        hint: String,
    },
    /// The path is a directory.
    #[error("{} is a directory, not a job file{hint}", path.display())]
    Directory {
        /// The path that was given.
        path: PathBuf,
        /// Which job files there are in it, from "; " on, or nothing.
        hint: String,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The path that was given.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is far larger than any job.
    #[error("{} is larger than 16 MiB, which no job file is", path.display())]
    TooLarge {
        /// The path that was given.
        path: PathBuf,
    },
    /// The bytes are no UTF-8.
    #[error("{place}: {problem}; save the job file as UTF-8")]
    Encoding {
        /// Where.
        place: Place,
        /// What is there instead.
        problem: &'static str,
    },
    /// The text is no TOML.
    #[error("{place}: not TOML: {problem}{excerpt}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        problem: String,
        /// The line, from a line feed on, with a caret under the column; empty where no line is known.
        excerpt: String,
    },
    /// A key that no job has.
    #[error("{place}: unknown key {key}; {}", match nearest {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => format!("known here are {known}"),
    })]
    UnknownKey {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// The names that may stand here.
        known: String,
    },
    /// A key that every job must have.
    #[error("{place}: {key} is missing; {help}")]
    MissingKey {
        /// Where it would stand.
        place: Place,
        /// The dotted key.
        key: String,
        /// What to write.
        help: &'static str,
    },
    /// A value of the wrong type, out of range, or at odds with another.
    #[error("{place}: {key} {problem}")]
    Value {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// What is wrong, as the rest of a sentence that begins with the key.
        problem: String,
    },
    /// A key of a later version.
    #[error("{place}: {key} is not supported by this version of nightreel; remove it")]
    Unsupported {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
    },
    /// A `--set` that is no setting.
    #[error("--set {text}: {problem}")]
    Set {
        /// What was given.
        text: String,
        /// What is wrong.
        problem: String,
    },
    /// A `${NAME}` that the environment does not have.
    #[error("{place}: {key} needs the environment variable {name}, which is not set; {help}")]
    UnsetVariable {
        /// Where.
        place: Place,
        /// The dotted key.
        key: String,
        /// The variable.
        name: String,
        /// What to do.
        help: String,
    },
}
