//! YAML as the tools that record write it: libyaml's, and that of its ports.
//!
//! Tags for binary data and aliases are resolved here; what a plain scalar means is left to whoever
//! reads it.

mod block;
mod builder;
mod core_scalar;
mod line_breaks;
mod scalar;

pub(super) use builder::documents;
pub(super) use core_scalar::resolve_core;
pub(super) use scalar::{Scalar, pointed_text, resolve};
