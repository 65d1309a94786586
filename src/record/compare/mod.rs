//! Where two request bodies differ: what a miss shows of the nearest recordings.

mod alignment;
mod comparison;
mod difference;
mod place;
mod shown;

pub use comparison::{Comparison, differences};
pub use difference::Difference;
pub use shown::Shown;

pub(super) use comparison::PROMPTS;
