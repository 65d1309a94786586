//! YAML as the tools that record write it: libyaml's, and that of its ports.
//!
//! Tags for binary data and aliases are resolved here; what a plain scalar means is left to whoever
//! reads it.

mod block;
mod builder;
mod line_breaks;
mod scalar;

pub(super) use builder::documents;
pub(super) use scalar::{Scalar, resolve};
