//! Whether a run may replay, and whether it may send.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a run may replay what is recorded, and whether it may send what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Mode {
    /// Replays what is recorded; sends and records what is not.
    #[default]
    Auto,
    /// Sends everything, and records it beside what is there.
    Record,
    /// Replays what is recorded, and never sends.
    Replay,
}

/// A name that stands for no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode \"{0}\"; known are auto, record, replay")]
pub struct UnknownMode(pub String);

impl Mode {
    /// The name that a job file and a flag use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Record => "record",
            Self::Replay => "replay",
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Auto, Self::Record, Self::Replay]
            .into_iter()
            .find(|mode| mode.as_str() == name)
            .ok_or_else(|| UnknownMode(name.to_owned()))
    }
}

impl TryFrom<String> for Mode {
    type Error = UnknownMode;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.as_str().to_owned()
    }
}
