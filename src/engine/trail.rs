//! What the exchanges of an item add up to.

use crate::gateway::classify;
use crate::model::{Answer, Attempt, Class, Endpoint, Outcome};

use super::Served;

/// What the exchanges of an item add up to, step by step.
///
/// All of it is derived from what was recorded, so that a replay, a resumed run and an export of
/// the same recordings say the same.
#[derive(Debug)]
pub(super) struct Trail {
    /// The texts of the answers so far.
    pub(super) texts: Vec<String>,
    /// What came of the item: the first outcome that is not `ok`, else `ok`.
    pub(super) outcome: Outcome,
    /// What went wrong, for people.
    pub(super) error: Option<String>,
    /// The last answer.
    pub(super) answer: Option<Answer>,
    /// Tokens of all prompts, where any reply says.
    pub(super) prompt_tokens: Option<u64>,
    /// Tokens of all answers, where any reply says.
    pub(super) completion_tokens: Option<u64>,
    /// What the answers cost in USD, where it is known of any: as it was kept with them.
    pub(super) cost_usd: Option<f64>,
    /// Attempts of all steps.
    pub(super) attempts: u32,
    /// How long the settling attempts took, in microseconds.
    pub(super) latency_us: u64,
    /// Who gave the answers; those that [`Trail::note_server`] was told of.
    pub(super) served: Vec<Served>,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            texts: Vec::new(),
            outcome: Outcome::Ok,
            error: None,
            answer: None,
            prompt_tokens: None,
            completion_tokens: None,
            cost_usd: None,
            attempts: 0,
            latency_us: 0,
            served: Vec::new(),
        }
    }
}

impl Trail {
    /// Adds the attempt that settles a step. Says whether a conversation can go on after it.
    pub(super) fn add(&mut self, endpoint: Endpoint, attempt: &Attempt) -> bool {
        match read(endpoint, attempt) {
            Ok(answer) => self.add_answer(attempt, answer),
            Err(message) => {
                self.add_attempt(attempt);
                self.outcome = Outcome::Failed(attempt.class);
                self.error = message;
                self.answer = None;
                false
            }
        }
    }

    /// Adds the attempt that settles a step, with the answer that was read from it.
    pub(super) fn add_answer(&mut self, attempt: &Attempt, answer: Answer) -> bool {
        self.add_attempt(attempt);
        let usage = answer.usage;
        self.prompt_tokens = sum(self.prompt_tokens, usage.prompt_tokens);
        self.completion_tokens = sum(self.completion_tokens, usage.completion_tokens);
        self.cost_usd = sum(self.cost_usd, attempt.cost_usd);
        if self.outcome == Outcome::Ok {
            self.outcome = Outcome::of_finish(answer.finish);
            self.error = explain(self.outcome);
        }
        let text = answer.text().map(str::to_owned);
        self.answer = Some(answer);
        let goes_on = text.is_some();
        self.texts.extend(text);
        goes_on
    }

    /// Adds the attempt that settles a step and failed.
    pub(super) fn add_failure(&mut self, attempt: &Attempt, message: Option<String>) {
        self.add_attempt(attempt);
        self.outcome = Outcome::Failed(attempt.class);
        self.error = message;
        self.answer = None;
    }

    /// Notes who gave the answer that was added last, to a request of which the kept body will do.
    pub(super) fn note_server(&mut self, request: &[u8], attempt: &Attempt) {
        self.served.extend(self.answer.as_ref().map(|answer| Served::of(request, attempt, answer)));
    }

    const fn add_attempt(&mut self, attempt: &Attempt) {
        self.attempts += attempt.number;
        self.latency_us += attempt.timing.total_us;
    }
}

/// The answer in what settled a step; else what went wrong.
fn read(endpoint: Endpoint, attempt: &Attempt) -> Result<Answer, Option<String>> {
    match &attempt.reply {
        Ok(reply) if attempt.class == Class::Answered => {
            Answer::of_reply(endpoint, reply).map_err(|error| Some(error.to_string()))
        }
        reply => Err(classify(endpoint, reply, true).message),
    }
}

fn sum<T: std::ops::Add<Output = T>>(left: Option<T>, right: Option<T>) -> Option<T> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (left, right) => left.or(right),
    }
}

/// What a person is told of an answer that is not whole.
fn explain(outcome: Outcome) -> Option<String> {
    let text = match outcome {
        Outcome::Truncated => "the answer was cut at the token limit; raise max_tokens",
        Outcome::Filtered => "a content filter cut the answer",
        Outcome::Refused => "the model refused to answer",
        Outcome::Empty => "the answer is empty",
        Outcome::Ok | Outcome::NotRecorded | Outcome::Failed(_) => return None,
    };
    Some(text.to_owned())
}
