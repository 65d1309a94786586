//! The simulated gateway as a client sees it, over real sockets.

mod answers;
mod bills;
mod client;
mod faults;
mod lifetime;
mod limits;
mod refusals;
mod throughput;
