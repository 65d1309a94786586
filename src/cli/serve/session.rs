//! One call of `serve`, from what it needs to what came of it.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use nightreel::engine::Stop;
use nightreel::job::{Call, Job};
use nightreel::model::Mode;
use nightreel::price::Prices;
use nightreel::record::{Playback, PlaybackOptions, Redactor};
use nightreel::serve::{Exposure, Options, Server, StartError, Upstream};
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;

use super::super::context::{complain, env, print};
use super::super::count::counted;
use super::super::credential_text::without_credentials;
use super::super::exit::Failure;
use super::super::listen::ready_loopback;
use super::super::results::{FIXTURE, STORE, check_takes_no_place};
use super::super::{gateway, signals};
use super::announcement::Announcement;
use super::args::ServeArgs;
use super::child::TakenSignals;
use super::listening::{leads_here, reachable};
use super::mode::ChosenMode;
use super::program::{NotRunnable, Program};
use super::recording_command::{lacking_store, recording_command, upstream_flags};
use super::report_file::ReportFile;
use super::said::{RecordWith, reported, told};
use super::settings::{credentials, redactor};
use super::stores::Stores;
use super::variables::variables;

/// One call of `serve`: what it needs, before anything is started.
pub(super) struct Session<'a> {
    pub(super) args: &'a ServeArgs,
    pub(super) playback: Arc<Playback>,
    pub(super) report: Option<ReportFile>,
    mode: ChosenMode,
    options: Options,
    listen: SocketAddr,
    stores: Stores,
    /// The host that is sent to, where anything is.
    host: Option<String>,
    /// The variables with the credentials that it sends with, were it to send.
    own_keys: [String; 2],
}

/// What came of serving: how the command ended, where there was one, and what was not kept.
pub(super) struct Served {
    pub(super) command: Option<u8>,
    pub(super) problem: Option<anyhow::Error>,
}

impl<'a> Session<'a> {
    /// Whatever can be refused is refused here, an upstream that is not known before a store is made.
    pub(super) fn prepare(args: &'a ServeArgs, job: &Job, mode: ChosenMode) -> Result<Self, Failure> {
        let has_command = !args.command.is_empty();
        let listen = args.listen.address(mode.mode, has_command).map_err(|problem| Failure::usage(anyhow!(problem)))?;
        let report = args.report.file();
        let fixtures: Vec<_> = args.fixtures.iter().chain(&job.record.fixture).map(PathBuf::as_path).collect();
        if let Some(report) = &report {
            check_takes_no_place(&report.path, "--report", &sources(args, &fixtures))?;
            report.check().map_err(|error| cannot_report(report, &error))?;
        }
        let redactor = Arc::new(redactor(job, &env)?);
        let sends = mode.mode != Mode::Replay;
        let upstream = if sends { Some(gateway::of_server(job)?) } else { None };
        if let Some((base_url, _)) = &upstream {
            check_leads_elsewhere(&base_url.authority(), listen)?;
        }
        let prices = job.prices.as_deref().filter(|_| sends).map(Prices::load).transpose();
        let prices = prices.map_err(Failure::usage)?.map(Arc::new);
        let stores = Stores::open(&args.store.store, &fixtures, mode.mode)?;
        let rules = PlaybackOptions {
            mode: mode.mode,
            rules: job.record.rules.clone(),
            policy: args.matching.policy,
            struck_as: job.record.redact.iter().map(|rule| rule.with.clone()).collect(),
        };
        let playback = Arc::new(Playback::new(stores.all(), rules)?);
        let (host, gateway) = upstream.map(|(base_url, gateway)| (base_url.authority(), gateway)).unzip();
        let upstream = gateway.zip(stores.own().cloned()).map(|(gateway, store)| Upstream {
            gateway,
            store,
            job: args.name.clone(),
            description: description(job, &redactor),
            simulated: false,
            prices,
            after_kept: None,
            notice: Some(Arc::new(|notice| complain(&format!("nightreel serve: {notice}")))),
        });
        let lacking =
            if gateway::is_known(job) { Vec::new() } else { upstream_flags(stores.recorded_gateway()?.as_ref()) };
        let words: Vec<OsString> = std::env::args_os().skip(1).collect();
        let lacking: Vec<OsString> = lacking.into_iter().chain(lacking_store(&words, &args.store.store)).collect();
        let record_with = recording_command(words, &lacking);
        let options = Options {
            upstream,
            pace: args.matching.pace,
            // Whom it may listen to was decided above.
            exposure: Exposure::Everything,
            explain: told(&playback, &redactor, RecordWith::new(record_with, &credentials(job, &env))),
            report: reported(&playback),
            redactor,
            ..Options::new(Arc::clone(&playback))
        };
        let options = Options { grace: args.drain.map_or(options.grace, Duration::from_secs), ..options };
        let own_keys = [job.gateway.api_key_env.clone(), job.gateway.token_env.clone()];
        Ok(Self { args, playback, report, mode, options, listen, stores, host, own_keys })
    }

    /// Serves until the system asks for the end.
    pub(super) fn run_alone(&self, runtime: &Runtime) -> Result<Served, Failure> {
        // They are waited for before anybody is told that the server is there.
        let stop = Stop::default();
        signals::listen(stop.clone()).map_err(cannot_wait)?;
        runtime.block_on(async {
            let server = self.start().await?;
            let base_url = server.base_url();
            print(&format!("{base_url}\n")).map_err(Failure::store)?;
            self.announce().await?;
            if !self.args.quiet {
                complain(&format!("nightreel serve: to use it: export OPENAI_BASE_URL={base_url}; to end it: Ctrl-C"));
            }
            stop.draining().await;
            self.announce_end(server.under_way());
            let stopped = server.stop_unless(stop.aborting()).await;
            Ok(Served { command: None, problem: stopped.err().map(anyhow::Error::new) })
        })
    }

    /// Serves while a command runs.
    pub(super) fn run_command(&self, runtime: &Runtime, program: &Program) -> Result<Served, Failure> {
        let signals = TakenSignals::take().map_err(cannot_wait)?;
        let server = runtime.block_on(self.start())?;
        runtime.block_on(self.announce())?;
        let address = reachable(server.address());
        let variables =
            variables(&format!("http://{address}"), &address.ip().to_string(), self.mode.mode, &self.own_keys, &env);
        // This thread lives as long as the process does: the command ends with it.
        let command = match signals.start(program, &variables) {
            Ok(command) => runtime.block_on(beside(move || command.wait())).map_err(cannot_wait)?,
            Err(error) => not_started(program, &error)?,
        };
        let stopped = runtime.block_on(server.stop());
        Ok(Served { command: Some(command), problem: stopped.err().map(anyhow::Error::new) })
    }

    /// Leaves the store that was written to as one file: nothing is answered any more.
    pub(super) fn close(&self) -> Result<(), Failure> {
        self.playback.close();
        self.stores.fold()
    }

    async fn start(&self) -> Result<Server, Failure> {
        ready_loopback(self.listen).map_err(Failure::usage)?;
        let server = Server::start(self.options.clone(), self.listen).await.map_err(refused)?;
        if let Some(host) = &self.host {
            check_leads_elsewhere(host, server.address())?;
        }
        Ok(server)
    }

    /// Says what answers, and what does not that could. The server answers already: to count what it has takes a while.
    async fn announce(&self) -> Result<(), Failure> {
        let (mode, stores) = (self.mode.mode, self.stores.clone());
        let counted = beside(move || stores.count()).await?;
        for warning in counted.iter().filter_map(|counted| counted.simulated_unused(mode)) {
            complain(&format!("nightreel serve: warning: {warning}"));
        }
        if self.args.quiet {
            return Ok(());
        }
        if let Some(notice) = self.mode.notice() {
            complain(&format!("nightreel serve: {notice}"));
        }
        let recordings = counted.iter().map(|counted| counted.of_use(mode)).sum();
        let stores = self.stores.names();
        complain(&Announcement { mode, stores: &stores, recordings, upstream: self.host.as_deref() }.line());
        Ok(())
    }

    /// Says what is waited for at the end.
    fn announce_end(&self, under_way: usize) {
        let seconds = self.options.grace.as_secs();
        if under_way > 0 && seconds > 0 && !self.args.quiet {
            let answers = counted(under_way as u64, "answer");
            complain(&format!(
                "nightreel serve: waits up to {seconds} s for the end of {answers} under way; Ctrl-C cuts what is left"
            ));
        }
    }
}

/// Does what takes its time on a thread of its own, while the server answers on this one.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Refuses to send to where the server listens.
fn check_leads_elsewhere(authority: &str, address: SocketAddr) -> Result<(), Failure> {
    if leads_here(authority, address) {
        return Err(Failure::usage(anyhow!(
            "the base URL leads to {authority}, where this server listens itself, so that every request would come \
             back to it; name the one that answers, or another address with --listen"
        )));
    }
    Ok(())
}

/// The settings, as the store keeps them.
fn description(job: &Job, redactor: &Redactor) -> String {
    job.describe_struck(&Call::default(), &|text| without_credentials(&redactor.strike_text(text)))
}

/// The exit code of a command that could not be started after all.
fn not_started(program: &Program, error: &io::Error) -> Result<u8, Failure> {
    let Some(problem) = NotRunnable::of(error, &program.name) else {
        return Err(Failure::usage(anyhow!("cannot run {}: {error}", program.name.display())));
    };
    complain(&format!("nightreel: {problem}"));
    Ok(problem.exit_code())
}

fn cannot_wait(error: io::Error) -> Failure {
    Failure::usage(anyhow::Error::new(error).context("cannot wait for signals, or for the command"))
}

/// Why the report is not written.
pub(super) fn cannot_report(report: &ReportFile, error: &io::Error) -> Failure {
    Failure::store(anyhow!("cannot write the report to {}: {error}", report.path.display()))
}

fn refused(error: StartError) -> Failure {
    match error {
        StartError::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
            Failure::usage(anyhow!("cannot listen on {address}: {source}; --listen 0 takes a free port"))
        }
        error => Failure::usage(error),
    }
}

/// What a server reads, and must not write its report over.
fn sources<'a>(args: &'a ServeArgs, fixtures: &[&'a Path]) -> Vec<(&'static str, &'a Path)> {
    let job = args.job.iter().map(|job| ("the job file", job.as_path()));
    let store = std::iter::once((STORE, args.store.store.as_path()));
    store.chain(job).chain(fixtures.iter().map(|fixture| (FIXTURE, *fixture))).collect()
}
