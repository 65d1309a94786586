//! `show`: a run, or an item of it with all that was recorded.

mod attempt_text;
mod body;
mod chosen;
mod command;
mod event_id;
mod exchange;
mod hint;
mod item;
mod item_json;
mod item_text;
mod limit_text;
mod raw;
mod refused;
mod run_json;
mod run_text;
mod served_text;
mod stream;

pub(crate) use command::{ShowArgs, show};
