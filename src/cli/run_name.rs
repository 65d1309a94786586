//! How a command names a run.

use std::path::Path;

use anyhow::anyhow;
use nightreel::store::{Reader, Run, RunId, StoreError};

use super::exit::Failure;
use super::terminal_text::shortened;

/// The word for the newest run of a store.
const LATEST: &str = "latest";
/// How many jobs a message names.
const JOBS_NAMED: usize = 10;

/// The run that a number, `latest`, a job's name or a job's file stands for.
pub(crate) fn find_run(reader: &Reader, name: &str) -> Result<Run, Failure> {
    if let Ok(number) = name.parse::<u32>() {
        return reader.run(RunId(number)).map_err(|error| match error {
            StoreError::NoRun(number) => {
                Failure::usage(anyhow!("the store has no run {number}; `nightreel runs` lists those it has"))
            }
            error => error.into(),
        });
    }
    let mut runs = reader.runs()?;
    let newest = runs.iter().rposition(|run| name == LATEST || is_of(run, name));
    newest.map(|index| runs.swap_remove(index)).ok_or_else(|| unknown(&runs, name))
}

/// Whether a run is of the job that a name or a file stands for.
fn is_of(run: &Run, name: &str) -> bool {
    run.begun.job == name || (is_job_file(name) && Path::new(&run.begun.job_file) == Path::new(name))
}

fn is_job_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

fn unknown(runs: &[Run], name: &str) -> Failure {
    let mut jobs: Vec<&str> = runs.iter().rev().map(|run| run.begun.job.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    jobs.retain(|job| seen.insert(*job));
    if jobs.is_empty() {
        return Failure::usage(anyhow!("the store has no runs yet; `nightreel run JOB` makes one"));
    }
    let shown: Vec<String> = jobs.iter().take(JOBS_NAMED).map(|job| shortened(job, 60)).collect();
    let more = if jobs.len() > shown.len() { ", …" } else { "" };
    Failure::usage(anyhow!(
        "the store has no run of a job {:?}; it has runs of {}{more}; a number or \"{LATEST}\" names a run too",
        name,
        shown.join(", ")
    ))
}
