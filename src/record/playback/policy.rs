//! What is handed out where one request is asked several times.

use std::fmt;
use std::str::FromStr;

/// What a session is given when it asks the same request again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Each recording once, in order; then there is nothing more.
    #[default]
    Once,
    /// Each recording once, in order; then the last one for ever.
    RepeatLast,
    /// Each recording once, in order; then again from the first one on.
    Cycle,
    /// The first recording for ever.
    First,
}

/// A name that is no policy's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no policy; known are {known}", known = Policy::ALL.map(Policy::as_str).join(", "))]
pub struct UnknownPolicy(String);

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 4] = [Self::Once, Self::RepeatLast, Self::Cycle, Self::First];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::RepeatLast => "repeat-last",
            Self::Cycle => "cycle",
            Self::First => "first",
        }
    }

    /// Which of `count` recordings answers, where `asked` requests have been answered before;
    /// `None` where none does.
    #[must_use]
    pub const fn pick(self, asked: usize, count: usize) -> Option<usize> {
        match (self, count) {
            (_, 0) => None,
            (Self::Once | Self::RepeatLast | Self::Cycle, _) if asked < count => Some(asked),
            (Self::Once, _) => None,
            (Self::RepeatLast, _) => Some(count - 1),
            (Self::Cycle, _) => Some(asked % count),
            (Self::First, _) => Some(0),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name).ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_hands_out_what_its_table_says() {
        for (policy, count, expected) in [
            (Policy::Once, 3, [Some(0), Some(1), Some(2), None, None, None, None]),
            (Policy::RepeatLast, 3, [Some(0), Some(1), Some(2), Some(2), Some(2), Some(2), Some(2)]),
            (Policy::Cycle, 3, [Some(0), Some(1), Some(2), Some(0), Some(1), Some(2), Some(0)]),
            (Policy::First, 3, [Some(0); 7]),
            (Policy::Once, 0, [None; 7]),
            (Policy::RepeatLast, 0, [None; 7]),
            (Policy::Cycle, 0, [None; 7]),
            (Policy::First, 0, [None; 7]),
        ] {
            let handed_out: Vec<_> = (0..7).map(|asked| policy.pick(asked, count)).collect();
            assert_eq!(handed_out, expected, "{policy} of {count}");
        }
    }

    #[test]
    fn a_policy_is_found_by_its_name() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        let error = "twice".parse::<Policy>().unwrap_err();
        assert_eq!(error.to_string(), "\"twice\" is no policy; known are once, repeat-last, cycle, first");
    }
}
