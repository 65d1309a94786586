//! `nightreel run`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use nightreel::clock::now_ms;
use nightreel::engine::{
    self, AdmissionOptions, Begin, Checked, Control, Ended, Event, Gate, LaneOptions, Monitor, RetryPolicy, RunBegun,
    RunOptions, Stop, StopReason, decide_begin, export,
};
use nightreel::gateway::Gateway;
use nightreel::job::{Call, InFlight, Job, LaneLimits};
use nightreel::model::Mode;
use nightreel::price::Prices;
use nightreel::record::Source;
use nightreel::simulate::Simulator;
use nightreel::store::{Access, Lease, Lost, NewRun, RunId, Store};
use tokio::runtime::{Builder, Runtime};

use super::context::env;
use super::credential_text::without_credentials;
use super::ctl::Listener;
use super::exit::{Exit, Failure};
use super::fixture_store::{FixtureStore, families, simulated_unused};
use super::gateway;
use super::given_flags::GivenFlags;
use super::listen::ready_loopback;
use super::money::told_lost;
use super::plan::Plan;
use super::progress::{Progress, Terminal};
use super::replay::{ReplayCall, replay_plan};
use super::results::{STORE, check_target};
use super::run_args::{RunArgs, SimulateRunArgs};
use super::run_command::RunCommand;
use super::signals;
use super::summary::Summary;

/// Runs a job.
pub(crate) fn run(args: &RunArgs, flags: &GivenFlags) -> Result<Exit, Failure> {
    let job = args.job.load(Some(&args.send))?;
    let mode = args.mode.unwrap_or(job.record.mode);
    if mode == Mode::Replay {
        let plan = Plan::open(job)?;
        let call =
            ReplayCall { job: &args.job, results: &args.results, store: &args.store, display: &args.display, flags };
        return replay_plan(&plan, &call);
    }
    let plan = Plan::open(job)?;
    let prices = args.prices.as_deref().or(plan.job.prices.as_deref());
    let prices = prices.map(Prices::load).transpose().map_err(Failure::usage)?.map(Arc::new);
    // One thread carries all requests: it spends its time in the network, and waking another one
    // would cost more than it brings. Reading and writing have threads of their own.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::usage)?;
    let stop = Stop::default();
    signals::listen(stop.clone()).map_err(Failure::usage)?;
    let progress = Progress::start(args.display.progress, args.display.quiet, &Terminal::capture());
    let ended = Session { args, flags, plan: &plan, mode, prices, progress: &progress, stop }.run(&runtime);
    // What still waits for a server's answer is not worth waiting for.
    runtime.shutdown_background();
    let summary = ended?;
    progress.conclude(summary.said(args.display.quiet).as_deref());
    Ok(summary.exit())
}

/// One call of `run`: from the check to the results.
struct Session<'a> {
    args: &'a RunArgs,
    flags: &'a GivenFlags,
    plan: &'a Plan,
    mode: Mode,
    prices: Option<Arc<Prices>>,
    progress: &'a Progress,
    stop: Stop,
}

/// What a session works on.
struct Begun {
    run: RunId,
    lease: Lease,
    store: Store,
    checked: Checked,
    resumed: bool,
    continues: Option<RunId>,
    nothing_left: bool,
    sent_before: u64,
    told: RunBegun,
}

impl Session<'_> {
    fn run(&self, runtime: &Runtime) -> Result<Summary, Failure> {
        let prices = self.args.prices.as_deref().or(self.plan.job.prices.as_deref());
        let mut read = vec![(STORE, self.args.store.store.as_path())];
        read.extend(prices.map(|prices| ("the price table", prices)));
        check_target(&self.args.results, self.plan, &read)?;
        let mut monitor = self.progress.monitor();
        let checked = self.plan.check(&self.args.job, |rows| {
            monitor.on(&Event::Checking { rows });
            !self.stop.is_draining()
        })?;
        // Before anything is written, and until the run has ended: they may be made of texts.
        let fixtures = self.fixtures()?;
        let sources = self.sources(&fixtures)?;
        let begun = self.begin(checked, &mut monitor)?;
        let run = begun.run;
        let store = begun.store.clone();
        let (items, sent_before) = (begun.checked.items, begun.sent_before);
        let ended = if begun.nothing_left {
            begun.lease.release()?;
            None
        } else {
            Some(runtime.block_on(self.send(begun, sources, &mut monitor))?)
        };
        let summary = self.finish(&store, run, (items, sent_before), ended)?;
        store.fold()?;
        Ok(summary)
    }

    /// Takes the lease and decides whether a run goes on or a new one begins.
    fn begin(&self, checked: Checked, monitor: &mut dyn Monitor) -> Result<Begun, Failure> {
        let job = &self.plan.job;
        let simulated = self.args.simulate.simulate;
        let store = Store::open(&self.args.store.store, Access::ReadWrite)?;
        let lease = store.lease(&job.name, simulated, now_ms())?;
        store.settle_killed_runs(None, now_ms())?;
        let reader = store.reader()?;
        let latest = reader.latest_run(&job.name, simulated)?;
        let identity = self.plan.identity();
        let begin = decide_begin(latest.as_ref(), self.mode, self.args.new, &identity, checked.digest);
        let (run, resumed, continues, changed) = match begin {
            Begin::Resume(run) => (run, true, None, None),
            Begin::New { continues, changed } => {
                let run = store.begin_run(&self.new_run(&checked, identity, continues))?;
                (run, false, continues, changed)
            }
        };
        let totals = reader.totals(run.first(checked.items))?;
        let left = if self.args.retry.is_some() { totals.succeeded(job.success) } else { totals.settled() };
        let ended = latest.as_ref().and_then(|latest| latest.ended.as_deref());
        let complete = resumed && ended == Some("complete");
        let nothing_left = complete && left >= checked.items;
        if resumed {
            store.describe_run(run, &self.description())?;
        }
        if resumed && !nothing_left {
            store.resume_run(run, checked.rows, checked.items)?;
        }
        let told = RunBegun {
            run: Some(run),
            job: job.name.clone(),
            mode: self.mode,
            simulated,
            rows: checked.rows,
            items: checked.items,
            models: job.request.models.clone(),
            settled_before: totals.settled(),
            resumed,
            success: job.success,
            changed,
        };
        monitor.on(&Event::Begun(&told));
        match &latest {
            _ if nothing_left => {}
            _ if resumed => self.tell_lost(&totals.lost, None, monitor),
            // Nobody else has the lease, so what never ended was killed. It is the latest one no more: who
            // begins the next run is not told again.
            Some(killed) if ended.is_none_or(|ended| ended == "killed") => {
                self.tell_lost(&reader.totals(killed.id)?.lost, Some(killed.id), monitor);
            }
            _ => {}
        }
        Ok(Begun { run, lease, store, checked, resumed, continues, nothing_left, sent_before: totals.sent(), told })
    }

    fn tell_lost(&self, lost: &Lost, of_earlier: Option<RunId>, monitor: &mut dyn Monitor) {
        if lost.requests > 0 {
            let has_budget = self.plan.job.limits.budget_usd.is_some();
            monitor.on(&Event::Warning(&told_lost(lost, of_earlier, has_budget)));
        }
    }

    /// The job as the store keeps it.
    fn description(&self) -> String {
        let flags = self.flags.less_struck(self.plan);
        let directory =
            std::env::current_dir().ok().and_then(|directory| directory.into_os_string().into_string().ok());
        let call = Call {
            directory: directory.filter(|directory| !self.plan.strikes(directory, true)),
            flags: flags.words(),
            withheld: flags.withheld().to_vec(),
            at_ms: Some(now_ms()),
        };
        self.plan.job.describe_struck(&call, &|text| without_credentials(&self.plan.redactor.strike_text(text)))
    }

    fn new_run(&self, checked: &Checked, job_identity: String, continues: Option<RunId>) -> NewRun {
        let job = &self.plan.job;
        NewRun {
            job: job.name.clone(),
            job_file: job.path.display().to_string(),
            job_identity,
            job_description: self.description(),
            input: self.plan.input.name().to_owned(),
            input_hash: checked.digest,
            mode: self.mode.as_str().to_owned(),
            simulated: self.args.simulate.simulate,
            continues,
            row_count: checked.rows,
            item_count: checked.items,
            started_at_ms: now_ms(),
        }
    }

    async fn send(&self, begun: Begun, fixtures: Vec<Source>, monitor: &mut dyn Monitor) -> Result<Ended, Failure> {
        let (simulator, gateway) = self.gateway().await?;
        let job = &self.plan.job;
        let options = RunOptions {
            job: job.name.clone(),
            mode: self.mode,
            simulated: self.args.simulate.simulate,
            rows: begun.checked.rows,
            resumed: begun.resumed,
            continues: begun.continues,
            retry_failed: self.args.retry.is_some(),
            success: job.success,
            admission: admission(job, self.args.simulate.simulate)?,
            budget_usd: job.limits.budget_usd,
            retry: RetryPolicy { budgets: job.retry, item_deadline: job.timeouts.item },
            deadline: job.timeouts.run,
            drain: self.args.drain(),
            prices: self.prices.clone(),
        };
        let (control, orders) = Control::new(begun.told);
        let _listener = self.listen(control);
        let gate = Gate { gateway, redactor: Arc::clone(&self.plan.redactor), fixtures, orders };
        let run = engine::Begun {
            run: begun.run,
            lease: begun.lease,
            input: self.plan.input.clone(),
            prompt: Arc::clone(&self.plan.prompt),
        };
        let ended = engine::run(options, run, &begun.store, gate, monitor, self.stop.clone()).await;
        if let Some(simulator) = simulator {
            simulator.stop().await;
        }
        Ok(ended?)
    }

    /// Lets the run be controlled, where that can be.
    fn listen(&self, control: Control) -> Option<Listener> {
        let job = (self.plan.job.name.as_str(), self.args.simulate.simulate);
        Listener::start(control, job, std::env::var_os("XDG_RUNTIME_DIR"))
            .inspect_err(|problem| self.progress.warn(&problem.to_string()))
            .ok()
    }

    /// What answers: the simulated gateway, or the real one.
    async fn gateway(&self) -> Result<(Option<Simulator>, Result<Arc<dyn Gateway>, String>), Failure> {
        if !self.args.simulate.simulate {
            // What keeps anything from being sent is told when something is to be sent.
            for warning in gateway::warnings(&self.plan.job, &env).unwrap_or_default() {
                self.progress.warn(&warning);
            }
            return Ok((None, gateway::of_job(&self.plan.job)?));
        }
        let simulator = start_simulator(&self.args.simulate).await?;
        let gateway = gateway::of_simulator(&self.plan.job, &simulator.base_url())?;
        Ok((Some(simulator), Ok(gateway)))
    }

    fn fixtures(&self) -> Result<Vec<FixtureStore>, Failure> {
        let paths = self.args.results.fixtures(self.plan.job.record.fixture.as_deref());
        paths
            .map(|path| {
                let fixture = FixtureStore::of(path)?;
                self.tell_simulated(path, &fixture)?;
                Ok(fixture)
            })
            .collect()
    }

    /// Says that simulated answers of a fixture are not used where real ones are wanted.
    fn tell_simulated(&self, path: &Path, fixture: &FixtureStore) -> Result<(), Failure> {
        if self.args.simulate.simulate || self.mode != Mode::Auto {
            return Ok(());
        }
        let Some(what) = simulated_unused(families(fixture.file())?) else { return Ok(()) };
        let path = path.display();
        self.progress.warn(&format!("{path}: {what}; --simulate or nightreel replay takes simulated answers"));
        Ok(())
    }

    fn sources(&self, fixtures: &[FixtureStore]) -> Result<Vec<Source>, Failure> {
        let (job, simulate) = (&self.plan.job.name, self.args.simulate.simulate);
        fixtures.iter().map(|fixture| Ok(Source::open(fixture.file(), job, self.mode, simulate)?)).collect()
    }

    /// Reads what came of the run, and writes its results where it is complete.
    fn finish(
        &self,
        store: &Store,
        run: RunId,
        (items, sent_before): (u64, u64),
        ended: Option<Ended>,
    ) -> Result<Summary, Failure> {
        let mut reader = store.reader()?;
        let command = RunCommand::of_call(self.plan, self.flags, store.path());
        let mut summary = Summary::read(&mut reader, run.first(items), (&self.plan.job, command), ended)?;
        summary.expected(items, sent_before);
        summary.store_path(store.path());
        if let Some((output, format)) = self.args.results.target() {
            if summary.is_complete() {
                let lines = export(&mut reader, run.first(items), &output, format)?;
                summary.wrote(&output, lines);
            } else {
                summary.did_not_write(&output);
            }
        }
        Ok(summary)
    }
}

/// Starts the simulated gateway on a free port.
async fn start_simulator(args: &SimulateRunArgs) -> Result<Simulator, Failure> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ready_loopback(listen).map_err(Failure::usage)?;
    Simulator::start(args.options(), listen).await.map_err(Failure::usage)
}

/// What the gate holds to.
fn admission(job: &Job, simulated: bool) -> Result<AdmissionOptions, Failure> {
    let lane = |limits: &LaneLimits| LaneOptions {
        in_flight: limits.in_flight,
        requests_per_minute: limits.requests_per_minute,
        tokens_per_minute: limits.tokens_per_minute,
        requests_per_day: limits.requests_per_day,
    };
    let limits = &job.limits;
    // A number that the system does not allow is refused; `nightreel ctl` may let it adapt later on.
    gateway::most_in_flight(limits.in_flight, simulated)?;
    Ok(AdmissionOptions {
        most_in_flight: gateway::most_in_flight(InFlight::Auto, simulated)?,
        requests_per_minute: limits.requests_per_minute,
        tokens_per_minute: limits.tokens_per_minute,
        requests_per_day: limits.requests_per_day,
        lanes: limits.model.iter().map(|(model, limits)| (model.as_str().into(), lane(limits))).collect(),
        ..AdmissionOptions::in_flight(limits.in_flight)
    })
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::usage(error)
    }
}

/// The exit code of a run that stopped.
pub(crate) fn exit_of_stop(reason: &StopReason, sent: u64) -> Exit {
    match reason {
        StopReason::Store(_) => Exit::Store,
        StopReason::NoGateway(_) | StopReason::Input(_) if sent == 0 => Exit::Usage,
        _ => Exit::Stopped,
    }
}
