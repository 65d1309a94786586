//! A limit as it can be set while a run goes on: `in_flight=8`.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::document::Node;
use super::setting::Setting;
use super::{InFlight, JobError, Limits, Override, nearest};

/// The keys that can be set while a run goes on.
const KEYS: [&str; 4] = ["in_flight", "requests_per_minute", "tokens_per_minute", "budget_usd"];

/// The word for no limit.
const NONE: &str = "none";

/// A limit as it can be set while a run goes on. It is read and written as `key=value`, with the
/// keys and values of `[limits]`, and `none` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LimitSetting {
    /// Requests in flight at once.
    InFlight(InFlight),
    /// Requests in any minute.
    RequestsPerMinute(Option<NonZeroU32>),
    /// Tokens in any minute.
    TokensPerMinute(Option<NonZeroU32>),
    /// The most that the run may cost, in USD.
    BudgetUsd(Option<f64>),
}

/// Why a text is no limit that can be set.
#[derive(Debug, thiserror::Error)]
pub enum LimitSettingError {
    /// There is no `=`.
    #[error("{0:?} is no setting; write key=value, such as in_flight=8")]
    NoValue(String),
    /// The key is none of those that can be set.
    #[error("{key:?} cannot be set while a run goes on; {hint}")]
    Unknown {
        /// The key.
        key: String,
        /// The key that was probably meant, or all of them.
        hint: String,
    },
    /// The value is not one that a job file may have.
    #[error(transparent)]
    Value(JobError),
}

impl LimitSetting {
    /// The key, as a job file has it under `[limits]`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::InFlight(_) => KEYS[0],
            Self::RequestsPerMinute(_) => KEYS[1],
            Self::TokensPerMinute(_) => KEYS[2],
            Self::BudgetUsd(_) => KEYS[3],
        }
    }
}

impl FromStr for LimitSetting {
    type Err = LimitSettingError;

    fn from_str(text: &str) -> Result<Self, LimitSettingError> {
        let (key, value) = text.split_once('=').ok_or_else(|| LimitSettingError::NoValue(text.to_owned()))?;
        let (key, value) = (key.trim(), value.trim());
        let limits = match (KEYS.contains(&key), value) {
            (false, _) => return Err(unknown(key)),
            // A run always has a number in flight; the job file's own message says which words it takes.
            (true, NONE) if key != KEYS[0] => Limits::default(),
            (true, _) => limits(key, value).map_err(LimitSettingError::Value)?,
        };
        Ok(match key {
            "in_flight" => Self::InFlight(limits.in_flight),
            "requests_per_minute" => Self::RequestsPerMinute(limits.requests_per_minute),
            "tokens_per_minute" => Self::TokensPerMinute(limits.tokens_per_minute),
            _ => Self::BudgetUsd(limits.budget_usd),
        })
    }
}

impl fmt::Display for LimitSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::InFlight(InFlight::Auto) => write!(f, "{key}=auto"),
            Self::InFlight(InFlight::Fixed(number))
            | Self::RequestsPerMinute(Some(number))
            | Self::TokensPerMinute(Some(number)) => write!(f, "{key}={number}"),
            Self::BudgetUsd(Some(amount)) => write!(f, "{key}={amount}"),
            Self::RequestsPerMinute(None) | Self::TokensPerMinute(None) | Self::BudgetUsd(None) => {
                write!(f, "{key}={NONE}")
            }
        }
    }
}

impl TryFrom<String> for LimitSetting {
    type Error = LimitSettingError;

    fn try_from(text: String) -> Result<Self, LimitSettingError> {
        text.parse()
    }
}

impl From<LimitSetting> for String {
    fn from(setting: LimitSetting) -> Self {
        setting.to_string()
    }
}

/// The limits of a job file that has this one alone.
fn limits(key: &str, value: &str) -> Result<Limits, JobError> {
    let setting = Override { origin: "set".to_owned(), ..Override::parse_set(&format!("limits.{key}={value}"))? };
    let mut root = Node::parse("", Path::new(""))?;
    root.set(&setting)?;
    Limits::read(&mut Setting::root(root).section(&["limits"])?, &[])
}

fn unknown(key: &str) -> LimitSettingError {
    let hint = match nearest(key, KEYS) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("these can: {}", KEYS.join(", ")),
    };
    LimitSettingError::Unknown { key: key.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_a_job_file_has_it_and_written_again() {
        let number = NonZeroU32::new(8);
        for (text, setting) in [
            ("in_flight=8", LimitSetting::InFlight(InFlight::Fixed(number.unwrap()))),
            ("in_flight=auto", LimitSetting::InFlight(InFlight::Auto)),
            ("requests_per_minute=8", LimitSetting::RequestsPerMinute(number)),
            ("requests_per_minute=none", LimitSetting::RequestsPerMinute(None)),
            ("tokens_per_minute=8", LimitSetting::TokensPerMinute(number)),
            ("tokens_per_minute=none", LimitSetting::TokensPerMinute(None)),
            ("budget_usd=2.5", LimitSetting::BudgetUsd(Some(2.5))),
            ("budget_usd=none", LimitSetting::BudgetUsd(None)),
        ] {
            assert_eq!(text.parse::<LimitSetting>().unwrap(), setting);
            assert_eq!(setting.to_string(), text);
        }
        assert_eq!("in_flight = 1_000".parse::<LimitSetting>().unwrap().to_string(), "in_flight=1000");
        assert_eq!("budget_usd=3".parse::<LimitSetting>().unwrap(), LimitSetting::BudgetUsd(Some(3.0)));
    }

    #[test]
    fn what_is_no_setting_is_refused_with_what_to_write() {
        for (text, expected) in [
            ("in_flight", "\"in_flight\" is no setting; write key=value, such as in_flight=8"),
            ("in_fligth=8", "\"in_fligth\" cannot be set while a run goes on; did you mean \"in_flight\"?"),
            (
                "attempts=8",
                "\"attempts\" cannot be set while a run goes on; these can: in_flight, requests_per_minute, \
                 tokens_per_minute, budget_usd",
            ),
            ("in_flight=0", "set: limits.in_flight must be a whole number from 1 to 100000, not 0"),
            ("in_flight=none", "set: limits.in_flight cannot be \"none\"; known are auto"),
            (
                "requests_per_minute=-1",
                "set: limits.requests_per_minute must be a whole number from 1 to 4294967295, not -1",
            ),
            (
                "tokens_per_minute=1.5",
                "set: limits.tokens_per_minute must be a whole number, not a number with a fraction",
            ),
            ("budget_usd=-1", "set: limits.budget_usd must be a number of zero or more, not -1"),
            ("budget_usd=nan", "set: limits.budget_usd must be a number of zero or more, not NaN"),
            ("budget_usd=", "set: limits.budget_usd must be a number, not a string"),
            ("budget_usd=[1", "--set limits.budget_usd=[1: the value is not TOML: unclosed array, expected `]`"),
        ] {
            assert_eq!(text.parse::<LimitSetting>().unwrap_err().to_string(), expected, "{text}");
        }
    }
}
