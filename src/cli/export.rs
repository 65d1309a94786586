//! `export`: the results of a run, or its exchanges, from the store.

use std::path::{Path, PathBuf};

use clap::Args;
use nightreel::engine::{self, Output};
use nightreel::store::{Access, Reader, Run, Store};

use super::context::complain;
use super::count::counted;
use super::exchange_file::write_exchanges;
use super::exit::{Exit, Failure};
use super::export_format::{ExchangeFormat, ExportFormat};
use super::results;
use super::run_name::find_run;
use super::run_state::RunState;
use super::store_args::StoreArgs;

/// What `--help` says behind the flags.
const HELP: &str =
    "The items that are settled are written, in input order, at any time. A file appears when it is whole.

jsonl, csv and openai-batch are results: a line an item. The other formats are the exchanges themselves, what \
     was asked and what came back: exchanges are JSON lines without loss, which `nightreel import` takes back as \
     they were; har is HTTP Archive 1.2; openai-batch-input and openai-batch-output are the two files of a batch. Of an item that was \
     tried several times they have the attempt that settled it; the store keeps the earlier ones.";

/// Writes the results of a run, or its exchanges.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct ExportArgs {
    /// The run: its number, `latest`, or a job's name for its latest run.
    #[arg(value_name = "RUN")]
    run: String,

    /// Writes the results to this file; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// The format: jsonl, csv, openai-batch, exchanges, har, openai-batch-input or
    /// openai-batch-output; by default what the file's name says, else jsonl.
    #[arg(long, value_name = "FORMAT")]
    format: Option<ExportFormat>,

    #[command(flatten)]
    store: StoreArgs,
}

impl ExportArgs {
    /// The store that is read.
    pub(crate) fn store(&self) -> &Path {
        &self.store.store
    }
}

/// Writes the results.
pub(crate) fn export(args: &ExportArgs) -> Result<Exit, Failure> {
    let store = Store::open(&args.store.store, Access::ReadOnly)?;
    let mut reader = store.reader()?;
    let run = find_run(&reader, &args.run)?;
    let output = Output::of_path(&args.output);
    results::check_place(&output, &sources(&store, &run))?;
    if run.begun.simulated {
        let run = run.id;
        complain(&format!("warning: the answers of run {run} are simulated: a rehearsal made them, and no model"));
    }
    let format = match args.format.unwrap_or_else(|| ExportFormat::of_path(&args.output)) {
        ExportFormat::Results(format) => format,
        ExportFormat::Exchanges(format) => return exchanges(args, &mut reader, &run, (&output, format)),
    };
    let lines = engine::export(&mut reader, run.id, &output, format)?;
    let to = if output == Output::Stdout { String::new() } else { format!(" to {}", args.output.display()) };
    complain(&format!("wrote {} of run {}{to}", counted(lines, "item"), run.id));
    let missing = run.begun.item_count.saturating_sub(lines);
    if missing > 0 {
        let state = RunState::read(&reader, &run)?;
        complain(&format!("run {} is {state}: {} not settled and not in it", run.id, are_missing(missing)));
    }
    Ok(Exit::Success)
}

/// What the results come from: the store, and what made the run, where that is known.
fn sources<'a>(store: &'a Store, run: &'a Run) -> Vec<(&'static str, &'a Path)> {
    let of_run = [("the job file", &run.begun.job_file), ("the input", &run.begun.input)];
    let of_run = of_run.into_iter().filter(|(_, path)| !path.is_empty());
    let of_run = of_run.map(|(what, path)| (what, Path::new(path)));
    std::iter::once((results::STORE, store.path())).chain(of_run).collect()
}

/// Writes the exchanges.
fn exchanges(
    args: &ExportArgs,
    reader: &mut Reader,
    run: &Run,
    (output, format): (&Output, ExchangeFormat),
) -> Result<Exit, Failure> {
    let wrote = write_exchanges(reader, run.id, output, format)?;
    let to = if *output == Output::Stdout { String::new() } else { format!(" to {}", args.output.display()) };
    complain(&format!("wrote {} of run {}{to}", counted(wrote.written, "exchange"), run.id));
    if wrote.left_out > 0 {
        complain(&format!("left out {}, which the format has no place for", counted(wrote.left_out, "exchange")));
    }
    let earlier = reader.unsettling_attempts(run.id)?;
    if earlier > 0 {
        complain(&format!("{} not written: an exchange is what settled it", are_earlier(earlier)));
    }
    Ok(Exit::Success)
}

fn are_earlier(earlier: u64) -> String {
    let verb = if earlier == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(earlier, "earlier attempt"))
}

fn are_missing(missing: u64) -> String {
    let verb = if missing == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(missing, "item"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_items_are_counted_in_english() {
        assert_eq!(
            (are_earlier(1), are_earlier(2)),
            ("1 earlier attempt is".to_owned(), "2 earlier attempts are".to_owned())
        );
        assert_eq!((are_missing(1), are_missing(1_234)), ("1 item is".to_owned(), "1,234 items are".to_owned()));
    }
}
