//! What limits keep and what they use, counted by the server.
//!
//! `cargo bench --bench limits` takes about ten minutes and prints a table: quotas of requests and
//! tokens that a run is told, quotas that it is not told of, one lane's outage beside another lane,
//! the in-flight that it finds by itself beside fixed ones, and what it spends of a budget. Each
//! figure stands beside the bar that it must reach; the exit code is 1 where one is missed.
//!
//! Runs and simulated gateways are processes of their own, and all counts are those of the gateway's
//! journal. What waits more than it works is measured at the same time.
//!
//! `cargo bench --bench limits -- rpm-600 budget` measures these alone, `--minutes 1` for so long
//! where a quota is measured, `--list` lists the names.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot measure says so and ends")]
#![expect(clippy::cast_precision_loss, reason = "figures for people have fewer digits than a double")]

mod adapt;
mod budget;
mod figure;
mod journal;
mod lab;
mod outage;
mod pace;
mod window;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use adapt::Case;
use figure::Figure;

/// What was measured; else why nothing was.
type Measured = Result<Vec<Figure>, String>;

/// How it is measured.
struct Setup {
    /// How long a quota is measured.
    minutes: u64,
}

/// A measurement.
struct Measurement {
    name: &'static str,
    /// Whether it needs the machine for itself.
    is_alone: bool,
    measure: fn(&Setup, &Path) -> Measured,
}

const MEASUREMENTS: [Measurement; 16] = [
    beside("rpm-30", |setup, directory| pace::requests(setup, directory, 30)),
    beside("rpm-600", |setup, directory| pace::requests(setup, directory, 600)),
    beside("rpm-6000", |setup, directory| pace::requests(setup, directory, 6_000)),
    beside("lanes", pace::lanes),
    beside("tokens", pace::tokens),
    beside("told-nothing-sliding", |setup, directory| pace::told_nothing(setup, directory, &["--enforce", "sliding"])),
    beside("told-nothing-fixed", |setup, directory| pace::told_nothing(setup, directory, &["--enforce", "fixed"])),
    beside("told-nothing-bucket", |setup, directory| pace::told_nothing(setup, directory, &["--enforce", "bucket"])),
    beside("outage-quotas", |_, directory| outage::other_lane(directory, "seconds", (&outage::quotas(), &[]))),
    beside("outage-no-hint", |_, directory| outage::other_lane(directory, "none", (&outage::quotas(), &[]))),
    beside("outage-in-flight", |_, directory| outage::other_lane(directory, "seconds", ("", &["--in-flight", "16"]))),
    beside("outage-auto", |_, directory| outage::other_lane(directory, "none", ("", &[]))),
    beside("adaptive-slow", |_, directory| {
        let gateway = ["--latency", "2s"];
        let case = Case { gateway: &gateway, span: (40, 100), rows: 100_000, is_one_by_one: false };
        adapt::against_fixed(directory, &case)
    }),
    beside("adaptive-degrading", |_, directory| {
        let gateway = ["--latency", "100ms", "--degrade-past", "40"];
        let case = Case { gateway: &gateway, span: (30, 90), rows: 100_000, is_one_by_one: false };
        adapt::against_fixed(directory, &case)
    }),
    beside("budget", |_, directory| budget::budget(directory)),
    Measurement {
        name: "adaptive-fast",
        is_alone: true,
        measure: |_, directory| {
            let gateway = ["--latency", "2ms"];
            let case = Case { gateway: &gateway, span: (5, 15), rows: 300_000, is_one_by_one: true };
            adapt::against_fixed(directory, &case)
        },
    },
];

const fn beside(name: &'static str, measure: fn(&Setup, &Path) -> Measured) -> Measurement {
    Measurement { name, is_alone: false, measure }
}

fn main() -> ExitCode {
    // cargo adds this flag itself.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument == "--list") {
        for measurement in &MEASUREMENTS {
            println!("{}", measurement.name);
        }
        return ExitCode::SUCCESS;
    }
    match read(&arguments) {
        Ok((setup, chosen)) => measure(&setup, &chosen),
        Err(problem) => {
            println!("{problem}");
            ExitCode::from(2)
        }
    }
}

/// What the arguments choose.
fn read(arguments: &[String]) -> Result<(Setup, Vec<&'static Measurement>), String> {
    let (mut setup, mut names) = (Setup { minutes: 3 }, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--minutes" {
            let minutes = rest.next().and_then(|minutes| minutes.parse().ok()).filter(|minutes| *minutes > 0);
            setup.minutes = minutes.ok_or("--minutes takes a number from 1 on")?;
        } else if MEASUREMENTS.iter().any(|measurement| measurement.name == argument) {
            names.push(argument.as_str());
        } else {
            return Err(format!("there is no measurement {argument}; --list lists them"));
        }
    }
    let is_chosen = |measurement: &&Measurement| names.is_empty() || names.contains(&measurement.name);
    Ok((setup, MEASUREMENTS.iter().filter(is_chosen).collect()))
}

fn measure(setup: &Setup, chosen: &[&Measurement]) -> ExitCode {
    let directory = lab::workplace();
    let is_reached = Mutex::new(true);
    let run = |measurement: &Measurement| {
        let measured = (measurement.measure)(setup, &directory.join(measurement.name));
        *is_reached.lock().unwrap() &= report(measurement.name, &measured);
    };
    let (alone, beside): (Vec<_>, Vec<_>) = chosen.iter().partition(|measurement| measurement.is_alone);
    thread::scope(|scope| {
        for measurement in beside {
            scope.spawn({
                let run = &run;
                move || run(measurement)
            });
        }
    });
    for measurement in alone {
        run(measurement);
    }
    lab::clear(&directory);
    println!("{}", load());
    if is_reached.into_inner().unwrap() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How busy the machine was: figures of one that had other work are of little worth.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let minutes: Vec<_> = load.split(' ').take(3).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("load of the last 1, 5 and 15 minutes on {cores} cores: {}", minutes.join(", "))
}

/// Prints what a measurement gave; whether each bar is reached.
fn report(name: &str, measured: &Measured) -> bool {
    let mut lines = vec![name.to_owned()];
    match measured {
        Ok(figures) => lines.extend(figures.iter().map(|figure| format!("  {figure}"))),
        Err(problem) => lines.push(format!("  NOT MEASURED: {problem}")),
    }
    println!("{}", lines.join("\n"));
    measured.as_ref().is_ok_and(|figures| figures.iter().all(Figure::is_reached))
}
