//! `simulate`: the simulated gateway as a server of its own.

mod args;
mod summary;

use anyhow::{Context, anyhow};
use nightreel::engine::Stop;
use nightreel::simulate::{SimulateError, Simulator, Stats};
use tokio::runtime::Runtime;

use super::context::{complain, print};
use super::exit::{Exit, Failure};
use super::listen::ready_loopback;
use super::signals;

pub(crate) use args::SimulateArgs;
use summary::summary;

/// Serves the simulated gateway until it is told to end.
pub(crate) fn simulate(args: &SimulateArgs) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        return Err(Failure::usage(anyhow!(
            "{} can be reached from other machines; add --allow-remote if that is meant",
            args.listen
        )));
    }
    let runtime = Runtime::new().context("cannot start the simulated gateway").map_err(Failure::usage)?;
    let stats = runtime.block_on(serve(args))?;
    for line in summary(&stats) {
        complain(&line);
    }
    match &stats.journal_error {
        None => Ok(Exit::Success),
        Some(error) => Err(Failure::store(anyhow!("the journal could not be written to its end: {error}"))),
    }
}

async fn serve(args: &SimulateArgs) -> Result<Stats, Failure> {
    let cannot = |error: std::io::Error| Failure::usage(anyhow!("cannot wait for signals: {error}"));
    // They are waited for before anybody is told that the server is there.
    let stop = Stop::default();
    signals::listen(stop.clone()).map_err(cannot)?;
    ready_loopback(args.listen).map_err(Failure::usage)?;
    let simulator = Simulator::start(args.options(), args.listen).await.map_err(|error| refused(error, args))?;
    let base_url = simulator.base_url();
    print(&format!("{base_url}\n")).map_err(Failure::store)?;
    for line in usage(&base_url, args) {
        complain(&line);
    }
    stop.draining().await;
    Ok(simulator.stop().await)
}

fn refused(error: SimulateError, args: &SimulateArgs) -> Failure {
    let in_use =
        matches!(&error, SimulateError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse);
    let mut error = anyhow::Error::new(error);
    if in_use {
        error = anyhow!("{error}; another program listens on port {}, --listen 0 takes a free one", args.listen.port());
    }
    Failure::usage(error)
}

fn usage(base_url: &str, args: &SimulateArgs) -> [String; 3] {
    let credentials = match (&args.api_key, &args.token) {
        (None, None) => "any key and any token are taken, or none",
        (Some(_), None) => "it asks for the provider key that was given",
        (None, Some(_)) => "it asks for the gateway token that was given",
        (Some(_), Some(_)) => "it asks for the provider key and the gateway token that were given",
    };
    [
        format!("the simulated gateway listens; no model is asked, nothing is paid; {credentials}"),
        format!("to use it: nightreel run JOB --base-url {base_url}"),
        "to end it: Ctrl-C".to_owned(),
    ]
}
