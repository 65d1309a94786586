//! The binary as people call it: real processes, sockets, signals and stores.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod cassettes;
mod commands;
mod ctl;
mod data_sets;
mod deadlines;
mod disk;
mod faults;
mod fixture;
mod import;
mod in_flight;
mod kill;
mod layers;
mod lease;
mod left_recordings;
mod limits;
mod mistakes;
mod money;
mod offline;
mod project;
mod quick_start;
mod resume;
mod secrets;
mod serve;
mod serve_clients;
mod serve_fidelity;
mod serve_misses;
mod serve_sessions;
mod serve_stops;
mod serve_stores;
mod serve_streams;
mod signals;
mod storm;
mod streaming;
mod who_answered;
mod windows;
