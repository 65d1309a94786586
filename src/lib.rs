//! nightreel runs batches of prompts through an LLM gateway and keeps every request and response in
//! one `SQLite` file, so that a run can be resumed, compared, and replayed offline.
//!
//! # The map
//!
//! Each module may import only what stands below it. A test holds the code to this list.
//!
//! - `cli`, in the binary alone: arguments, progress, summaries, exit codes, one file a command.
//! - [`testing`]: answers from a fixture, for the tests of other programs.
//! - [`serve`]: an HTTP server that replays, and records what it passes on.
//! - [`fixture`]: the small stores that are kept in a repository: made of runs, written as text,
//!   searched for secrets, pruned, checked against live answers, compared.
//! - [`engine`]: a run from its rows to its results: check, intake, admission, attempts, settling,
//!   resume, stop, replay, export; the [`engine::Monitor`] that its events go to.
//! - [`interchange`]: what other tools have recorded, and what they can read. It stands beside the record.
//! - [`record`]: whether a request is sent or a recording answers it, and what is kept of it.
//! - [`gateway`]: the seam to what answers requests, the HTTP client, and what a reply means.
//! - [`store`]: the `SQLite` file.
//! - [`input`]: rows from files.
//! - [`prompt`]: rows to requests.
//! - [`simulate`]: a gateway to rehearse with. These five stand side by side.
//! - [`job`]: the job file as plain values.
//! - [`price`]: what requests cost. It stands beside the job.
//! - [`listener`]: HTTP on a socket, whoever answers. It stands beside the clock.
//! - [`clock`]: the time of day.
//! - [`model`]: row, request, key, reply, attempt, outcome, answer. No I/O, no clock, no async.
//!
//! # How data flows
//!
//! ```text
//! row → draft → request → key, occurrence → recorded? → a recording settles the item
//!                                         → not → permit → send → classify → retry or settle
//!   permit: the lane is open and not cooling, a place, the budget, tokens, its turn
//! settled → writer thread (group commit) → syncer thread → event → monitor
//! store → results, in input order
//! ```
//!
//! A request holds its place in flight until its outcome is committed, which makes it safe from a
//! killed process; it counts as done once the log is synced, which makes it safe from a power cut.

pub mod clock;
pub mod engine;
pub mod fixture;
pub mod gateway;
pub mod input;
pub mod interchange;
pub mod job;
pub mod listener;
pub mod model;
pub mod price;
pub mod prompt;
pub mod record;
pub mod serve;
pub mod simulate;
pub mod store;
pub mod testing;
