//! A user's regular expression.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use regex::bytes::{Regex, RegexBuilder};

use super::NormaliserError;

/// What stands for what a pattern matches.
const PLACEHOLDER: &str = "‹pattern›";
/// How large a pattern's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression, whose matches the key looks past. It is the text that it was read from.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// The text with a placeholder for every match that is not empty.
    pub(super) fn replace<'t>(&self, text: Cow<'t, [u8]>) -> Cow<'t, [u8]> {
        let mut matches = self.regex.find_iter(&text).filter(|found| !found.is_empty()).peekable();
        if matches.peek().is_none() {
            drop(matches);
            return text;
        }
        let (mut out, mut copied) = (Vec::with_capacity(text.len()), 0);
        for found in matches {
            out.extend_from_slice(&text[copied..found.start()]);
            out.extend_from_slice(PLACEHOLDER.as_bytes());
            copied = found.end();
        }
        out.extend_from_slice(&text[copied..]);
        Cow::Owned(out)
    }
}

impl FromStr for Pattern {
    type Err = NormaliserError;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        if pattern.is_empty() {
            return Err(NormaliserError::EmptyPattern);
        }
        let regex = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build();
        regex
            .map(|regex| Self { regex })
            .map_err(|error| NormaliserError::Pattern { pattern: pattern.to_owned(), problem: problem(&error) })
    }
}

/// What is wrong with a pattern: the last line of the parser's message, which draws the rest.
fn problem(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.regex.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str()
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.regex.as_str().cmp(other.regex.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_match_that_is_not_empty_is_replaced() {
        for (pattern, text, expected) in [
            ("order [0-9]+", "order 1 and order 22", "‹pattern› and ‹pattern›"),
            ("x*", "axxb", "a‹pattern›b"),
            ("nothing", "axxb", "axxb"),
            ("(?i)büro", "BÜRO", "‹pattern›"),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            let replaced = pattern.replace(Cow::Borrowed(text.as_bytes()));
            assert_eq!(String::from_utf8_lossy(&replaced), expected, "{pattern}");
        }
    }
}
