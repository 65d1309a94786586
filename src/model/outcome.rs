//! What came of an item.

use super::{Class, Finish};

/// What came of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A whole answer.
    Ok,
    /// The answer was cut at the token limit (`finish_reason: "length"`).
    Truncated,
    /// A content filter cut the answer.
    Filtered,
    /// The model refused to answer.
    Refused,
    /// The answer has no content at all.
    Empty,
    /// Replay has no recording of it.
    NotRecorded,
    /// No answer: the class of the last attempt says why.
    Failed(Class),
}

impl Outcome {
    /// The outcome of an answer that ended so.
    #[must_use]
    pub const fn of_finish(finish: Finish) -> Self {
        match finish {
            Finish::Stop => Self::Ok,
            Finish::Length => Self::Truncated,
            Finish::Filtered => Self::Filtered,
            Finish::Refused => Self::Refused,
            Finish::Empty => Self::Empty,
        }
    }

    /// The `snake_case` name that a results line and a store use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Truncated => "truncated",
            Self::Filtered => "filtered",
            Self::Refused => "refused",
            Self::Empty => "empty",
            Self::NotRecorded => "not_recorded",
            Self::Failed(class) => class.as_str(),
        }
    }

    /// The outcome that a name stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = [Self::Ok, Self::Truncated, Self::Filtered, Self::Refused, Self::Empty, Self::NotRecorded];
        plain.into_iter().find(|outcome| outcome.as_str() == name).or_else(|| Class::from_name(name).map(Self::Failed))
    }

    /// Whether the model gave an answer, good or not: another run may be served it again.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Ok | Self::Truncated | Self::Filtered | Self::Refused | Self::Empty)
    }
}
