//! `runs`: what a store holds.

use std::path::Path;

use clap::Args;
use nightreel::store::{Access, Reader, Run, Store};

use super::context::{complain, print};
use super::count::count;
use super::exit::{Exit, Failure};
use super::local_time::local;
use super::money::spent;
use super::run_facts::{RunFacts, RunJson};
use super::store_args::StoreArgs;
use super::table::{Align, Table};
use super::terminal_text::shortened;

/// How wide a job's name may be.
const NAME: usize = 40;
/// How wide a state may be.
const STATE: usize = 60;

/// Lists the runs of a store, the newest first.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Lists the runs of this job alone.
    #[arg(long, value_name = "NAME")]
    job: Option<String>,

    /// Lists the newest N runs alone.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Prints a JSON array with an object for each run.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    store: StoreArgs,
}

impl RunsArgs {
    /// The store that is read.
    pub(crate) fn store(&self) -> &Path {
        &self.store.store
    }
}

/// Lists the runs.
pub(crate) fn runs(args: &RunsArgs) -> Result<Exit, Failure> {
    let store = Store::open(&args.store.store, Access::ReadOnly)?;
    let reader = store.reader()?;
    let facts = read(&reader, args)?;
    let text = match (args.json, facts.is_empty()) {
        (true, _) => json(&facts),
        (false, true) => {
            complain(&nothing(store.path(), args.job.as_deref()));
            return Ok(Exit::Success);
        }
        (false, false) => table(&facts),
    };
    print(&text).map_err(Failure::store)?;
    Ok(Exit::Success)
}

fn read(reader: &Reader, args: &RunsArgs) -> Result<Vec<RunFacts>, Failure> {
    let wanted = |run: &Run| args.job.as_ref().is_none_or(|job| run.begun.job == *job);
    let newest_first = reader.runs()?.into_iter().rev().filter(wanted);
    let facts = newest_first.take(args.limit.unwrap_or(usize::MAX)).map(|run| RunFacts::read(reader, run));
    Ok(facts.collect::<Result<_, _>>()?)
}

fn nothing(store: &Path, job: Option<&str>) -> String {
    match job {
        Some(job) => format!("{} has no run of a job {job:?}; `nightreel runs` lists those it has", store.display()),
        None => format!("{} has no runs yet; `nightreel run JOB` makes one", store.display()),
    }
}

fn json(facts: &[RunFacts]) -> String {
    let runs: Vec<RunJson<'_>> = facts.iter().map(RunFacts::json).collect();
    let json = serde_json::to_string_pretty(&runs).expect("plain values are JSON");
    format!("{json}\n")
}

fn table(facts: &[RunFacts]) -> String {
    let mut table = Table::new(&[
        ("run", Align::Right),
        ("job", Align::Left),
        ("mode", Align::Left),
        ("started", Align::Left),
        ("items", Align::Right),
        ("ok", Align::Right),
        ("failed", Align::Right),
        ("cost", Align::Right),
        ("state", Align::Left),
    ]);
    for facts in facts {
        table.row(cells(facts));
    }
    table.render("")
}

fn cells(facts: &RunFacts) -> [String; 9] {
    let (begun, totals) = (&facts.run.begun, &facts.totals);
    let simulated = if begun.simulated { " (simulated)" } else { "" };
    [
        facts.run.id.to_string(),
        shortened(&begun.job, NAME),
        shortened(&begun.mode, NAME),
        local(begun.started_at_ms),
        format!("{}/{}", count(totals.settled()), count(begun.item_count)),
        count(facts.succeeded()),
        count(facts.failed()),
        spent(totals.cost_usd(), totals.may_cost_more()),
        format!("{}{simulated}", shortened(&facts.state.to_string(), STATE)),
    ]
}

#[cfg(test)]
mod tests {
    use nightreel::model::{Class, Outcome, Success};
    use nightreel::store::{LaneTotals, NewRun, RunId, Totals};

    use super::super::run_state::RunState;
    use super::*;

    fn facts() -> RunFacts {
        let begun = NewRun {
            job: "truthful\u{1b}".to_owned(),
            job_file: "jobs/truthful.toml".to_owned(),
            job_identity: "{}".to_owned(),
            job_description: "{}".to_owned(),
            input: "q.csv".to_owned(),
            input_hash: [0; 32],
            mode: "auto".to_owned(),
            simulated: true,
            continues: None,
            row_count: 817,
            item_count: 1634,
            started_at_ms: 0,
        };
        let run = Run { id: RunId(3), begun, ended_at_ms: None, ended: None, version: "0.1.0".to_owned() };
        let outcomes = vec![(Outcome::Ok, 1200), (Outcome::Failed(Class::Rejected), 34)];
        let lane = LaneTotals { outcomes, cost_usd: 0.5, unknown_costs: 1, ..LaneTotals::default() };
        let totals = Totals { lanes: vec![lane], ..Totals::default() };
        RunFacts { run, state: RunState::Killed, totals, success: Success::default() }
    }

    #[test]
    fn a_run_is_a_line_with_its_sums() {
        let cells = cells(&facts());
        assert_eq!(cells[..3], ["3", "truthful\\u{1b}", "auto"]);
        assert_eq!(cells[4..], ["1,234/1,634", "1,200", "34", "≥ $0.500", "killed (simulated)"]);
    }

    #[test]
    fn a_program_reads_every_run_as_an_object() {
        let json: serde_json::Value = serde_json::from_str(&json(&[facts()])).unwrap();
        assert_eq!((&json[0]["run"], &json[0]["state"]), (&3.into(), &"killed".into()));
        assert_eq!((&json[0]["failed"], &json[0]["started_at"]), (&34.into(), &"1970-01-01T00:00:00.000Z".into()));
    }

    #[test]
    fn a_store_without_runs_says_so() {
        assert_eq!(nothing(Path::new("a.db"), None), "a.db has no runs yet; `nightreel run JOB` makes one");
        assert!(nothing(Path::new("a.db"), Some("x")).contains("no run of a job \"x\""));
    }
}
