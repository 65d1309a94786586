//! The flags that a command was called with, for commands that are printed.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use nightreel::job::{Call, Override, may_be_shown, without_userinfo};
use nightreel::model::Mode;

use super::credential_text::without_credentials;
use super::plan::Plan;
use super::terminal_text::one_line;

/// Flags that belong to one call: a command that goes on with the same run lacks them. The store is
/// told by whoever knows it.
const OF_ONE_CALL: [&str; 7] = ["drain", "help", "new", "progress", "quiet", "store", "version"];
/// Flags that say how requests are sent, and what that may cost.
const OF_SENDING: [&str; 7] = ["--base-url", "--in-flight", "--rpm", "--tpm", "--budget", "--deadline", "--prices"];
/// Settings that say the same.
const SET_OF_SENDING: [&str; 2] = ["--set gateway.", "--set limits."];
const BASE_URL: &str = "--base-url";
const SIMULATE: &str = "--simulate";
/// How earlier versions kept a value that was left out or struck.
const NOT_KEPT: [&str; 2] = ["=…", "= …"];
const STRUCK: &str = "[redacted]";

/// The flags that a command was called with, as far as they decide what is done. A flag whose value
/// must not be kept or told as it is is not told at all, for with another value it does something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GivenFlags {
    told: Vec<Flag>,
    /// The names of those that are not told.
    withheld: Vec<String>,
}

/// One flag, with its dashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    name: String,
    value: Option<String>,
}

impl GivenFlags {
    /// Those of the subcommand that was called.
    pub(crate) fn of(cli: &Command, matches: &ArgMatches) -> Self {
        let mut flags = Self::default();
        let Some((name, matches)) = matches.subcommand() else { return flags };
        for argument in cli.find_subcommand(name).into_iter().flat_map(Command::get_arguments) {
            let Some(long) = argument.get_long().filter(|long| !OF_ONE_CALL.contains(long)) else { continue };
            if matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine) {
                flags.take(argument, &format!("--{long}"), matches);
            }
        }
        flags
    }

    fn take(&mut self, argument: &Arg, name: &str, matches: &ArgMatches) {
        if !argument.get_action().takes_values() {
            return self.told.push(Flag { name: name.to_owned(), value: None });
        }
        for value in matches.get_raw(argument.get_id().as_str()).into_iter().flatten() {
            let flag = Flag { name: name.to_owned(), value: Some(value.to_string_lossy().into_owned()) };
            self.add(flag, |flag| value.to_str().is_some() && flag.may_be_shown());
        }
    }

    /// Flags that a store kept.
    pub(crate) fn kept(call: &Call) -> Self {
        let mut flags = Self { told: Vec::new(), withheld: call.withheld.clone() };
        let mut words = call.flags.iter().peekable();
        while let Some(word) = words.next() {
            let flag = match word.split_once('=') {
                Some((name, value)) => Flag { name: name.to_owned(), value: Some(value.to_owned()) },
                None => Flag { name: word.clone(), value: words.next_if(|next| !next.starts_with("--")).cloned() },
            };
            flags.add(flag, Flag::is_kept);
        }
        flags
    }

    /// The same less credentials, and less settings that have in them what the job strikes.
    pub(crate) fn less_struck(&self, plan: &Plan) -> Self {
        let mut flags = self.clone().only(|flag| !flag.is_struck(plan));
        for title in flags.withheld.iter_mut().filter(|title| plan.strikes(title, true)) {
            "--set".clone_into(title);
        }
        flags
    }

    /// The same less those of some titles.
    pub(crate) fn less(mut self, titles: &[&str]) -> Self {
        self.told.retain(|flag| !titles.contains(&flag.title().as_str()));
        self.withheld.retain(|title| !titles.contains(&title.as_str()));
        self
    }

    /// The same with one more.
    pub(crate) fn with(mut self, name: &str, value: String) -> Self {
        self.told.push(Flag { name: name.to_owned(), value: Some(value) });
        self
    }

    /// The same less those that must not be told.
    pub(crate) fn only(self, may_be_told: impl Fn(&Flag) -> bool) -> Self {
        let mut flags = Self { told: Vec::new(), withheld: self.withheld };
        for flag in self.told {
            flags.add(flag, &may_be_told);
        }
        flags
    }

    /// The words.
    pub(crate) fn words(&self) -> Vec<String> {
        self.told.iter().flat_map(Flag::words).collect()
    }

    /// The words, each with the name of its flag.
    pub(crate) fn titled_words(&self) -> impl Iterator<Item = (String, String)> {
        self.told.iter().flat_map(|flag| flag.words().into_iter().map(|word| (flag.title(), word)))
    }

    /// The names of those that are not told.
    pub(crate) fn withheld(&self) -> &[String] {
        &self.withheld
    }

    /// Whether a flag is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.told.iter().any(|flag| flag.name == name) || self.withheld.iter().any(|withheld| withheld == name)
    }

    /// The mode that is among them.
    pub(crate) fn mode(&self) -> Option<Mode> {
        self.told.iter().find(|flag| flag.name == "--mode")?.value.as_deref()?.parse().ok()
    }

    /// The same in another mode; `None`: in the job's.
    pub(crate) fn in_mode(mut self, mode: Option<&str>) -> Self {
        self.told.retain(|flag| flag.name != "--mode");
        self.told.extend(mode.map(|mode| Flag { name: "--mode".to_owned(), value: Some(mode.to_owned()) }));
        self
    }

    /// The same against the simulated gateway.
    pub(crate) fn rehearsing(mut self) -> Self {
        if !self.has(SIMULATE) {
            self.told.push(Flag { name: SIMULATE.to_owned(), value: None });
        }
        self
    }

    /// The same with the flags of another call, in its directory, that say how requests are sent, where
    /// these do not say it.
    pub(crate) fn sending_as(mut self, other: &Self, directory: Option<&Path>) -> Self {
        let here = self.clone();
        let is_missing = |name: &str| {
            let elsewhere = (name == BASE_URL && here.has(SIMULATE)) || (is_of_rehearsal(name) && here.has(BASE_URL));
            is_of_sending(name) && !elsewhere && !here.says(name)
        };
        for flag in other.told.iter().filter(|flag| is_missing(&flag.title())) {
            let prices = directory.filter(|_| flag.name == "--prices").zip(flag.value.as_deref());
            let value = prices.map(|(directory, path)| directory.join(path).display().to_string());
            self.told.push(Flag { value: value.or_else(|| flag.value.clone()), ..flag.clone() });
        }
        self.withheld.extend(other.withheld.iter().filter(|name| is_missing(name)).cloned());
        self
    }

    fn says(&self, title: &str) -> bool {
        self.told.iter().any(|flag| flag.title() == title) || self.withheld.iter().any(|withheld| withheld == title)
    }

    fn add(&mut self, flag: Flag, may_be_told: impl Fn(&Flag) -> bool) {
        if may_be_told(&flag) {
            self.told.push(flag);
        } else if !self.withheld.contains(&flag.title()) {
            self.withheld.push(flag.title());
        }
    }
}

impl Flag {
    /// Its value; an empty one where it takes none.
    pub(crate) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    /// The words. A value that begins like a flag is joined to it, so that it is none.
    fn words(&self) -> Vec<String> {
        match &self.value {
            None => vec![self.name.clone()],
            Some(value) if value.starts_with('-') && value != "-" => vec![format!("{}={value}", self.name)],
            Some(value) => vec![self.name.clone(), value.clone()],
        }
    }

    /// What people call it: `--budget`, `--set request.system`.
    fn title(&self) -> String {
        let set = self.setting().filter(|set| without_credentials(&set.key) == set.key);
        set.map_or_else(|| self.name.clone(), |set| format!("{} {}", self.name, one_line(&set.key)))
    }

    fn setting(&self) -> Option<Override> {
        if self.name == "--set" { Override::parse_set(self.value()).ok() } else { None }
    }

    /// Whether something in it must not be kept. A rule of the job is for texts and for names that
    /// people give: it would make another number of a number.
    fn is_struck(&self, plan: &Plan) -> bool {
        let Some(set) = self.setting() else { return plan.strikes(self.value(), false) };
        let is_text = set.value.is_str() || set.value.is_array() || set.value.is_table();
        plan.strikes(&set.key, true) || plan.strikes(self.value(), is_text)
    }

    fn may_be_shown(&self) -> bool {
        match self.name.as_str() {
            BASE_URL => without_userinfo(self.value()) == self.value(),
            "--set" => may_be_shown(self.value()),
            _ => true,
        }
    }

    fn is_kept(&self) -> bool {
        let value = self.value();
        let is_left_out = self.name == "--set" && NOT_KEPT.iter().any(|end| value.ends_with(end));
        !value.contains(STRUCK) && !is_left_out
    }
}

fn is_of_sending(title: &str) -> bool {
    OF_SENDING.contains(&title) || is_of_rehearsal(title) || SET_OF_SENDING.iter().any(|set| title.starts_with(set))
}

fn is_of_rehearsal(title: &str) -> bool {
    title.starts_with(SIMULATE)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    fn flags(line: &str) -> GivenFlags {
        let mut cli = Cli::command();
        let matches = cli.try_get_matches_from_mut(line.split(' ')).unwrap();
        GivenFlags::of(&cli, &matches)
    }

    fn kept(line: &str) -> GivenFlags {
        let flags = line.split_whitespace().map(str::to_owned).collect();
        GivenFlags::kept(&Call { flags, ..Call::default() })
    }

    #[test]
    fn flags_that_decide_what_is_done_are_told_and_those_of_one_call_are_not() {
        for (line, expected) in [
            ("nightreel run job.toml", ""),
            ("nightreel run job.toml --new -q --progress none --drain 3 --store a.db", ""),
            ("nightreel run job.toml --retry failed", "--retry failed"),
            (
                "nightreel run --limit 3 --budget=0.5 job.toml --model a --model b -o out.csv",
                "--limit 3 --budget 0.5 --model a --model b --output out.csv",
            ),
            (
                "nightreel run job.toml --simulate --simulate-latency 5ms --simulate-faults reset=0.5",
                "--simulate --simulate-latency 5ms --simulate-faults reset=0.5",
            ),
            ("nightreel run job.toml --base-url https://a/v1", "--base-url https://a/v1"),
            ("nightreel run job.toml --set gateway.base_url=https://a/v1", "--set gateway.base_url=https://a/v1"),
            ("nightreel run job.toml --set request.params.temperature=0", "--set request.params.temperature=0"),
            ("nightreel run job.toml --input -", "--input -"),
            ("nightreel run job.toml --input=-rows.csv", "--input=-rows.csv"),
            ("nightreel replay job.toml --fixture f.db --limit 2", "--limit 2 --fixture f.db"),
        ] {
            let (mut given, mut expected) = (flags(line).words(), expected.split_whitespace().collect::<Vec<_>>());
            assert_eq!(kept(&given.join(" ")).words(), given, "{line}");
            given.sort();
            expected.sort_unstable();
            assert_eq!(given, expected, "{line}");
        }
    }

    #[test]
    fn a_flag_whose_value_must_not_be_told_is_named_alone() {
        for (line, told, withheld) in [
            ("--base-url https://u:p@a/v1 --limit 3", "--limit 3", "--base-url"),
            ("--base-url https://a/v1?key=k", "", "--base-url"),
            ("--set gateway.base_url=https://u:p@a/v1", "", "--set gateway.base_url"),
            ("--set record.redact=[]", "", "--set record.redact"),
            ("--set request.system=sk-or-hidden", "", "--set request.system"),
        ] {
            let flags = flags(&format!("nightreel run job.toml {line}"));
            assert_eq!((flags.words().join(" ").as_str(), flags.withheld().join(" ").as_str()), (told, withheld));
        }
        for struck in ["--set gateway.base_url=…", "--set request.system=[redacted]"] {
            let kept = kept(&format!("{struck} --limit 3"));
            assert_eq!((kept.words().join(" ").as_str(), kept.withheld().len()), ("--limit 3", 1), "{struck}");
        }
    }

    #[test]
    fn a_mode_takes_the_place_of_another_and_a_flag_is_added_once() {
        let flags = kept("--limit 3 --mode replay");
        let words = |flags: &GivenFlags| flags.words().join(" ");
        assert_eq!(words(&flags.clone().in_mode(None)), "--limit 3");
        assert_eq!(words(&flags.clone().in_mode(Some("auto"))), "--limit 3 --mode auto");
        assert_eq!(words(&flags.clone().rehearsing().rehearsing()), "--limit 3 --mode replay --simulate");
        assert!(!GivenFlags::default().has("--simulate"));
        assert_eq!((flags.mode(), flags.in_mode(None).mode()), (Some(Mode::Replay), None));
    }

    #[test]
    fn flags_are_left_out_by_what_people_call_them() {
        let flags = kept("--budget 3 --set limits.budget_usd=2 --set limits.in_flight=4");
        let left = flags.less(&["--budget", "--set limits.budget_usd"]).with("--budget", "5".to_owned());
        assert_eq!(left.words().join(" "), "--set limits.in_flight=4 --budget 5");
        let withheld = GivenFlags::kept(&Call { withheld: vec!["--base-url".to_owned()], ..Call::default() });
        assert!(withheld.less(&["--base-url"]).withheld().is_empty());
    }

    #[test]
    fn how_requests_are_sent_is_taken_from_a_call_where_it_is_not_said() {
        for (these, other, expected) in [
            (
                "--limit 3",
                "--limit 9 --base-url http://a --budget 2 -o x.csv",
                "--limit 3 --base-url http://a --budget 2",
            ),
            ("--budget 1", "--budget 2 --rpm 3", "--budget 1 --rpm 3"),
            ("", "--simulate --simulate-seed 3", "--simulate --simulate-seed 3"),
            ("--base-url http://b", "--simulate --simulate-seed 3 --base-url http://a", "--base-url http://b"),
            ("--simulate", "--base-url http://a --rpm 3", "--simulate --rpm 3"),
            ("", "--prices p.toml --fixture f.db", "--prices /jobs/p.toml"),
            ("", "--set gateway.http1=true --set request.system=x", "--set gateway.http1=true"),
        ] {
            let flags = kept(these).sending_as(&kept(other), Some(Path::new("/jobs")));
            assert_eq!(flags.words().join(" "), expected, "{these}; {other}");
        }
        let withheld = GivenFlags::kept(&Call { withheld: vec!["--base-url".to_owned()], ..Call::default() });
        assert_eq!(kept("").sending_as(&withheld, None).withheld(), ["--base-url"]);
        assert!(kept("--base-url http://b").sending_as(&withheld, None).withheld().is_empty());
    }
}
