//! What a key looks past.

use std::fmt;
use std::str::FromStr;

use super::Pattern;

/// What the key of a request looks past. It changes the key alone: what is sent, and what is kept,
/// stays as it was written.
///
/// Only values are looked at, never the names of members; and what `$.model` and `$.models` name is
/// looked at by [`Self::ModelDates`] and [`Self::Pattern`] alone. Words are bounded as ASCII has
/// them: by what is no letter, digit or `_`. The expressions of each normaliser stand in the file
/// of its name under `src/model/normalise`.
///
/// They work on the canonical form of the body, each string unescaped, and always in this order:
/// patterns, then timestamps, then ids; the order in which they are declared changes nothing.
/// Except for what a pattern makes, the normal form is its own normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Normaliser {
    /// `timestamps`: dates, and dates with times, anywhere in a string, become `‹timestamp›`.
    ///
    /// Those of ISO 8601 and RFC 3339 (`2026-11-22`, `2026-11-22 18:24:14`,
    /// `2026-11-22T18:24:14.5+01:00`, `20261122T182414Z`), of RFC 2822 and HTTP
    /// (`Sun, 22 Nov 2026 18:24:14 GMT`), those with slashes and dots (`2026/11/22`, `11/22/2026`,
    /// `22.11.2026`), those with the name of the month (`22 November 2026`,
    /// `Nov 22nd, 2026 at 6:24 PM`, `Sun Nov 22 18:24:14 2026`, `22/Nov/2026:18:24:14 +0000`), each
    /// with the weekday before it. Years are 1900 to 2099.
    ///
    /// A Unix time in seconds, milliseconds, microseconds or nanoseconds counts where its name says
    /// what it is (`created`, `expires_at`, `startTime`, `date`, …): as a member's value, number or
    /// string, and in a string behind such a name (`"created": 1763836800`, `timestamp=1763836800`).
    /// A time of day without a date and the name of a weekday are left: they may be what is asked.
    Timestamps,
    /// `ids`: ids that are made at random, anywhere in a string, become `‹id:N›`.
    ///
    /// UUIDs; ULIDs; 24 or more hexadecimal digits; a prefix and 14 or more letters and digits
    /// (`gen-…`, `chatcmpl-…`, `msg_…`, `resp_…`, `run_…`, `req_…`, `file-…`, `toolu_bdrk_…`); and
    /// a string that is nothing but a known prefix and six or more letters and digits
    /// (`file-abc123`).
    Ids,
    /// `tool-call-ids`: the ids of tool calls become `‹id:N›`, whatever they look like.
    ///
    /// They are the strings at `tool_calls[*].id`, in members named `tool_call_id`, `call_id` and
    /// `tool_use_id`, and the `id` of an object whose `type` is `tool_use` or `tool_result`, or ends
    /// in `_tool_use`, `_tool_result`, `_call` or `_call_output` (the items of `responses`).
    ToolCallIds,
    /// `model-dates`: the date at the end of `$.model` and of each of `$.models` is left out, with
    /// what stands before it, and so is `-latest`.
    ///
    /// A date is `-20251001`, `-2025-10-01`, `@20251001`, `-10-2025`, `-10-01`, `-251001`, `-2510`
    /// (a year from 2020 on, and a month) or `-1001` (a month and a day; but `-1024` is none).
    /// `-preview` and a variant such as `:free` may stand behind it, and stay.
    ModelDates,
    /// `pattern:REGEX`: what a regular expression matches in a string becomes `‹pattern›`.
    Pattern(Pattern),
}

/// A text that is no normaliser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NormaliserError {
    /// No normaliser has this name.
    #[error("unknown normaliser \"{name}\"; known are {known} and pattern:REGEX", known = Normaliser::NAMES.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The expression behind `pattern:` is none.
    #[error("\"{pattern}\" is not a regular expression: {problem}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no expression behind `pattern:`.
    #[error("pattern: needs a regular expression, such as pattern:order [0-9]+")]
    EmptyPattern,
}

impl Normaliser {
    /// Those that have a name of their own: all but patterns.
    pub const NAMED: [Self; 4] = [Self::Timestamps, Self::Ids, Self::ToolCallIds, Self::ModelDates];
    /// The names of [`Self::NAMED`].
    pub const NAMES: [&str; 4] = ["timestamps", "ids", "tool-call-ids", "model-dates"];
    /// What stands before a pattern.
    pub const PATTERN: &str = "pattern:";
}

impl FromStr for Normaliser {
    type Err = NormaliserError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(pattern) = text.strip_prefix(Self::PATTERN) {
            return pattern.parse().map(Self::Pattern);
        }
        let named = Self::NAMES.iter().zip(Self::NAMED).find(|(name, _)| **name == text);
        named.map(|(_, normaliser)| normaliser).ok_or_else(|| NormaliserError::Unknown { name: text.to_owned() })
    }
}

impl fmt::Display for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamps => f.write_str("timestamps"),
            Self::Ids => f.write_str("ids"),
            Self::ToolCallIds => f.write_str("tool-call-ids"),
            Self::ModelDates => f.write_str("model-dates"),
            Self::Pattern(pattern) => write!(f, "{}{pattern}", Self::PATTERN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normaliser_is_read_as_it_is_written() {
        for (name, normaliser) in Normaliser::NAMES.iter().zip(Normaliser::NAMED) {
            assert_eq!(name.parse(), Ok(normaliser.clone()));
            assert_eq!(normaliser.to_string(), *name);
        }
        let pattern: Normaliser = "pattern:order [0-9]+".parse().unwrap();
        assert_eq!(pattern.to_string(), "pattern:order [0-9]+");
    }

    #[test]
    fn what_is_no_normaliser_is_told() {
        for (text, message) in [
            (
                "timestamp",
                "unknown normaliser \"timestamp\"; known are timestamps, ids, tool-call-ids, model-dates and pattern:REGEX",
            ),
            ("pattern:", "pattern: needs a regular expression, such as pattern:order [0-9]+"),
            ("pattern:(", "\"(\" is not a regular expression: unclosed group"),
        ] {
            assert_eq!(text.parse::<Normaliser>().unwrap_err().to_string(), message);
        }
    }
}
