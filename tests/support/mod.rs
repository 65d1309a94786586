//! What the tests work with: a directory with the binary in it, gateways, stores, and ways to wait.

mod call;
mod client;
mod destination;
mod faulty_gateway;
mod gateway;
mod missing;
mod namespace;
mod output;
mod running;
mod served;
mod step;
mod store;
mod test;
mod upstream;
mod wait;
mod wire;

pub(crate) use call::Call;
pub(crate) use client::Client;
pub(crate) use destination::Destination;
pub(crate) use faulty_gateway::{Ends, FaultyGateway, Play, Received};
pub(crate) use gateway::Gateway;
pub(crate) use missing::not_tested;
pub(crate) use namespace::Namespace;
pub(crate) use output::Output;
pub(crate) use running::Running;
pub(crate) use served::Served;
pub(crate) use step::{Door, Step};
pub(crate) use store::Store;
pub(crate) use test::{CANARY, Test};
pub(crate) use upstream::upstream;
pub(crate) use wait::until;
pub(crate) use wire::{Answer, Ask, Ending};
