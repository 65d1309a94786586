//! The simulated gateway: an HTTP server that behaves as a Cloudflare AI Gateway in front of
//! `OpenRouter` does, for trying things out, for tests and for benches. No model is asked and nothing
//! is paid; every reply says that it is simulated, in a header and in its text.
//!
//! The same body gets the same answer, byte for byte, whenever and in whatever order it is asked:
//! answers derive from the seed and the hash of the body alone, faults and latency from these and the
//! number of the attempt.
//!
//! How a request goes through: `server` reads it, `simulation` decides what it gets (credentials →
//! `route` → `limits` → `answer::Ask` → `faults` → an `answer` or a `refusal`) and gives a `verdict`,
//! `server` waits the latency and hands the `reply` to the connection; `ledger` has what was paid for
//! and what became of it.

mod alarm;
mod answer;
mod attempts;
mod cost;
mod digest;
mod draw;
mod faults;
mod identity;
mod injection;
mod journal;
mod latency;
mod ledger;
mod limits;
mod options;
mod refusal;
mod reply;
mod reply_length;
mod route;
mod server;
mod simulation;
mod stats;
mod verdict;

#[cfg(test)]
mod tests;

pub use cost::{CostTold, NanoUsd, NanoUsdError};
pub use faults::{Fault, Faults, FaultsError};
pub use journal::JournalLine;
pub use latency::{Latency, LatencyError};
pub use ledger::{Bill, ModelStats};
pub use limits::{
    Enforcement, EnforcementError, HintForm, HintFormError, ModelQuota, ModelQuotaError, Outage, OutageError,
};
pub use options::{Options, OptionsError};
pub use reply_length::{ReplyTokens, ReplyTokensError};
pub use server::{SimulateError, Simulator};
pub use stats::Stats;
