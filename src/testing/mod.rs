//! Answers for the tests of a program that asks an LLM: recorded once, offline from then on.

mod chosen_mode;
mod ending;
mod environment;
mod fixture;
mod gateway;
mod lock;
mod merge;
mod miss;
mod place;
mod server;
mod session;
mod session_name;
mod shortfall;
#[cfg(test)]
mod tests;
mod worker;

pub use fixture::{Fixture, FixtureError};
pub use gateway::{AskError, FixtureGateway};
pub use place::PlaceError;
pub use server::FixtureServer;
pub use session::FinishError;
pub use session_name::SessionNameError;
pub use shortfall::Shortfall;
