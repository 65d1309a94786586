//! Whether the gateway can be reached, and takes the credentials: a run without a network, or with a
//! token that was withdrawn, stops; it does not fail its items.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::gateway::Verdict;
use crate::model::Class;

/// How long a run that was answered before waits for the network to come back.
const OUTAGE: Duration = Duration::from_mins(2);
/// How long a gateway may refuse a token that it took before, and answer nothing else, until the
/// token counts as withdrawn. Good ones were seen refused for 40 seconds.
const DOUBT: Duration = Duration::from_secs(45);
/// How many connections in a row may fail before anything was ever answered.
const FIRST_TRIES: u32 = 3;

/// What is known of the way to the gateway.
#[derive(Debug, Default)]
pub struct Reachability(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    replied: bool,
    answered: bool,
    lost_since: Option<Instant>,
    refused_since: Option<Instant>,
}

impl Reachability {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server has replied.
    pub fn replied(&self, verdict: &Verdict) {
        let mut state = self.state();
        state.replied = true;
        state.lost_since = None;
        if verdict.class == Class::Answered {
            state.answered = true;
            state.refused_since = None;
        } else if verdict.in_doubt {
            state.refused_since.get_or_insert_with(Instant::now);
        }
    }

    /// Whether any request of this run was answered well, and the credentials are taken still.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        let state = self.state();
        state.answered && state.refused_since.is_none_or(|since| since.elapsed() < DOUBT)
    }

    /// A connection could not be made, the so-manieth in a row of its exchange. Says whether to give
    /// the run up.
    #[must_use]
    pub fn not_connected(&self, in_a_row: u32) -> bool {
        let mut state = self.state();
        let since = *state.lost_since.get_or_insert_with(Instant::now);
        if state.replied { since.elapsed() >= OUTAGE } else { in_a_row >= FIRST_TRIES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::classify;
    use crate::model::{End, Endpoint, Reply};

    /// What a reply means where the run has answers already, or has none.
    fn verdict(reachability: &Reachability, status: u16, body: &'static str) -> Verdict {
        let body = bytes::Bytes::from_static(body.as_bytes());
        let reply = Ok(Reply { status, headers: vec![], body, chunks: vec![], end: End::Complete });
        let verdict = classify(Endpoint::ChatCompletions, &reply, reachability.has_answers());
        reachability.replied(&verdict);
        verdict
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_refused_for_long_enough_counts_as_withdrawn() {
        let reachability = Reachability::default();
        let answer = || verdict(&reachability, 200, r#"{"choices":[{"message":{"content":"hi"}}]}"#).class;
        let refusal = || verdict(&reachability, 401, r#"{"error":[{"code":2009,"message":"Unauthorized"}]}"#).class;
        assert_eq!(refusal(), Class::Unauthorized);
        assert_eq!((answer(), refusal()), (Class::Answered, Class::RateLimited));
        tokio::time::advance(Duration::from_secs(DOUBT.as_secs() - 1)).await;
        assert_eq!(refusal(), Class::RateLimited);
        assert_eq!((answer(), refusal()), (Class::Answered, Class::RateLimited));
        tokio::time::advance(DOUBT).await;
        assert_eq!(refusal(), Class::Unauthorized);
    }
}
