//! The `run` that goes on with a run, as it is printed to be called.

use std::fmt;
use std::path::{Path, PathBuf};

use nightreel::job::described_flags;
use nightreel::model::Mode;
use nightreel::store::NewRun;

use super::context::env;
use super::credential_text::without_credentials;
use super::given_flags::GivenFlags;
use super::plan::Plan;
use super::shell_word::{command_line, quoted};
use super::store_args::{DEFAULT_STORE, STORE_VARIABLE};

/// The `run` that goes on with a run: the same job file, flags and store.
#[derive(Debug, Clone)]
pub(crate) struct RunCommand {
    job_file: String,
    flags: GivenFlags,
    mode: Mode,
    store: PathBuf,
}

impl RunCommand {
    /// The one that goes on with what this call does.
    pub(crate) fn of_call(plan: &Plan, flags: &GivenFlags, store: &Path) -> Self {
        let struck = |word: &String| without_credentials(&plan.redactor.strike_text(word));
        let flags = GivenFlags::kept(flags.words().iter().map(struck).collect());
        let mode = flags.mode().unwrap_or(plan.job.record.mode);
        Self { job_file: plan.job.path.display().to_string(), flags, mode, store: store.to_owned() }
    }

    /// The one that records what a replay lacks, with the gateway that its recordings come from.
    pub(crate) fn recording(self, job: Mode, simulated: bool) -> Self {
        let flags = self.flags.in_mode((job != Mode::Auto).then_some("auto"));
        let rehearses = simulated && !flags.has("--base-url");
        Self { flags: if rehearses { flags.and("--simulate") } else { flags }, ..self }
    }

    /// The one that goes on with a run of a store.
    pub(crate) fn of_run(begun: &NewRun, store: &Path) -> Self {
        let flags = GivenFlags::kept(described_flags(&begun.job_description));
        let flags = if begun.simulated { flags.and("--simulate") } else { flags };
        let mode = begun.mode.parse().unwrap_or_default();
        Self { job_file: begun.job_file.clone(), flags, mode, store: store.to_owned() }
    }

    /// The one that asks again what failed. A complete run does not go on where all is recorded
    /// anew: another one would begin.
    pub(crate) fn again(&self, is_complete: bool) -> String {
        let flags = self.flags.clone();
        let flags = if self.mode == Mode::Record && is_complete { flags.in_mode(Some("auto")) } else { flags };
        format!("{} --retry failed", Self { flags, ..self.clone() })
    }

    /// What a command that reads the store is told of it, with a space before it.
    pub(crate) fn store(&self) -> String {
        store_flag(&self.store)
    }
}

impl fmt::Display for RunCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = if self.job_file.starts_with('-') { "./" } else { "" };
        let words = ["nightreel", "run"].map(str::to_owned).into_iter();
        let words = words.chain([format!("{hidden}{}", self.job_file)]).chain(self.flags.words().iter().cloned());
        write!(f, "{}{}", command_line(words), self.store())
    }
}

/// The flag that names a store, with a space before it; nothing where a command finds it without.
pub(crate) fn store_flag(store: &Path) -> String {
    flag_unless_default(store, env(STORE_VARIABLE).as_deref())
}

fn flag_unless_default(store: &Path, variable: Option<&str>) -> String {
    let default = Path::new(DEFAULT_STORE);
    if store == default && variable.is_none_or(|variable| Path::new(variable) == default) {
        return String::new();
    }
    let joint = if store.as_os_str().as_encoded_bytes().starts_with(b"-") { '=' } else { ' ' };
    format!(" --store{joint}{}", quoted(store.as_os_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(flags: &[&str]) -> RunCommand {
        let flags = GivenFlags::kept(flags.iter().map(|flag| (*flag).to_owned()).collect());
        let mode = flags.mode().unwrap_or_default();
        RunCommand { job_file: "my job.toml".to_owned(), flags, mode, store: "a.db".into() }
    }

    #[test]
    fn a_store_is_named_unless_a_command_finds_it_without() {
        for (store, variable, expected) in [
            ("nightreel.db", None, ""),
            ("nightreel.db", Some("nightreel.db"), ""),
            ("nightreel.db", Some("other.db"), " --store nightreel.db"),
            ("other.db", Some("other.db"), " --store other.db"),
            ("my store.db", None, " --store 'my store.db'"),
            ("-x.db", None, " --store=-x.db"),
        ] {
            assert_eq!(flag_unless_default(Path::new(store), variable), expected, "{store} {variable:?}");
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
            assert_eq!(command.again(is_complete), format!("{plain} {expected} --store a.db --retry failed"));
        }
    }

    #[test]
    fn what_a_replay_lacks_is_recorded_where_its_recordings_come_from() {
        for (flags, job, simulated, expected) in [
            ([].as_slice(), Mode::Auto, false, ""),
            (&["--mode", "replay", "--limit", "3"], Mode::Auto, false, " --limit 3"),
            (&[], Mode::Replay, false, " --mode auto"),
            (&[], Mode::Record, true, " --mode auto --simulate"),
            (&["--base-url", "http://a/v1"], Mode::Auto, true, " --base-url http://a/v1"),
        ] {
            let told = command(flags).recording(job, simulated).to_string();
            assert_eq!(told, format!("nightreel run 'my job.toml'{expected} --store a.db"));
        }
    }
}
