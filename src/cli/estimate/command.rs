//! The command.

use std::path::{Path, PathBuf};

use clap::Args;
use nightreel::price::Prices;
use nightreel::store::{Access, Store, StoreError};

use super::super::context::print;
use super::super::exit::{Exit, Failure};
use super::super::job_args::JobArgs;
use super::super::plan::Plan;
use super::super::store_args::StoreArgs;
use super::asked::AskedByModel;
use super::forecast::Forecast;
use super::lesson::Lesson;
use super::recorded::Recorded;
use super::{estimate_json, estimate_text};

/// What `--help` says behind the flags.
const HELP: &str = "Answers cost nothing at least, and max_tokens at most; earlier real runs in the store say what is \
likely. What is repeated after a failure is not in it.

A price table is a TOML file with a table for each model:
  [\"openai/gpt-5-mini\"]
  prompt_usd_per_million = 0.25
  completion_usd_per_million = 2.0
  request_usd = 0.0                 (may be left out)
A .json file is OpenRouter's list: curl https://openrouter.ai/api/v1/models > prices.json";

/// Says how many requests, tokens and dollars a job would take; nothing is sent.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct EstimateArgs {
    #[command(flatten)]
    job: JobArgs,

    /// Takes prices from this file, TOML or OpenRouter's JSON, instead of the job's.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    #[command(flatten)]
    store: StoreArgs,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// All that is estimated.
#[derive(Debug)]
pub(super) struct Estimate {
    /// The job file.
    pub(super) job_file: String,
    /// The job's name.
    pub(super) job: String,
    /// Rows that would be asked.
    pub(super) rows: u64,
    /// Rows × models × samples.
    pub(super) items: u64,
    /// What is asked of each model.
    pub(super) lanes: Vec<Lane>,
    /// What of it is recorded already.
    pub(super) recorded: Recorded,
    /// What a person should know beside the numbers.
    pub(super) notes: Vec<String>,
}

/// What would be asked of one model.
#[derive(Debug)]
pub(super) struct Lane {
    /// The model.
    pub(super) model: String,
    /// Requests.
    pub(super) requests: u64,
    /// What they would take.
    pub(super) forecast: Forecast,
}

/// Estimates a job.
pub(crate) fn estimate(args: &EstimateArgs) -> Result<Exit, Failure> {
    let job = args.job.load(None)?;
    let prices_path = args.prices.clone().or_else(|| job.prices.clone());
    let prices = prices_path.as_deref().map(Prices::load).transpose().map_err(Failure::usage)?;
    let plan = Plan::open(job)?;
    let estimate = read(args, &plan, prices.as_ref())?;
    let text = if args.json { estimate_json::json(&estimate) } else { estimate_text::text(&estimate) };
    print(&text).map_err(Failure::store)?;
    Ok(Exit::Success)
}

fn read(args: &EstimateArgs, plan: &Plan, prices: Option<&Prices>) -> Result<Estimate, Failure> {
    let checked = plan.check(&args.job, |_| true)?;
    let asked = AskedByModel::measure(plan, checked.rows)?;
    let mut reader = open(&args.store.store)?.map(|store| store.reader()).transpose()?;
    let mut notes = Vec::new();
    let mut lanes = Vec::with_capacity(asked.len());
    let (mut attachments, mut carried) = (0, 0);
    for (model, asked) in asked {
        let lesson = match &mut reader {
            Some(reader) => Lesson::read(reader, &plan.job.name, &model)?,
            None => Lesson::default(),
        };
        let price = prices.and_then(|prices| prices.of(&model));
        let forecast = Forecast::new(&asked, &lesson, price);
        notes.extend(price.and_then(|price| estimate_text::underpriced(&model, &lesson, &price)));
        notes.extend(estimate_text::unpriced(&model, &forecast, prices));
        (attachments, carried) = (attachments + asked.attachments, carried + asked.carried);
        lanes.push(Lane { model: model.to_string(), requests: asked.requests, forecast });
    }
    let recorded = match &reader {
        Some(reader) => Recorded::read(reader, plan, &checked)?,
        None => Recorded::Nothing,
    };
    notes.extend(estimate_text::left_out(attachments, carried));
    notes.extend(recorded.note());
    let (job_file, job) = (plan.job.path.display().to_string(), plan.job.name.clone());
    Ok(Estimate { job_file, job, rows: checked.rows, items: checked.items, lanes, recorded, notes })
}

/// The store to learn from, where there is one.
fn open(path: &Path) -> Result<Option<Store>, Failure> {
    match Store::open(path, Access::ReadOnly) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
