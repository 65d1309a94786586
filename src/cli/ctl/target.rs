//! Which run is meant, and which process has it.

use std::path::Path;

use anyhow::anyhow;
use nightreel::clock::now_ms;
use nightreel::job::Job;
use nightreel::store::{Holder, Reader, StoreError};

use super::super::exit::{Exit, Failure};
use super::super::run_name::find_run;

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Target {
    /// The job's name.
    pub(super) job: String,
    /// Whether it is a rehearsal.
    pub(super) simulated: bool,
    /// The process that has it.
    pub(super) holder: Holder,
}

/// Which runs of a job are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The run, else the rehearsal.
    Any,
    /// The rehearsal.
    Rehearsal,
}

impl Wanted {
    const fn simulated(self) -> &'static [bool] {
        match self {
            Self::Any => &[false, true],
            Self::Rehearsal => &[true],
        }
    }
}

impl Target {
    /// The run that a job's name or file, a run's number or `latest` stands for.
    ///
    /// # Errors
    /// Fails if no such run goes on, or not on this machine.
    pub(super) fn find(reader: &Reader, name: &str, wanted: Wanted) -> Result<Self, Failure> {
        for job in [job_of_file(name), Some(name.to_owned())].into_iter().flatten() {
            if let Some(target) = running(reader, &job, wanted)? {
                return target.here();
            }
        }
        let run = find_run(reader, name).map_err(|failure| Failure { exit: not_running(failure.exit), ..failure })?;
        let job = run.begun.job;
        match running(reader, &job, wanted)? {
            Some(target) => target.here(),
            None => Err(Failure { exit: Exit::Stopped, error: anyhow!("no run of {job:?} is going on") }),
        }
    }

    fn here(self) -> Result<Self, Failure> {
        if self.holder.is_here() {
            return Ok(self);
        }
        let Self { job, holder, .. } = self;
        let error =
            anyhow!("{job:?} is run by {holder}: nightreel ctl reaches it from that machine or container alone");
        Err(Failure { exit: Exit::Stopped, error })
    }
}

/// A run that is not there does not go on.
const fn not_running(exit: Exit) -> Exit {
    match exit {
        Exit::Usage => Exit::Stopped,
        other => other,
    }
}

/// The name of the job in a file, where there is one: runs may have begun under another path.
fn job_of_file(name: &str) -> Option<String> {
    let path = Path::new(name);
    path.is_file().then(|| Job::load(path, &[]).ok().map(|job| job.name))?
}

fn running(reader: &Reader, job: &str, wanted: Wanted) -> Result<Option<Target>, StoreError> {
    for simulated in wanted.simulated() {
        if let Some(holder) = reader.holder(job, *simulated, now_ms())? {
            return Ok(Some(Target { job: job.to_owned(), simulated: *simulated, holder }));
        }
    }
    Ok(None)
}
