//! What settings are called where a miss is told.

use super::Remedy;
use crate::model::Normaliser;

/// What settings are called where a miss is told: those who run a server give flags, and a test in
/// Rust calls methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wording {
    /// Flags, and names of a job file.
    #[default]
    CommandLine,
    /// Methods of [`crate::testing::Fixture`].
    Rust,
}

impl Wording {
    /// What makes a recording match, one setting a word or several.
    pub(super) fn remedy_words(self, remedy: &Remedy) -> Vec<String> {
        match self {
            Self::CommandLine => remedy.flags(),
            Self::Rust => {
                let normalise =
                    remedy.normalise.iter().map(|normaliser| format!(".normalise({})", of_rust(normaliser)));
                normalise.chain(remedy.ignore.iter().map(|path| format!(".ignore({path:?})"))).collect()
            }
        }
    }

    /// The same, as it is written.
    pub(super) fn remedy(self, remedy: &Remedy) -> String {
        match self {
            Self::CommandLine => remedy.to_string(),
            Self::Rust => self.remedy_words(remedy).concat(),
        }
    }

    /// What gives an answer again.
    pub(super) const fn policies(self) -> &'static str {
        match self {
            Self::CommandLine => "a policy of repeat-last, cycle or first",
            Self::Rust => ".policy(Policy::RepeatLast), or Cycle, or First,",
        }
    }

    /// What strikes.
    pub(super) const fn redaction(self) -> &'static str {
        match self {
            Self::CommandLine => "--redact, record.redact",
            Self::Rust => ".redact()",
        }
    }

    /// What a key leaves out.
    pub(super) const fn key_rules(self) -> &'static str {
        match self {
            Self::CommandLine => "record.ignore, record.normalise",
            Self::Rust => ".ignore(), .normalise()",
        }
    }
}

/// A normaliser as Rust has it.
fn of_rust(normaliser: &Normaliser) -> String {
    match normaliser {
        Normaliser::Timestamps => "Normaliser::Timestamps".to_owned(),
        Normaliser::Ids => "Normaliser::Ids".to_owned(),
        Normaliser::ToolCallIds => "Normaliser::ToolCallIds".to_owned(),
        Normaliser::ModelDates => "Normaliser::ModelDates".to_owned(),
        Normaliser::Pattern(pattern) => format!("Normaliser::Pattern({:?}.parse()?)", pattern.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_recording_match_is_called_as_whoever_asks_calls_it() {
        let pattern = Normaliser::Pattern("order \"[0-9]+\"".parse().unwrap());
        let remedy = Remedy {
            normalise: Normaliser::NAMED.into_iter().chain([pattern]).collect(),
            ignore: vec!["$.user".to_owned(), "$.a[*].b".to_owned()],
        };
        assert_eq!(
            Wording::Rust.remedy(&remedy),
            ".normalise(Normaliser::Timestamps).normalise(Normaliser::Ids).normalise(Normaliser::ToolCallIds)\
             .normalise(Normaliser::ModelDates).normalise(Normaliser::Pattern(\"order \\\"[0-9]+\\\"\".parse()?))\
             .ignore(\"$.user\").ignore(\"$.a[*].b\")"
        );
        assert_eq!(Wording::Rust.remedy_words(&remedy).len(), 7);
        let plain = Remedy { normalise: vec![Normaliser::Ids], ignore: vec!["$.user".to_owned()] };
        assert_eq!(Wording::CommandLine.remedy(&plain), "--normalise ids --ignore '$.user'");
        assert_eq!(Wording::CommandLine.remedy_words(&plain), plain.flags());
    }
}
