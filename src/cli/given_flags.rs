//! The flags that a command was called with, for commands that are printed.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use nightreel::job::{shown_setting, without_userinfo};
use nightreel::model::Mode;

/// Flags that belong to one call: a command that goes on with the same run lacks them. The store is
/// told by whoever knows it.
const OF_ONE_CALL: [&str; 8] = ["drain", "help", "new", "progress", "quiet", "retry", "store", "version"];

/// The flags that a command was called with, as far as they decide what is done, less credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GivenFlags(Vec<String>);

impl GivenFlags {
    /// Those of the subcommand that was called.
    pub(crate) fn of(cli: &Command, matches: &ArgMatches) -> Self {
        let Some((name, matches)) = matches.subcommand() else { return Self::default() };
        let arguments = cli.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
        let mut words = Vec::new();
        for argument in arguments {
            let id = argument.get_id().as_str();
            let Some(long) = argument.get_long().filter(|long| !OF_ONE_CALL.contains(long)) else { continue };
            if matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let flag = format!("--{long}");
            if !argument.get_action().takes_values() {
                words.push(flag);
                continue;
            }
            for value in matches.get_raw(id).into_iter().flatten() {
                words.extend(with_value(&flag, &value.to_string_lossy()));
            }
        }
        Self(words)
    }

    /// Flags that a store kept.
    pub(crate) const fn kept(words: Vec<String>) -> Self {
        Self(words)
    }

    /// The words.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether a flag is among them.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word == flag)
    }

    /// The mode that is among them.
    pub(crate) fn mode(&self) -> Option<Mode> {
        let at = self.0.iter().position(|word| word == "--mode")?;
        self.0.get(at + 1)?.parse().ok()
    }

    /// The same in another mode; `None`: in the job's.
    pub(crate) fn in_mode(mut self, mode: Option<&str>) -> Self {
        if let Some(at) = self.0.iter().position(|word| word == "--mode") {
            self.0.drain(at..(at + 2).min(self.0.len()));
        }
        self.0.extend(mode.into_iter().flat_map(|mode| ["--mode".to_owned(), mode.to_owned()]));
        self
    }

    /// The same with one flag more, where it is not there yet.
    pub(crate) fn and(mut self, flag: &str) -> Self {
        if !self.has(flag) {
            self.0.push(flag.to_owned());
        }
        self
    }
}

/// A flag with its value. A value that begins like a flag is joined to it, so that it is none.
fn with_value(flag: &str, value: &str) -> Vec<String> {
    let value = match flag {
        "--base-url" => without_userinfo(value),
        "--set" => shown_setting(value),
        _ => value.to_owned(),
    };
    if value.starts_with('-') && value != "-" {
        return vec![format!("{flag}={value}")];
    }
    vec![flag.to_owned(), value]
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    fn given(line: &str) -> Vec<String> {
        let mut cli = Cli::command();
        let matches = cli.try_get_matches_from_mut(line.split(' ')).unwrap();
        GivenFlags::of(&cli, &matches).0
    }

    #[test]
    fn flags_that_decide_what_is_done_are_told_and_those_of_one_call_are_not() {
        for (line, expected) in [
            ("nightreel run job.toml", ""),
            ("nightreel run job.toml --new --retry failed -q --progress none --drain 3 --store a.db", ""),
            (
                "nightreel run --limit 3 --budget=0.5 job.toml --model a --model b -o out.csv",
                "--limit 3 --budget 0.5 --model a --model b --output out.csv",
            ),
            (
                "nightreel run job.toml --simulate --simulate-latency 5ms --simulate-faults reset=0.5",
                "--simulate --simulate-latency 5ms --simulate-faults reset=0.5",
            ),
            ("nightreel run job.toml --base-url https://u:p@a/v1?key=k", "--base-url https://a/v1"),
            ("nightreel run job.toml --set request.params.temperature=0", "--set request.params.temperature=0"),
            ("nightreel run job.toml --set gateway.base_url=https://u:p@a/v1", "--set gateway.base_url=…"),
            ("nightreel run job.toml --set record.redact=[]", "--set record.redact=…"),
            ("nightreel run job.toml --input -", "--input -"),
            ("nightreel run job.toml --input=-rows.csv", "--input=-rows.csv"),
            ("nightreel replay job.toml --fixture f.db --limit 2", "--limit 2 --fixture f.db"),
        ] {
            let (mut given, mut expected) = (given(line), expected.split_whitespace().collect::<Vec<_>>());
            given.sort();
            expected.sort_unstable();
            assert_eq!(given, expected, "{line}");
        }
    }

    #[test]
    fn a_mode_takes_the_place_of_another_and_a_flag_is_added_once() {
        let flags = GivenFlags(["--limit", "3", "--mode", "replay"].map(str::to_owned).to_vec());
        let words = |flags: &GivenFlags| flags.words().join(" ");
        assert_eq!(words(&flags.clone().in_mode(None)), "--limit 3");
        assert_eq!(words(&flags.clone().in_mode(Some("auto"))), "--limit 3 --mode auto");
        assert_eq!(words(&flags.clone().and("--simulate").and("--simulate")), "--limit 3 --mode replay --simulate");
        assert!(!GivenFlags::default().has("--simulate"));
        assert_eq!((flags.mode(), flags.in_mode(None).mode()), (Some(Mode::Replay), None));
    }
}
