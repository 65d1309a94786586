//! The sockets of a simulated gateway.

mod body;
mod service;
mod simulator;
mod wire;

pub use simulator::{SimulateError, Simulator};
