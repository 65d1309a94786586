//! The sockets of a simulated gateway.

mod body;
mod service;
mod simulator;

pub use simulator::{SimulateError, Simulator};
