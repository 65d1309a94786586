//! `ctl`: control of a run while it goes on.
//!
//! A command and not a signal: it takes values, it is answered, and a script reads its exit code.
//!
//! ```text
//! nightreel ctl ── Target (lease → process) ── Client ──┐
//!                      a Unix socket of the user's own ─┤ a line of JSON there, a line back
//! nightreel run ── engine ── Control ── Listener ───────┘
//! ```
//!
//! Only the user who started a run, or root, reaches it: the socket lies in a directory that nobody
//! else may enter, and both sides ask the system who is at the other end.

mod client;
mod command;
mod listener;
mod peer;
mod place;
mod status_text;
mod target;
mod wire;

pub(crate) use command::{CtlArgs, ctl};
pub(crate) use listener::Listener;
