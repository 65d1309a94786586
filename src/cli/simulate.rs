//! `simulate`: the simulated gateway as a server of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use nightreel::engine::Stop;
use nightreel::simulate::{Faults, Latency, Options, SimulateError, Simulator, Stats};
use tokio::runtime::Runtime;

use super::context::{complain, print};
use super::count::{count, counted};
use super::exit::{Exit, Failure};
use super::money::usd;
use super::signals;

/// What `--help` says behind the flags.
const HELP: &str = "It behaves as a Cloudflare AI Gateway in front of OpenRouter does: no model is asked, nothing is \
                    paid. The same request gets the same answer whenever it is asked. The base URL is the one line \
                    on standard output; SIGINT (Ctrl-C) or SIGTERM ends it.";

/// Serves the simulated gateway.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct SimulateArgs {
    /// Listens on this address, or on this port of 127.0.0.1; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787", value_parser = address)]
    listen: SocketAddr,

    /// Listens on an address that other machines can reach, too.
    #[arg(long)]
    allow_remote: bool,

    /// How long an answer takes: 50ms, 1.5s, or a range as 50ms..200ms.
    #[arg(long, value_name = "TIME", default_value = "0")]
    latency: Latency,

    /// Which share of the requests meets which fault: `rate_limited=0.1,reset=0.03`.
    #[arg(long, value_name = "NAME=SHARE,…")]
    faults: Option<Faults>,

    /// What answers, latencies and faults derive from, beside the request itself.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Answers so many requests in any 60 seconds, and the others with 429.
    #[arg(long, value_name = "N")]
    rpm: Option<u32>,

    /// Asks for this gateway token in `cf-aig-authorization`; by default any is taken, or none.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// Asks for this provider key in `Authorization`; by default any is taken, or none.
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,

    /// Appends a line of JSON for each request to this file.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// How long the text of an answer is, in bytes; by default one to three sentences.
    #[arg(long, value_name = "N")]
    reply_bytes: Option<usize>,

    /// Puts white space before answers that take more than a second, as the router does.
    #[arg(long)]
    padding: bool,
}

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
    let simulator = Simulator::start(options(args), args.listen).await.map_err(|error| refused(error, args))?;
    let base_url = simulator.base_url();
    print(&format!("{base_url}\n")).map_err(Failure::store)?;
    for line in usage(&base_url, args) {
        complain(&line);
    }
    stop.draining().await;
    Ok(simulator.stop().await)
}

fn options(args: &SimulateArgs) -> Options {
    Options {
        seed: args.seed,
        latency: args.latency,
        faults: args.faults.unwrap_or_default(),
        token: args.token.clone(),
        api_key: args.api_key.clone(),
        requests_per_minute: args.rpm,
        reply_bytes: args.reply_bytes,
        padding: args.padding,
        journal: args.journal.clone(),
        ..Options::default()
    }
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

/// An address, or a port of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = |text: &str| text.parse::<u16>().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let local = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    let address = text.parse().ok().or_else(|| port(local));
    address.ok_or_else(|| "write an address and a port, as 127.0.0.1:8787, or a port alone".to_owned())
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

/// What it has seen and done.
fn summary(stats: &Stats) -> Vec<String> {
    let each = |counts: Vec<String>| if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let answered = stats.answered.iter().map(|(status, number)| format!("{} × {status}", count(*number)));
    let faults = stats.faults.iter().map(|(fault, number)| format!("{} × {fault}", count(*number)));
    vec![
        format!(
            "{} over {}, {} at one time",
            counted(stats.requests, "request"),
            counted(stats.connections, "connection"),
            count(stats.peak_in_flight)
        ),
        format!("answered: {}", each(answered.collect())),
        format!("faults: {}", each(faults.collect())),
        format!(
            "{} would have cost {}, with {} and {}",
            counted(stats.billed, "answer"),
            usd(stats.cost_usd),
            counted(stats.prompt_tokens, "prompt token"),
            counted(stats.completion_tokens, "answer token")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone() {
        for (text, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("8787", "127.0.0.1:8787"),
            (":0", "127.0.0.1:0"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::1]:9", "[::1]:9"),
            ("0.0.0.0:9", "0.0.0.0:9"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "host:80", "127.0.0.1", "70000", "127.0.0.1:70000"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_summary_names_what_was_seen() {
        let stats = Stats {
            connections: 2,
            failed_accepts: 0,
            requests: 1_200,
            answered: BTreeMap::from([(200, 1_100), (429, 90)]),
            in_flight: 0,
            peak_in_flight: 64,
            faults: BTreeMap::from([("reset", 10)]),
            billed: 1_110,
            prompt_tokens: 5,
            completion_tokens: 1,
            cost_usd: 0.25,
            journal_error: None,
        };
        assert_eq!(
            summary(&stats),
            [
                "1,200 requests over 2 connections, 64 at one time",
                "answered: 1,100 × 200, 90 × 429",
                "faults: 10 × reset",
                "1,110 answers would have cost $0.250, with 5 prompt tokens and 1 answer token",
            ]
        );
    }
}
