//! The simulated gateway as a client sees it, over real sockets.

mod answers;
mod client;
mod faults;
mod lifetime;
mod refusals;
mod throughput;
