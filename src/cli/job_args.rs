//! The flags that every command with a job takes, and what they make of the job file.

use std::path::{Path, PathBuf};

use clap::Args;
use nightreel::job::{Job, Override};

use super::exit::Failure;

/// A job file, and the flags that are laid over it.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job file.
    #[arg(value_name = "JOB")]
    pub(crate) job: PathBuf,

    /// Reads the rows from this file instead of the job's; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Asks this model instead of the job's; may be given several times.
    #[arg(long = "model", value_name = "MODEL")]
    pub(crate) models: Vec<String>,

    /// Sets a key of the job file, dotted: --set request.params.temperature=0.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) sets: Vec<String>,

    /// Asks only the first N rows.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// The flags that say how requests are sent.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Sends to this OpenAI-compatible base URL, in any of its forms.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// How many requests may be in flight at once; auto finds out what the server takes.
    #[arg(long, value_name = "N|auto")]
    pub(crate) in_flight: Option<String>,

    /// How many requests may be sent a minute.
    #[arg(long, value_name = "N")]
    pub(crate) rpm: Option<u32>,

    /// How many tokens may be used a minute, of prompts and answers.
    #[arg(long, value_name = "N")]
    pub(crate) tpm: Option<u32>,

    /// What the run may cost, in USD: it stops before it would cost more, to be gone on with.
    #[arg(long, value_name = "USD")]
    pub(crate) budget: Option<f64>,

    /// How long the run may take until it stops, to be gone on with: 90m, 6h.
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<String>,
}

impl JobArgs {
    /// Loads the job with its flags laid over it.
    pub(crate) fn load(&self, send: Option<&SendArgs>) -> Result<Job, Failure> {
        let mut overrides = self.overrides()?;
        overrides.extend(send.map(SendArgs::overrides).unwrap_or_default());
        Job::load(&self.job, &overrides).map_err(Failure::usage)
    }

    fn overrides(&self) -> Result<Vec<Override>, Failure> {
        let sets = self.sets.iter().map(|set| Override::parse_set(set));
        let mut overrides = sets.collect::<Result<Vec<_>, _>>().map_err(Failure::usage)?;
        if !self.models.is_empty() {
            overrides.push(Override::new("request.models", self.models.clone(), "--model"));
        }
        if let Some(input) = &self.input {
            overrides.push(Override::new("input.path", from_here(input)?, "--input"));
        }
        Ok(overrides)
    }
}

impl SendArgs {
    fn overrides(&self) -> Vec<Override> {
        let number =
            |key: &str, value: Option<u32>, flag: &str| value.map(|value| Override::new(key, i64::from(value), flag));
        let base_url = self.base_url.as_ref().map(|url| Override::new("gateway.base_url", url.as_str(), "--base-url"));
        let in_flight = self.in_flight.as_ref().map(|text| match text.parse::<i64>() {
            Ok(number) => Override::new("limits.in_flight", number, "--in-flight"),
            Err(_) => Override::new("limits.in_flight", text.as_str(), "--in-flight"),
        });
        let rpm = number("limits.requests_per_minute", self.rpm, "--rpm");
        let tpm = number("limits.tokens_per_minute", self.tpm, "--tpm");
        let budget = self.budget.map(|budget| Override::new("limits.budget_usd", budget, "--budget"));
        let deadline = self.deadline.as_ref().map(|time| Override::new("timeouts.run", time.as_str(), "--deadline"));
        [base_url, in_flight, rpm, tpm, budget, deadline].into_iter().flatten().collect()
    }
}

/// A path of the command line, which is relative to the working directory, for a job file, whose
/// paths are relative to itself.
fn from_here(path: &Path) -> Result<String, Failure> {
    let path =
        if path.as_os_str() == "-" { path.to_owned() } else { std::path::absolute(path).map_err(Failure::usage)? };
    path.into_os_string()
        .into_string()
        .map_err(|path| Failure::usage(anyhow::anyhow!("the name {} is not UTF-8; rename the file", path.display())))
}
