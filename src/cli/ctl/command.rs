//! `nightreel ctl`.

use anyhow::Error;
use clap::{Args, ValueEnum};
use nightreel::engine::{ControlReply, ControlRequest, RunStatus};
use nightreel::job::LimitSetting;
use nightreel::store::{Access, Store};
use tokio::runtime::Builder;

use super::super::context::print;
use super::super::exit::{Exit, Failure};
use super::super::store_args::StoreArgs;
use super::client::ask;
use super::status_text::{counted_in_flight, status_text};
use super::target::{Target, Wanted};

/// What can be set.
const SETTINGS: &str = "With set: in_flight=N|auto, requests_per_minute=N|none, tokens_per_minute=N|none, \
    budget_usd=X|none";

/// How `ctl` is called.
#[derive(Debug, Args)]
#[command(after_help = "Changes hold until the run ends; the job file is left as it is.\n\
    Exit codes: 0 it is done, 2 the command is wrong or the run refuses it, 3 no such run is going on\n\
    or it does not answer, 5 the store cannot be read.")]
pub(crate) struct CtlArgs {
    /// The job whose run is meant: its name or its file; a run's number and `latest` do too.
    #[arg(value_name = "JOB")]
    job: String,

    /// What to do.
    #[arg(value_enum, default_value_t = Action::Status)]
    action: Action,

    /// The limits, with set.
    #[arg(value_name = "KEY=VALUE", help = SETTINGS)]
    settings: Vec<String>,

    /// Sets limits of this model alone.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Means the rehearsal of the job, where the job itself is run too.
    #[arg(long)]
    simulate: bool,

    /// Prints how the run stands then as a JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    store: StoreArgs,
}

/// What can be done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Shows how it stands.
    Status,
    /// Lets it send nothing more; what is in flight ends.
    Pause,
    /// Lets it send again.
    Resume,
    /// Changes its limits.
    Set,
}

/// Controls a run that goes on.
pub(crate) fn ctl(args: &CtlArgs) -> Result<Exit, Failure> {
    let request = args.request()?;
    let reader = Store::open(&args.store.store, Access::ReadOnly)?.reader()?;
    let wanted = if args.simulate { Wanted::Rehearsal } else { Wanted::Any };
    let target = Target::find(&reader, &args.job, wanted)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::usage)?;
    let asking = ask(&target, request, std::env::var_os("XDG_RUNTIME_DIR"));
    let reply = runtime.block_on(asking).map_err(|error| {
        let error = Error::new(error).context(format!("{:?} cannot be controlled", target.job));
        Failure { exit: Exit::Stopped, error }
    })?;
    let text = match reply {
        ControlReply::Done(status) if args.json => json(&status),
        ControlReply::Done(status) => args.text(&status, target.holder.pid),
        ControlReply::Refused { message } => return Err(Failure::usage(Error::msg(message))),
    };
    print(&text).map_err(Failure::store)?;
    Ok(Exit::Success)
}

impl CtlArgs {
    fn request(&self) -> Result<ControlRequest, Failure> {
        let refuse = |problem: &'static str| Err(Failure::usage(Error::msg(problem)));
        if self.action != Action::Set {
            return match (self.settings.first(), &self.model) {
                (Some(_), _) => refuse("KEY=VALUE goes with set alone: nightreel ctl JOB set KEY=VALUE…"),
                (None, Some(_)) => refuse("--model goes with set alone"),
                (None, None) => Ok(match self.action {
                    Action::Pause => ControlRequest::Pause,
                    Action::Resume => ControlRequest::Resume,
                    Action::Status | Action::Set => ControlRequest::Status,
                }),
            };
        }
        if self.settings.is_empty() {
            return refuse("there is nothing to set; write nightreel ctl JOB set KEY=VALUE…, such as in_flight=8");
        }
        let settings = self.settings.iter().map(|setting| setting.parse::<LimitSetting>());
        let settings = settings.collect::<Result<_, _>>().map_err(Failure::usage)?;
        Ok(ControlRequest::Set { model: self.model.clone(), settings })
    }

    fn text(&self, status: &RunStatus, process: u32) -> String {
        let job = &status.job;
        match self.action {
            Action::Status => status_text(status, process),
            Action::Pause => {
                let in_flight = counted_in_flight(status);
                format!("{job}: paused, {in_flight}; nightreel ctl {} resume lets it go on\n", self.job)
            }
            Action::Resume => format!("{job}: goes on\n"),
            Action::Set => {
                let of = self.model.as_ref().map(|model| format!(" for {model}")).unwrap_or_default();
                format!("{job}: set {}{of}, until this run ends\n", self.settings.join(", "))
            }
        }
    }
}

fn json(status: &RunStatus) -> String {
    let json = serde_json::to_string_pretty(status).expect("plain values are JSON");
    format!("{json}\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Call {
        #[command(flatten)]
        args: CtlArgs,
    }

    fn request(words: &[&str]) -> Result<ControlRequest, String> {
        let call = Call::try_parse_from([&["ctl", "nightly"], words].concat()).map_err(|error| error.to_string())?;
        call.args.request().map_err(|failure| failure.error.to_string())
    }

    #[test]
    fn every_action_asks_for_its_own() {
        let set = |model: Option<&str>, settings: &[&str]| ControlRequest::Set {
            model: model.map(str::to_owned),
            settings: settings.iter().map(|setting| setting.parse().unwrap()).collect(),
        };
        for (words, expected) in [
            (&[][..], ControlRequest::Status),
            (&["status", "--json"], ControlRequest::Status),
            (&["pause"], ControlRequest::Pause),
            (&["resume"], ControlRequest::Resume),
            (&["set", "in_flight=8", "budget_usd=none"], set(None, &["in_flight=8", "budget_usd=none"])),
            (&["set", "--model", "m", "in_flight=auto"], set(Some("m"), &["in_flight=auto"])),
        ] {
            assert_eq!(request(words).unwrap(), expected, "{words:?}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (words, expected) in [
            (&["pause", "in_flight=8"][..], "KEY=VALUE goes with set alone: nightreel ctl JOB set KEY=VALUE…"),
            (&["status", "--model", "m"], "--model goes with set alone"),
            (&["set"], "there is nothing to set; write nightreel ctl JOB set KEY=VALUE…, such as in_flight=8"),
            (&["set", "in_flight=0"], "set: limits.in_flight must be a whole number from 1 to 100000, not 0"),
        ] {
            assert_eq!(request(words).unwrap_err(), expected, "{words:?}");
        }
        assert!(request(&["stop"]).unwrap_err().contains("possible values: status, pause, resume, set"));
    }
}
