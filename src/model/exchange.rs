//! A request with the attempt that settled it.

use std::sync::Arc;

use super::{Attempt, Request};

/// A request with the attempt that settled it: what a fixture is made of, free of any store.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// The session that it was asked in; `None` where there was none, as in a run of a job.
    pub session: Option<Arc<str>>,
    /// The how-manieth time its key was asked in its session, or in its run, from 0.
    pub occurrence: u32,
    /// What came back.
    pub attempt: Attempt,
}
