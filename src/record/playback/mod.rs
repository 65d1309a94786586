//! Handing out recordings to those who ask: which one answers, in what order, and what was left.

mod explain;
mod handed_by_key;
mod handed_out;
mod holding;
mod indexing;
mod numbering;
#[expect(clippy::module_inception, reason = "the noun of the module stands in a file of its own, as everywhere")]
mod playback;
mod policy;
mod rekeyed;
mod report;
mod source;
mod state;
mod tape;
#[cfg(test)]
mod tests;

pub use playback::{Asked, Live, Playback, PlaybackOptions};
pub use policy::{Policy, UnknownPolicy};
