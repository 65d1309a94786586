//! What a key may look past: values that differ from one asking of a request to the next.
//!
//! The normal form of a body is its canonical form, with placeholders where a declared
//! [`Normaliser`] finds what it looks past. Ids get numbers in the order in which the canonical
//! form has them, so that two ids stay two, and an id that comes again stays the same.

mod ids;
mod model_dates;
mod normaliser;
mod numbering;
mod pattern;
mod rewrite;
#[cfg(test)]
mod tests;
mod timestamps;
mod tool_call_ids;

pub use model_dates::undated;
pub use normaliser::{Normaliser, NormaliserError};
pub use pattern::Pattern;

pub(super) use numbering::{Numbering, number};
pub(super) use rewrite::Rewrite;
