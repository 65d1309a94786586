//! nightreel runs batches of prompts through an LLM gateway and keeps every request and response in
//! one `SQLite` file, so that a run can be resumed, compared, and replayed offline.

pub mod clock;
pub mod gateway;
pub mod input;
pub mod job;
pub mod model;
pub mod prompt;
pub mod record;
pub mod simulate;
pub mod store;
