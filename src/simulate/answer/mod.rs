//! What the simulated model answers, in the shape of each endpoint.

mod answered;
mod ask;
mod base64;
mod chat;
mod completions;
mod embeddings;
mod events;
mod format;
mod messages;
mod models;
mod responses;
mod schema;
mod source;
mod text;
mod tools;
mod usage;

pub(super) use answered::Answer;
pub(super) use ask::Ask;
pub(super) use events::PROCESSING;
pub(super) use models::models;
pub(super) use source::Source;
pub(super) use usage::{Usage, usd};
