//! `nightreel replay`: `run --mode replay`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use clap::Args;
use nightreel::engine::{
    Event, Monitor, Output, ReplayOptions, Replayed, ResultColumns, ResultWriter, RunBegun, replay,
};
use nightreel::model::{Mode, Outcome, Success};
use nightreel::record::{Recall, Source};
use nightreel::store::{Run, StoreError};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::exit::{Exit, Failure};
use super::fixture_store::{FixtureStore, families};
use super::given_flags::GivenFlags;
use super::job_args::JobArgs;
use super::plan::Plan;
use super::progress::{Progress, Terminal};
use super::replay_summary::ReplaySummary;
use super::results::{STORE, check_target};
use super::run_args::{DisplayArgs, ResultArgs};
use super::run_command::RunCommand;
use super::store_args::StoreArgs;

/// How `replay` is called.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) results: ResultArgs,

    #[command(flatten)]
    pub(crate) display: DisplayArgs,
}

/// How a replay is called, as `replay` or as `run --mode replay`.
pub(crate) struct ReplayCall<'a> {
    pub(crate) job: &'a JobArgs,
    pub(crate) results: &'a ResultArgs,
    pub(crate) store: &'a StoreArgs,
    pub(crate) display: &'a DisplayArgs,
    pub(crate) flags: &'a GivenFlags,
}

/// Answers a job from recordings alone.
pub(crate) fn replay_command(args: &ReplayArgs, flags: &GivenFlags) -> Result<Exit, Failure> {
    let plan = Plan::open(args.job.load(None)?)?;
    let ReplayArgs { job, store, results, display } = args;
    replay_plan(&plan, &ReplayCall { job, results, store, display, flags })
}

/// Answers a plan from recordings alone. No runtime is started and no socket is opened.
pub(crate) fn replay_plan(plan: &Plan, call: &ReplayCall<'_>) -> Result<Exit, Failure> {
    let ReplayCall { job, results, store, display, flags } = call;
    let sources = Sources::find(plan, results, store)?;
    check_target(results, plan, &[(STORE, &store.store)])?;
    let progress = Progress::start(display.progress, display.quiet, &Terminal::capture());
    let replayed = carry_out(plan, job, results, &sources, &mut progress.monitor());
    let (replayed, written) = replayed?;
    let (simulated, recorded) = (sources.simulated()?, sources.recorded()?);
    let record = RunCommand::of_call(plan, flags, &store.store);
    let record = record.recording(plan.job.record.mode, simulated, recorded.as_ref().map(|run| &run.begun));
    let summary = ReplaySummary { plan, replayed: &replayed, written, simulated, record };
    progress.conclude(summary.said(display.quiet).as_deref());
    Ok(exit(&replayed, plan.job.success))
}

fn carry_out(
    plan: &Plan,
    job: &JobArgs,
    results: &ResultArgs,
    sources: &Sources,
    monitor: &mut dyn Monitor,
) -> Result<(Replayed, Option<Output>), Failure> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one ends the process as it would without us.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stopped))?;
        signal_hook::flag::register(signal, Arc::clone(&stopped))?;
    }
    let is_stopped = || stopped.load(Ordering::Relaxed);
    let checked = plan.check(job, |rows| {
        monitor.on(&Event::Checking { rows });
        !is_stopped()
    })?;
    monitor.on(&Event::Begun(&RunBegun {
        run: None,
        job: plan.job.name.clone(),
        mode: Mode::Replay,
        simulated: false,
        rows: checked.rows,
        items: checked.items,
        models: plan.job.request.models.clone(),
        settled_before: 0,
        resumed: false,
        success: plan.job.success,
        changed: None,
    }));
    let target = results.target();
    let writer = target.as_ref().map(|(output, format)| {
        let columns = ResultColumns { input: checked.columns.clone(), streams: checked.streams };
        let writer = ResultWriter::create(output, *format, columns, checked.items / checked.rows);
        writer.map(|writer| (output.clone(), writer)).map_err(|error| cannot_write(output, error))
    });
    let options = ReplayOptions {
        input: plan.input.clone(),
        prompt: Arc::clone(&plan.prompt),
        redactor: Arc::clone(&plan.redactor),
        rows: checked.rows,
        threads: available_parallelism().map_or(1, NonZeroUsize::get),
    };
    let replayed = replay(options, || sources.recall(), writer.transpose()?, monitor, &is_stopped);
    Ok((replayed.map_err(Failure::from)?, target.map(|(output, _)| output)))
}

pub(crate) fn cannot_write(output: &Output, error: std::io::Error) -> Failure {
    nightreel::engine::ExportError::output(output, error).into()
}

/// How a replay ends.
fn exit(replayed: &Replayed, success: Success) -> Exit {
    if replayed.stopped {
        Exit::Stopped
    } else if replayed.count(Outcome::NotRecorded) > 0 {
        Exit::NotRecorded
    } else if replayed.succeeded(success) < replayed.items {
        Exit::ItemsFailed
    } else {
        Exit::Success
    }
}

/// The stores that a replay looks into.
struct Sources {
    job: String,
    /// The store, where there is one.
    own: Option<PathBuf>,
    fixtures: Vec<FixtureStore>,
}

impl Sources {
    /// The store where there is one, then the fixtures.
    fn find(plan: &Plan, results: &ResultArgs, store: &StoreArgs) -> Result<Self, Failure> {
        let fixtures = results.fixtures(plan.job.record.fixture.as_deref()).map(FixtureStore::of);
        let fixtures: Vec<_> = fixtures.collect::<Result<_, _>>()?;
        let own = Some(store.store.clone()).filter(|path| path.exists() || fixtures.is_empty());
        let sources = Self { job: plan.job.name.clone(), own, fixtures };
        // What cannot be read is found here, before every row is.
        sources.open()?;
        Ok(sources)
    }

    fn open(&self) -> Result<Vec<Source>, StoreError> {
        self.paths().map(|path| Source::open(path, &self.job, Mode::Replay, true)).collect()
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.own.as_deref().into_iter().chain(self.fixtures.iter().map(FixtureStore::file))
    }

    fn recall(&self) -> Result<Recall, StoreError> {
        Recall::new(self.open()?)
    }

    /// The run whose recordings come first.
    fn recorded(&self) -> Result<Option<Run>, StoreError> {
        for source in self.open()? {
            if let Some(run) = source.preferred_run()? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// Whether the recordings that come first were made with the simulated gateway.
    fn simulated(&self) -> Result<bool, StoreError> {
        if let Some(run) = self.recorded()? {
            return Ok(run.begun.simulated);
        }
        // A fixture's runs are of no job.
        let families = self.paths().map(families).collect::<Result<Vec<_>, _>>()?;
        Ok(families.into_iter().find(|family| *family != (false, false)) == Some((true, false)))
    }
}
