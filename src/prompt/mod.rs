//! Rows to requests.
//!
//! A job's templates are compiled once into a plan: the bytes of a body with gaps for the model
//! and for what a template renders. A row fills the gaps; what comes out is a draft, which gives
//! the request of each step. A row that is a request of its own keeps its bytes, the model apart.

mod columns;
mod compile;
mod context;
mod draft;
mod place;
mod plan;
mod problem;
mod splice;
mod templates;
#[cfg(test)]
mod tests;

pub use compile::Prompt;
pub use draft::Draft;
pub use place::RowPlace;
pub use problem::PromptError;
