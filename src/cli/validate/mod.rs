//! `validate`: whether a job and every row of its input can be asked.

mod command;
mod notes;
mod verdict;

pub(crate) use command::{ValidateArgs, validate};
