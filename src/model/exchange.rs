//! A request with the attempt that settled it.

use std::sync::Arc;

use super::{Answer, Attempt, Class, Outcome, Request};

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

impl Exchange {
    /// The longest name of a session, in bytes: a server takes none that is longer.
    pub const LONGEST_SESSION: usize = 256;

    /// The answer, where there is one.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        let reply = self.attempt.reply.as_ref().ok().filter(|_| self.attempt.class == Class::Answered)?;
        Answer::of_reply(self.request.endpoint, reply).ok()
    }

    /// What came of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.answer().map_or(Outcome::Failed(self.attempt.class), |answer| Outcome::of_finish(answer.finish))
    }

    /// Whether the simulated gateway answered.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.attempt.reply.as_ref().is_ok_and(|reply| reply.header("x-nightreel-simulated").is_some())
    }
}
