//! Why nothing recorded answers a request.

use std::fmt;

use super::{Remedy, Wording};
use crate::model::Endpoint;

/// How many names are listed.
const LISTED: usize = 8;

/// Why nothing recorded answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissReason {
    /// There are no recordings at all.
    NothingRecorded,
    /// There are none of this endpoint.
    EndpointNotRecorded {
        /// The endpoint.
        asked: Endpoint,
        /// Those that there are recordings of.
        recorded: Vec<Endpoint>,
    },
    /// There are none of this request for this model.
    ModelNotRecorded {
        /// The model.
        asked: String,
        /// Those that there are recordings for, the likeliest first.
        recorded: Vec<String>,
    },
    /// What is asked is not what was recorded.
    PromptChanged {
        /// Where it differs first from the nearest recording, such as `$.messages[1].content`.
        path: String,
    },
    /// How it is asked is not how it was recorded: a member that is no part of the prompt.
    ParameterChanged {
        /// Where it differs first from the nearest recording, such as `$.temperature`.
        path: String,
    },
    /// It was recorded, and asked more often than that.
    Exhausted {
        /// How many recordings of it the session may use.
        recorded: u32,
        /// The how-manieth time it is asked, from 1.
        asked: u32,
    },
    /// A recording differs in nothing but what the key could be told to look past.
    Normaliser {
        /// Where it differs first.
        path: String,
        /// What would make the recording match.
        remedy: Remedy,
    },
    /// A recording differs in nothing but what was struck from it, or from the request.
    Redaction {
        /// Where it differs first.
        path: String,
    },
    /// It was recorded with other rules of what the key leaves out.
    OtherRules,
    /// It was recorded in another session alone.
    OtherSession {
        /// One that it was recorded in.
        session: String,
    },
}

impl MissReason {
    /// The reason as one word, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NothingRecorded => "nothing_recorded",
            Self::EndpointNotRecorded { .. } => "endpoint_not_recorded",
            Self::ModelNotRecorded { .. } => "model_not_recorded",
            Self::PromptChanged { .. } => "prompt_changed",
            Self::ParameterChanged { .. } => "parameter_changed",
            Self::Exhausted { .. } => "exhausted",
            Self::Normaliser { .. } => "normaliser_difference",
            Self::Redaction { .. } => "redaction_difference",
            Self::OtherRules => "other_rules",
            Self::OtherSession { .. } => "other_session",
        }
    }

    /// The place of the request that it lies in, where it lies in one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::PromptChanged { path }
            | Self::ParameterChanged { path }
            | Self::Normaliser { path, .. }
            | Self::Redaction { path } => Some(path),
            Self::ModelNotRecorded { .. } => Some("$.model"),
            Self::NothingRecorded
            | Self::EndpointNotRecorded { .. }
            | Self::Exhausted { .. }
            | Self::OtherRules
            | Self::OtherSession { .. } => None,
        }
    }

    /// The reason as [`fmt::Display`] has it, with settings called otherwise.
    pub(super) const fn worded(&self, wording: Wording) -> Worded<'_> {
        Worded { reason: self, wording }
    }
}

/// A reason, with settings called as whoever asks calls them.
pub(super) struct Worded<'a> {
    reason: &'a MissReason,
    wording: Wording,
}

impl fmt::Display for MissReason {
    /// The reason as the rest of a sentence that begins with "not recorded: ", for a command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.worded(Wording::CommandLine).fmt(f)
    }
}

impl fmt::Display for Worded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            MissReason::NothingRecorded => f.write_str("there are no recordings"),
            MissReason::EndpointNotRecorded { asked, recorded } => {
                let recorded = recorded.iter().map(ToString::to_string);
                write!(f, "there are no recordings of {asked}; there are of {}", listed(recorded))
            }
            MissReason::ModelNotRecorded { asked, recorded } => {
                let recorded = recorded.iter().map(|model| format!("{model:?}"));
                write!(f, "there are no recordings of this for model {asked:?}; there are for {}", listed(recorded))
            }
            MissReason::PromptChanged { path } if path == "$" => {
                f.write_str("as a whole it is another one than any that was recorded")
            }
            MissReason::PromptChanged { path } => write!(f, "the prompt has changed at {path}"),
            MissReason::ParameterChanged { path } => write!(f, "the request has changed at {path}"),
            MissReason::Exhausted { recorded, asked } if asked > recorded => write!(
                f,
                "it was recorded {}, and this asks for it the {} time; {} answers again",
                times(*recorded),
                ordinal(*asked),
                self.wording.policies()
            ),
            MissReason::Exhausted { recorded, asked } => {
                write!(f, "it was recorded {}, but no recording is of the {} time", times(*recorded), ordinal(*asked))
            }
            MissReason::Normaliser { path, remedy } => {
                let remedy = self.wording.remedy(remedy);
                write!(f, "a recording differs only in what a key can look past, at {path}; it matches with {remedy}")
            }
            MissReason::Redaction { path } => write!(
                f,
                "a recording differs only in what was struck, at {path}; use the same credentials and rules \
                 ({}) as when it was recorded",
                self.wording.redaction()
            ),
            MissReason::OtherRules => {
                write!(f, "it was recorded under other rules of what a key leaves out ({})", self.wording.key_rules())
            }
            MissReason::OtherSession { session } => {
                write!(f, "it was recorded in session {session:?}, and not in this one")
            }
        }
    }
}

fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let listed = names.take(LISTED).collect::<Vec<_>>().join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// `1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`.
pub(super) fn ordinal(number: u32) -> String {
    let end = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}
