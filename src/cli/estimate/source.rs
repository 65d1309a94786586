//! Where a number of an estimate comes from.

use std::fmt;

use super::super::count::{count, counted};

/// Where the tokens of prompts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PromptSource {
    /// Bytes of text, at what so many earlier prompts of the model weighed.
    Weighed(u64),
    /// Bytes of text, at four to a token.
    Bytes,
}

/// Where the likely tokens of answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LikelySource {
    /// The average of earlier answers.
    Average { answers: u64, of_job: bool },
    /// There are no earlier answers.
    Unknown,
    /// There is nothing to answer in tokens.
    NoAnswers,
}

/// Where the most tokens of answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MostSource {
    /// Each request limits its answer.
    Limits,
    /// The longest of earlier answers.
    Longest,
    /// Some requests limit their answers; for the others it is the longest of earlier answers.
    Both,
    /// Nothing limits an answer, and there are no earlier ones.
    Unknown,
}

/// Where a cost comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CostSource {
    /// The price table.
    Prices,
    /// What earlier answers said that they cost.
    Earlier { answers: u64, of_job: bool },
    /// Nothing is known.
    Unknown,
}

impl fmt::Display for PromptSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weighed(prompts) => {
                write!(f, "bytes of text, measured against {}", counted(*prompts, "earlier prompt"))
            }
            Self::Bytes => f.write_str("guessed: 4 bytes of text a token, and 4 tokens a message"),
        }
    }
}

impl fmt::Display for LikelySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Average { answers, of_job } => write!(f, "the average of {}", earlier(*answers, *of_job)),
            Self::Unknown => f.write_str("not known: no earlier answers"),
            Self::NoAnswers => f.write_str("none: embeddings have no answer tokens"),
        }
    }
}

impl fmt::Display for MostSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limits => "max_tokens of each request",
            Self::Longest => "as many as the longest earlier answer; nothing limits them",
            Self::Both => "max_tokens where a request has it, else the longest earlier answer",
            Self::Unknown => "not known: a request has no max_tokens, and there are no earlier answers",
        })
    }
}

impl fmt::Display for CostSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prices => f.write_str("the price table; at least: the prompts alone"),
            Self::Earlier { answers, of_job } => {
                let earlier = earlier(*answers, *of_job);
                write!(
                    f,
                    "what {earlier} cost: the cheapest, the average, the dearest (and more where it may be longer)"
                )
            }
            Self::Unknown => f.write_str("not known: no price, and no earlier answers that said what they cost"),
        }
    }
}

fn earlier(answers: u64, of_job: bool) -> String {
    let jobs = if of_job { "this job" } else { "any job in the store" };
    let noun = if answers == 1 { "answer" } else { "answers" };
    format!("{} earlier {noun} of {jobs}", count(answers))
}
