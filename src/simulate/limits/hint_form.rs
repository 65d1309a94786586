//! How a limit that is enforced says how long to wait.

use std::str::FromStr;
use std::time::Duration;

use super::super::refusal::Hint;

/// In which form a 429 of a limit says how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HintForm {
    /// `Retry-After` in whole seconds, rounded up.
    #[default]
    Seconds,
    /// `Retry-After` in seconds with three decimals, rounded up.
    Fractions,
    /// `Retry-After` as an HTTP date.
    Date,
    /// `availability.retry_after` in the body.
    Availability,
    /// `X-RateLimit-Reset` in milliseconds since 1970, in a header and in the body.
    Reset,
    /// Not at all.
    None,
}

/// A text that names no form of a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no form of a hint; write seconds, fractions, date, availability, reset or none")]
pub struct HintFormError(String);

impl HintForm {
    /// The hint to wait so long.
    pub(super) fn hint(self, wait: Duration) -> Option<Hint> {
        Some(match self {
            Self::Seconds => Hint::Seconds(wait),
            Self::Fractions => Hint::Fractions(wait),
            Self::Date => Hint::Date(wait),
            Self::Availability => Hint::Availability(wait),
            Self::Reset => Hint::reset(wait),
            Self::None => return None,
        })
    }
}

impl FromStr for HintForm {
    type Err = HintFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "seconds" => Self::Seconds,
            "fractions" => Self::Fractions,
            "date" => Self::Date,
            "availability" => Self::Availability,
            "reset" => Self::Reset,
            "none" => Self::None,
            _ => return Err(HintFormError(text.to_owned())),
        })
    }
}
