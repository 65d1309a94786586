//! Ctrl-C and its relatives: which of them are heard, which are one, and who sends them; and the signal of
//! a file that may not grow.

mod counter;
mod ignored;
mod listen;
mod origin;
mod size_limit;

pub(crate) use counter::SignalCounter;
pub(crate) use ignored::Ignored;
pub(crate) use listen::listen;
pub(crate) use origin::Origin;
pub(crate) use size_limit::outlive_size_limit;
