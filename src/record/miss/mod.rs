//! Why nothing recorded answers a request, and what comes nearest to it.
//!
//! No I/O stands here: whoever holds recordings gives each of them to a [`Search`], which keeps a few.

mod body;
mod candidate;
mod explained;
mod likeness;
mod message;
mod nearest;
mod profile;
mod reason;
mod redaction;
mod remedy;
mod search;
#[cfg(test)]
mod tests;
mod verdict;
mod wording;
mod words;

pub use candidate::{AskedFor, Candidate};
pub use explained::Miss;
pub use nearest::Nearest;
pub use reason::MissReason;
pub use remedy::Remedy;
pub use search::Search;
pub use wording::Wording;
