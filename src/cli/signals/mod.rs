//! Ctrl-C and its relatives: which of them are heard, which are one, and who sends them.

mod counter;
mod ignored;
mod listen;
mod origin;

pub(crate) use counter::SignalCounter;
pub(crate) use ignored::Ignored;
pub(crate) use listen::listen;
pub(crate) use origin::Origin;
