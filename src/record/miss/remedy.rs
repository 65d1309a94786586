//! What would make a recording match.

use std::fmt;

use crate::model::{CanonicalError, IgnorePath, KeyRules, Normaliser};
use crate::record::Comparison;

/// So many members may be left out at most for two requests still to be one.
const FEW: usize = 3;

/// The members at the top of a body that decide what is answered: nobody is told to leave them out.
const DECIDING: [&str; 43] = [
    "messages",
    "prompt",
    "input",
    "model",
    "models",
    "system",
    "instructions",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "parallel_tool_calls",
    "previous_response_id",
    "conversation",
    "suffix",
    "response_format",
    "text",
    "modalities",
    "dimensions",
    "encoding_format",
    "temperature",
    "top_p",
    "top_k",
    "top_a",
    "min_p",
    "seed",
    "stop",
    "stop_sequences",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "n",
    "stream",
    "reasoning",
    "reasoning_effort",
    "thinking",
    "truncation",
];

/// What the key would have to look past for a recording to match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedy {
    /// Normalisers to declare.
    pub normalise: Vec<Normaliser>,
    /// Paths to ignore.
    pub ignore: Vec<String>,
}

impl Remedy {
    /// The least that makes a recorded body match one that is asked, if a few members and the
    /// normalisers that have a name can.
    pub(super) fn find(rules: &KeyRules, recorded: &[u8], asked: &[u8]) -> Option<Self> {
        Trial { rules, recorded, asked }.find().ok().flatten()
    }

    /// The flags that do it, for a command line.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let normalise = self.normalise.iter().flat_map(|name| ["--normalise".to_owned(), name.to_string()]);
        let ignore = self.ignore.iter().flat_map(|path| ["--ignore".to_owned(), path.clone()]);
        normalise.chain(ignore).collect()
    }

    fn extend(&self, rules: &KeyRules) -> Option<KeyRules> {
        let mut rules = rules.clone();
        rules.normalise.extend_from_slice(&self.normalise);
        for path in &self.ignore {
            rules.ignore.push(path.parse::<IgnorePath>().ok()?);
        }
        Some(rules)
    }
}

impl fmt::Display for Remedy {
    /// The flags as they are typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |flag: String| if flag.starts_with('$') { format!("'{flag}'") } else { flag };
        f.write_str(&self.flags().into_iter().map(quoted).collect::<Vec<_>>().join(" "))
    }
}

/// A recorded body and one that is asked, to be compared under more and more rules.
struct Trial<'a> {
    rules: &'a KeyRules,
    recorded: &'a [u8],
    asked: &'a [u8],
}

impl Trial<'_> {
    fn find(&self) -> Result<Option<Remedy>, CanonicalError> {
        let undeclared = Normaliser::NAMED.into_iter().filter(|name| !self.rules.normalise.contains(name));
        let mut remedy = Remedy { normalise: undeclared.collect(), ignore: Vec::new() };
        if !self.matches(&remedy)? {
            match self.differing_members(&remedy)? {
                Some(ignore) => remedy.ignore = ignore,
                None => return Ok(None),
            }
        }
        if !self.matches(&remedy)? {
            return Ok(None);
        }
        self.leave_out_what_is_not_needed(&mut remedy)?;
        Ok(Some(remedy))
    }

    fn matches(&self, remedy: &Remedy) -> Result<bool, CanonicalError> {
        let Some(rules) = remedy.extend(self.rules) else { return Ok(false) };
        Ok(rules.canonical(self.recorded)? == rules.canonical(self.asked)?)
    }

    /// The paths of the members that still differ, where they are few and decide nothing.
    fn differing_members(&self, remedy: &Remedy) -> Result<Option<Vec<String>>, CanonicalError> {
        let Some(rules) = remedy.extend(self.rules) else { return Ok(None) };
        let comparison = Comparison::of(&rules.comparable(self.recorded)?, &rules.comparable(self.asked)?);
        if comparison.count() > FEW {
            return Ok(None);
        }
        let paths: Vec<_> = comparison.differences.into_iter().map(|difference| difference.path).collect();
        let decides = |path: &String| !path.starts_with("$.") || DECIDING.contains(&top_member(path));
        Ok((!paths.iter().any(decides)).then_some(paths))
    }

    fn leave_out_what_is_not_needed(&self, remedy: &mut Remedy) -> Result<(), CanonicalError> {
        for normaliser in remedy.normalise.clone() {
            let fewer = Remedy {
                normalise: remedy.normalise.iter().filter(|other| **other != normaliser).cloned().collect(),
                ignore: remedy.ignore.clone(),
            };
            if self.matches(&fewer)? {
                *remedy = fewer;
            }
        }
        Ok(())
    }
}

/// The member at the top that a path goes into.
pub(super) fn top_member(path: &str) -> &str {
    let name = path.strip_prefix("$.").unwrap_or_default();
    name.split(['.', '[']).next().unwrap_or_default()
}
