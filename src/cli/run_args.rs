//! The flags of `run`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use nightreel::engine::{Output, ResultFormat};
use nightreel::model::Mode;
use nightreel::simulate::{Faults, Latency, NanoUsd, Options, ReplyTokens};

use super::job_args::{JobArgs, SendArgs};
use super::progress::ProgressKind;
use super::store_args::StoreArgs;

/// How `run` is called.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) send: SendArgs,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) results: ResultArgs,

    /// auto replays what is recorded and sends the rest; record sends everything again; replay
    /// never sends. Default: the job's, else auto.
    #[arg(long, value_name = "auto|record|replay")]
    pub(crate) mode: Option<Mode>,

    /// Takes prices from this file, TOML or OpenRouter's JSON, instead of the job's: they count for
    /// answers that do not say what they cost.
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,

    /// Asks items again that failed before.
    #[arg(long, value_name = "WHAT")]
    pub(crate) retry: Option<RetryWhat>,

    /// Begins a new run, even where the last one could go on.
    #[arg(long)]
    pub(crate) new: bool,

    #[command(flatten)]
    pub(crate) simulate: SimulateRunArgs,

    #[command(flatten)]
    pub(crate) display: DisplayArgs,

    /// How long answers that are under way are waited for after the first Ctrl-C, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) drain: u64,
}

/// Which items are asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryWhat {
    /// Those that did not end well.
    Failed,
}

/// Where results go.
#[derive(Debug, Args)]
pub(crate) struct ResultArgs {
    /// Writes the results to this file when the run is complete; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The format of the results. Default: csv for a .csv file, else jsonl.
    #[arg(long, value_name = "jsonl|csv|openai-batch", requires = "output")]
    pub(crate) format: Option<ResultFormat>,

    /// Looks into this store or directory of texts too, and writes nothing there; may be given several times.
    #[arg(long = "fixture", value_name = "PATH")]
    pub(crate) fixtures: Vec<PathBuf>,
}

/// What is shown while it runs.
#[derive(Debug, Args)]
pub(crate) struct DisplayArgs {
    /// How progress is shown, on standard error.
    #[arg(long, value_enum, default_value_t = ProgressKind::Auto)]
    pub(crate) progress: ProgressKind,

    /// Shows warnings and errors alone.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// A rehearsal against the simulated gateway.
#[derive(Debug, Args)]
pub(crate) struct SimulateRunArgs {
    /// Rehearses the run against a simulated gateway in this process: real requests to a loopback
    /// port, no keys, no cost. Its recordings never stand in for real ones.
    #[arg(long, conflicts_with = "base_url")]
    pub(crate) simulate: bool,

    /// How long the simulated gateway takes: 50ms, or 50ms..200ms.
    #[arg(long, value_name = "TIME", requires = "simulate")]
    pub(crate) simulate_latency: Option<Latency>,

    /// Which faults the simulated gateway has: `rate_limited=0.1,reset=0.03`.
    #[arg(long, value_name = "SHARES", requires = "simulate")]
    pub(crate) simulate_faults: Option<Faults>,

    /// The seed of the simulated answers.
    #[arg(long, value_name = "N", requires = "simulate")]
    pub(crate) simulate_seed: Option<u64>,

    /// How many requests a minute the simulated gateway takes; it answers more with 429.
    #[arg(long, value_name = "N", requires = "simulate")]
    pub(crate) simulate_rpm: Option<u32>,

    /// How many tokens a minute the simulated gateway takes; it answers more with 429.
    #[arg(long, value_name = "N", requires = "simulate")]
    pub(crate) simulate_tpm: Option<u32>,

    /// How many tokens the simulated answers have: 500, or a range as 10..2000.
    #[arg(long, value_name = "N|MIN..MAX", requires = "simulate")]
    pub(crate) simulate_reply_tokens: Option<ReplyTokens>,

    /// What each simulated answer says that it costs; by default its tokens have prices.
    #[arg(long, value_name = "USD", requires = "simulate")]
    pub(crate) simulate_cost_usd: Option<NanoUsd>,
}

impl SimulateRunArgs {
    /// What the simulated gateway is told to be like.
    pub(crate) fn options(&self) -> Options {
        let defaults = Options::default();
        Options {
            seed: self.simulate_seed.unwrap_or(defaults.seed),
            latency: self.simulate_latency.unwrap_or(defaults.latency),
            faults: self.simulate_faults.unwrap_or(defaults.faults),
            requests_per_minute: self.simulate_rpm,
            tokens_per_minute: self.simulate_tpm,
            reply_tokens: self.simulate_reply_tokens,
            cost_usd: self.simulate_cost_usd,
            ..defaults
        }
    }
}

impl ResultArgs {
    /// Where the results go, and in which format; `None` where nobody asked for them.
    pub(crate) fn target(&self) -> Option<(Output, ResultFormat)> {
        let path = self.output.as_deref()?;
        let format = self.format.unwrap_or_else(|| ResultFormat::of_path(path));
        Some((Output::of_path(path), format))
    }

    /// The fixtures: those of the command line, then the job's.
    pub(crate) fn fixtures<'a>(&'a self, job: Option<&'a Path>) -> impl Iterator<Item = &'a Path> {
        self.fixtures.iter().map(PathBuf::as_path).chain(job)
    }
}

impl RunArgs {
    /// How long answers that are under way are waited for.
    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }
}
