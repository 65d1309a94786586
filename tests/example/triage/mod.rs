//! Sorts support tickets: a model says what each is about, drafts an answer where money is to be
//! paid back, and sums the day up.

mod model;
mod refund;
mod run;
mod sorting;
mod summary;
mod ticket;

pub(crate) use model::{Model, ModelError};
pub(crate) use refund::draft_refund;
pub(crate) use run::run;
pub(crate) use sorting::{Sorting, sort};
pub(crate) use summary::summarise;
pub(crate) use ticket::Ticket;
