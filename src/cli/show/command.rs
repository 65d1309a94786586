//! The command.

use std::path::Path;

use clap::{ArgGroup, Args};
use nightreel::engine::WhoAnswered;
use nightreel::store::{Access, FailureGroup, LimitChange, Reader, Run, Store};

use super::super::context::print;
use super::super::exit::{Exit, Failure};
use super::super::run_facts::RunFacts;
use super::super::run_name::find_run;
use super::super::store_args::StoreArgs;
use super::chosen::{ItemArgs, candidates, choose};
use super::item::Item;
use super::raw::{Part, write_raw};
use super::refused::Refused;
use super::{item_json, item_text, refused, run_json, run_text};

/// What `--help` says behind the flags.
const HELP: &str = "Without an item: the run, its sums, and what failed, grouped by cause.
With an item: its row, and each exchange with its request and every attempt. For example:
  nightreel show latest
  nightreel show truthful q17 --model openai/gpt-5-mini
  nightreel show 3 --position 34 --raw response > body.json";

/// Shows a run, or an item with its attempts and bodies.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
#[command(group = ArgGroup::new("which").args(["item", "position"]))]
pub(crate) struct ShowArgs {
    /// The run: its number, `latest`, or a job's name for its latest run.
    #[arg(value_name = "RUN")]
    run: String,

    #[command(flatten)]
    item: ItemArgs,

    /// Writes the exact bytes of a body, and nothing else: of the attempt that settled the item.
    #[arg(long, value_name = "PART", requires = "which", conflicts_with = "json")]
    raw: Option<Part>,

    /// Shows this exchange alone, from 0: the turn of a conversation; --raw takes the last one.
    #[arg(long, value_name = "N", requires = "which")]
    step: Option<u8>,

    /// Shows this attempt of each exchange alone, from 1, as they are listed.
    #[arg(long, value_name = "N", requires = "which", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    store: StoreArgs,
}

impl ShowArgs {
    /// The store that is read.
    pub(crate) fn store(&self) -> &Path {
        &self.store.store
    }
}

/// All that is shown of a run.
pub(super) struct RunView {
    pub(super) facts: RunFacts,
    pub(super) failures: Vec<FailureGroup>,
    pub(super) refused: Vec<Refused>,
    pub(super) changes: Vec<LimitChange>,
    pub(super) who_answered: WhoAnswered,
}

/// Which exchanges and attempts of an item are shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Only {
    /// The exchange at this step, from 0.
    pub(super) step: Option<u8>,
    /// The attempt of each exchange, from 1.
    pub(super) attempt: Option<u32>,
}

/// Shows a run or an item.
pub(crate) fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let store = Store::open(&args.store.store, Access::ReadOnly)?;
    let mut reader = store.reader()?;
    let run = find_run(&reader, &args.run)?;
    let text = if args.item.is_given() { item(&mut reader, &run, args)? } else { run_view(&mut reader, run, args)? };
    print(&text).map_err(Failure::store)?;
    Ok(Exit::Success)
}

fn run_view(reader: &mut Reader, run: Run, args: &ShowArgs) -> Result<String, Failure> {
    let who_answered = WhoAnswered::read(reader, run.id)?;
    let facts = RunFacts::read(reader, run)?;
    let mut failures = reader.failures(facts.run.id, facts.success)?;
    // What was imported has no reason in the store: that of the example is told.
    for group in failures.iter_mut().filter(|group| group.error.is_none()) {
        group.error = Item::read(reader, group.example)?.view.and_then(|view| view.error);
    }
    let changes = reader.limit_changes(facts.run.id)?;
    let refused = refused::read(reader, &facts.run)?;
    let view = RunView { facts, failures, refused, changes, who_answered };
    if args.json {
        return Ok(run_json::json(&view, &args.store.store));
    }
    Ok(run_text::text(&view, &args.store.store))
}

/// The text of an item, or of a choice; what is raw is written at once.
fn item(reader: &mut Reader, run: &Run, args: &ShowArgs) -> Result<String, Failure> {
    let only = Only { step: args.step, attempt: args.attempt };
    let items = choose(reader, run, &args.item)?;
    if args.json {
        return Ok(item_json::json(run, &items, only));
    }
    let [item] = items.as_slice() else {
        let list = candidates(run, &items, &args.item);
        return if args.raw.is_some() { Err(Failure::usage(anyhow::Error::msg(list))) } else { Ok(list) };
    };
    if let Some(part) = args.raw {
        write_raw(item, part, only)?;
        return Ok(String::new());
    }
    Ok(item_text::text(run, item, only))
}
