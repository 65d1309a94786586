//! `estimate`: how many requests, tokens and dollars a job would take.
//!
//! How a number comes about: `request_weight` measures a request, `asked` adds the requests of each
//! model up, `lesson` reads what earlier answers used, and `forecast` makes ranges of all of it.

mod asked;
mod command;
mod estimate_json;
mod estimate_text;
mod forecast;
mod lesson;
mod range;
mod recorded;
mod request_weight;
mod source;

pub(crate) use command::{EstimateArgs, estimate};
