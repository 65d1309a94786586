//! The `run` that goes on with a run, as it is printed to be called.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use nightreel::engine::ServedWarning;
use nightreel::job::{Call, described_prices, described_stdin};
use nightreel::model::Mode;
use nightreel::store::{ItemId, NewRun};

use super::command_line::CommandLine;
use super::given_flags::GivenFlags;
use super::plan::Plan;
use super::shell_word::without_dash;
use super::store_words::{named_store, store_flag, store_words};

const RETRY: &str = "--retry";
/// Flags that say what a run may cost, as people call them.
const BUDGET: [&str; 2] = ["--budget", "--set limits.budget_usd"];
/// Flags that say what requests cost.
const PRICES: [&str; 2] = ["--prices", "--set prices"];

/// The `run` that goes on with a run: the same job file, flags and store. It is told as a command only
/// where that does the same: never with a word struck, left out or changed.
#[derive(Debug, Clone)]
pub(crate) struct RunCommand {
    job_file: PathBuf,
    flags: GivenFlags,
    mode: Mode,
    store: PathBuf,
    from: Origin,
    /// Whether its rows come from standard input.
    reads_stdin: bool,
    /// Whether its job file names a price table.
    job_has_prices: bool,
    /// What whoever calls it has to choose.
    chosen: Option<Chosen>,
}

/// What a command leaves to whoever calls it: as it is printed, it is refused before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// What the run may cost.
    Budget,
    /// A table of what requests cost.
    Prices,
}

/// Where a command has to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Here,
    There(PathBuf),
    /// In a directory that nobody knows.
    Somewhere,
}

impl RunCommand {
    /// The one that goes on with what this call does.
    pub(crate) fn of_call(plan: &Plan, flags: &GivenFlags, store: &Path) -> Self {
        let flags = flags.less_struck(plan);
        let mode = flags.mode().unwrap_or(plan.job.record.mode);
        Self {
            job_file: plan.job.path.clone(),
            flags,
            mode,
            store: store.to_owned(),
            from: Origin::Here,
            reads_stdin: plan.job.input.is_stdin(),
            job_has_prices: plan.job.prices.is_some(),
            chosen: None,
        }
    }

    /// The one that records what a replay lacks: of the same gateway as its recordings, where the run is
    /// known that made them, else of the simulated one where they are of that.
    pub(crate) fn recording(self, job: Mode, simulated: bool, recorded: Option<&NewRun>) -> Self {
        let flags = self.flags.less(&[RETRY]).in_mode((job != Mode::Auto).then_some("auto"));
        let call = recorded.map(|run| Call::described(&run.job_description)).unwrap_or_default();
        let flags = flags.sending_as(&GivenFlags::kept(&call), call.directory.as_deref().map(Path::new));
        let rehearses = simulated && !flags.has("--base-url");
        Self { flags: if rehearses { flags.rehearsing() } else { flags }, ..self }
    }

    /// The one that goes on with a run of a store.
    pub(crate) fn of_run(begun: &NewRun, store: &Path) -> Self {
        let call = Call::described(&begun.job_description);
        let flags = GivenFlags::kept(&call);
        let flags = if begun.simulated { flags.rehearsing() } else { flags };
        let mode = begun.mode.parse().unwrap_or_default();
        let from = Origin::of(call.directory.map(PathBuf::from), std::env::current_dir().ok().as_deref());
        Self {
            job_file: PathBuf::from(&begun.job_file),
            flags,
            mode,
            store: store.to_owned(),
            from,
            reads_stdin: described_stdin(&begun.job_description),
            job_has_prices: described_prices(&begun.job_description),
            chosen: None,
        }
    }

    /// Whether it has a price table.
    pub(crate) fn has_prices(&self) -> bool {
        self.job_has_prices || self.flags.has(PRICES[0])
    }

    /// The same with another budget.
    pub(crate) fn with_budget(&self, usd: f64) -> Self {
        Self { flags: self.flags.clone().less(&BUDGET).with("--budget", usd.to_string()), ..self.clone() }
    }

    /// The same with something that is left to be chosen.
    pub(crate) fn choosing(&self, chosen: Chosen) -> Self {
        Self { flags: self.flags.clone().less(chosen.titles()), chosen: Some(chosen), ..self.clone() }
    }

    /// The one that asks again what failed. A complete run does not go on where all is recorded
    /// anew: another one would begin.
    pub(crate) fn again(&self, is_complete: bool) -> String {
        let flags = self.flags.clone().less(&[RETRY]);
        let flags = if self.mode == Mode::Record && is_complete { flags.in_mode(Some("auto")) } else { flags };
        Self { flags, ..self.clone() }.told(&[RETRY, "failed"])
    }

    /// What a command that reads the store is told of it, with a space before it.
    pub(crate) fn store(&self) -> String {
        store_flag(&self.store)
    }

    /// The one that shows an item of the store. By the number of its run: a job may be named like another
    /// run.
    pub(crate) fn show(&self, item: ItemId) -> String {
        format!("nightreel show {} --position {}{}", item.run(), item.position(), self.store())
    }

    /// What should be known of who answered, with the command that shows it where that is of an item.
    pub(crate) fn warned(&self, warning: &ServedWarning) -> String {
        let example = warning.example.map(|item| format!(": {}", self.show(item)));
        warning.text.clone() + &example.unwrap_or_default()
    }

    /// The command with words behind it; in its place, where no command says the same, what to do.
    fn told(&self, more: &[&'static str]) -> String {
        let mut line = CommandLine::default();
        if let Origin::There(directory) = &self.from {
            line.word("the directory it is called in", directory.as_os_str());
            line.text = format!("cd{} &&", line.text);
        }
        line.text.push_str(" nightreel run");
        line.word("the job file", &without_dash(&self.job_file));
        for (title, word) in self.flags.titled_words() {
            line.word(&title, word.as_ref());
        }
        for word in self.store_words() {
            line.word("--store", &word);
        }
        let untold = line.untold.into_iter().chain(self.flags.withheld().iter().cloned()).collect::<Vec<_>>();
        let more = more.iter().copied().chain(self.chosen.into_iter().flat_map(Chosen::words));
        let more = more.fold(String::new(), |text, word| text + " " + word);
        let text = format!("{}{more}", line.text.trim_start());
        let text = match &self.from {
            _ if !untold.is_empty() => by_hand(&more, self.flags.mode(), &untold),
            Origin::Somewhere if self.job_file.is_relative() => {
                format!("in the directory that it was begun in: {text}")
            }
            _ => text,
        };
        if self.reads_stdin { format!("with the same rows on its standard input: {text}") } else { text }
    }

    fn store_words(&self) -> Vec<OsString> {
        match &self.from {
            Origin::There(_) => named_store(&std::path::absolute(&self.store).unwrap_or_else(|_| self.store.clone())),
            Origin::Here | Origin::Somewhere => store_words(&self.store),
        }
    }
}

impl fmt::Display for RunCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(&[]))
    }
}

impl Chosen {
    /// What people call the flags that say it.
    const fn titles(self) -> &'static [&'static str] {
        match self {
            Self::Budget => &BUDGET,
            Self::Prices => &PRICES,
        }
    }

    /// The words that stand for it: as a help names the value, which is none.
    const fn words(self) -> [&'static str; 2] {
        match self {
            Self::Budget => [BUDGET[0], "USD"],
            Self::Prices => [PRICES[0], "FILE"],
        }
    }
}

impl Origin {
    fn of(directory: Option<PathBuf>, here: Option<&Path>) -> Self {
        match directory {
            None => Self::Somewhere,
            Some(directory) if Some(directory.as_path()) == here => Self::Here,
            Some(directory) => Self::There(directory),
        }
    }
}

/// What to do where no command can be told.
fn by_hand(words: &str, mode: Option<Mode>, untold: &[String]) -> String {
    let in_mode = mode.map(|mode| format!(" in mode {}", mode.as_str())).unwrap_or_default();
    format!(
        "call run{words} again{in_mode}, with the same job, store and flags; no command is printed, as not all of it can \
         be shown: {} must be given by hand",
        untold.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &[&str]) -> GivenFlags {
        GivenFlags::kept(&call(words))
    }

    fn call(words: &[&str]) -> Call {
        Call { flags: words.iter().map(|word| (*word).to_owned()).collect(), ..Call::default() }
    }

    fn command(words: &[&str]) -> RunCommand {
        let flags = flags(words);
        let mode = flags.mode().unwrap_or_default();
        RunCommand {
            job_file: "my job.toml".into(),
            flags,
            mode,
            store: "a.db".into(),
            from: Origin::Here,
            reads_stdin: false,
            job_has_prices: false,
            chosen: None,
        }
    }

    #[test]
    fn what_asks_again_goes_on_with_the_same_run() {
        for (mode, is_complete, expected) in
            [("record", false, "record"), ("record", true, "auto"), ("auto", true, "auto")]
        {
            let command = command(&["--budget", "0.5", "--mode", mode]);
            let plain = "nightreel run 'my job.toml' --budget 0.5 --mode";
            assert_eq!(command.to_string(), format!("{plain} {mode} --store a.db"));
            let again = format!("{plain} {expected} --store a.db --retry failed");
            assert_eq!(command.again(is_complete), again);
            let retrying = RunCommand { flags: command.flags.clone().with("--retry", "failed".to_owned()), ..command };
            assert_eq!(retrying.again(is_complete), again);
        }
    }

    #[test]
    fn what_is_left_to_be_chosen_takes_the_place_of_what_was_given() {
        let command = command(&["--budget", "0.5", "--prices", "p.toml", "--set", "limits.budget_usd=2"]);
        for (told, expected) in [
            (command.with_budget(0.25), "--prices p.toml --budget 0.25 --store a.db"),
            (command.choosing(Chosen::Budget), "--prices p.toml --store a.db --budget USD"),
            (command.choosing(Chosen::Prices), "--budget 0.5 --set limits.budget_usd=2 --store a.db --prices FILE"),
        ] {
            assert_eq!(told.to_string(), format!("nightreel run 'my job.toml' {expected}"));
        }
        let again = command.choosing(Chosen::Budget).again(true);
        assert!(again.ends_with(" --store a.db --retry failed --budget USD"), "{again}");
    }

    #[test]
    fn rows_that_came_from_standard_input_have_to_come_again() {
        let told = RunCommand { reads_stdin: true, ..command(&["--input", "-"]) }.to_string();
        let expected = "with the same rows on its standard input: nightreel run 'my job.toml' --input - --store a.db";
        assert_eq!(told, expected);
    }

    #[test]
    fn what_a_replay_lacks_is_recorded_where_its_recordings_come_from() {
        let recorded = |flags: &[&str]| {
            let call = format!("{{\"flags\": {:?}}}", call(flags).flags);
            NewRun { job_description: call, ..NewRun::of_exchanges("j", 0) }
        };
        for (flags, job, simulated, of, expected) in [
            ([].as_slice(), Mode::Auto, false, [].as_slice(), ""),
            (&["--mode", "replay", "--limit", "3"], Mode::Auto, false, &["--limit", "9"], " --limit 3"),
            (&[], Mode::Replay, false, &["--base-url", "http://a/v1"], " --mode auto --base-url http://a/v1"),
            (
                &[],
                Mode::Record,
                true,
                &["--simulate", "--simulate-seed", "3"],
                " --mode auto --simulate --simulate-seed 3",
            ),
            (&["--base-url", "http://a/v1"], Mode::Auto, true, &["--simulate"], " --base-url http://a/v1"),
        ] {
            let told = command(flags).recording(job, simulated, Some(&recorded(of))).to_string();
            assert_eq!(told, format!("nightreel run 'my job.toml'{expected} --store a.db"));
        }
        assert!(command(&[]).recording(Mode::Auto, true, None).to_string().contains(" --simulate "));
    }

    #[test]
    fn a_command_is_called_where_its_paths_begin() {
        for (directory, told) in [
            (Some("/jobs"), "nightreel run 'my job.toml' --store a.db"),
            (None, "in the directory that it was begun in: nightreel run 'my job.toml' --store a.db"),
        ] {
            let from = Origin::of(directory.map(PathBuf::from), Some(Path::new("/jobs")));
            assert_eq!(RunCommand { from, ..command(&[]) }.to_string(), told);
        }
        let from = Origin::of(Some("/my jobs".into()), Some(Path::new("/jobs")));
        let told = RunCommand { from, store: "/s.db".into(), ..command(&[]) }.to_string();
        assert_eq!(told, "cd '/my jobs' && nightreel run 'my job.toml' --store /s.db");
    }

    #[test]
    fn no_command_is_told_that_does_something_else() {
        let withheld = Call { withheld: vec!["--set request.system".to_owned()], ..call(&["--budget", "0.5"]) };
        for (told, by_hand) in [
            (RunCommand { flags: GivenFlags::kept(&withheld), ..command(&[]) }, "--set request.system"),
            (RunCommand { store: "a\n".into(), ..command(&[]) }, "--store"),
            (RunCommand { job_file: "caf\u{fffd}.toml".into(), ..command(&[]) }, "the job file"),
            (command(&["--model", "sk-or-v1-0123456789"]), "--model"),
        ] {
            for told in [told.to_string(), told.again(false)] {
                assert!(told.contains(&format!(": {by_hand} must be given by hand")), "{told}");
                assert!(!told.contains("nightreel"), "{told}");
            }
        }
    }
}
