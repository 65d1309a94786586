//! Quotas: those that a run is told, and those that it has to find out.

use std::path::Path;
use std::time::Duration;

use crate::figure::{Bar, Figure};
use crate::lab::{Lab, Work};
use crate::window::{MINUTE, Moment, most_in_a_minute, sum};
use crate::{Measured, Setup};

const MODEL: &str = "bench/model";

/// Rows for so many minutes at a rate, and as many to spare.
fn rows(a_minute: u64, minutes: u64) -> u64 {
    2 * a_minute * (minutes + 1)
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// The most in any minute, and what share of the quota was used.
fn quota_figures(what: &str, moments: &[Moment], quota: u64, minutes: u64) -> [Figure; 2] {
    let until = minutes * MINUTE;
    let seen: Vec<_> = moments.iter().copied().filter(|moment| moment.at_us < until).collect();
    let used = sum(&seen, (0, until)) as f64 / (minutes * quota) as f64;
    [
        Figure::new(
            format!("{what}: most requests in any minute"),
            most_in_a_minute(&seen, 0) as f64,
            Bar::AtMost(quota as f64),
        ),
        Figure::new(format!("{what}: share of the quota used"), used, Bar::AtLeast(0.98)),
    ]
}

/// A quota of requests a minute.
pub(crate) fn requests(setup: &Setup, directory: &Path, quota: u64) -> Measured {
    let lab = Lab::new(directory.to_owned(), &["--latency", "100ms"]);
    let flags = ["--rpm", &quota.to_string()];
    let work = Work { models: &[MODEL], rows: rows(quota, setup.minutes), job: "", flags: &flags };
    lab.run_for(&work, minutes(setup.minutes))?;
    let arrivals = lab.end().arrivals(|_| true);
    Ok(quota_figures(&format!("{quota}/min"), &arrivals, quota, setup.minutes).into())
}

/// Two lanes, each with a quota of its own.
pub(crate) fn lanes(setup: &Setup, directory: &Path) -> Measured {
    let quotas = [("bench/quick", 600), ("bench/slow", 120)];
    let job: String = quotas
        .iter()
        .map(|(model, quota)| format!("[limits.model.\"{model}\"]\nrequests_per_minute = {quota}\n"))
        .collect();
    let models = quotas.map(|(model, _)| model);
    let lab = Lab::new(directory.to_owned(), &["--latency", "100ms"]);
    let work = Work { models: &models, rows: rows(600, setup.minutes), job: &job, flags: &[] };
    lab.run_for(&work, minutes(setup.minutes))?;
    let journal = lab.end();
    let figures = quotas.into_iter().flat_map(|(model, quota)| {
        let arrivals = journal.arrivals(|line| line.model.as_deref() == Some(model));
        quota_figures(&format!("lane of {quota}/min"), &arrivals, quota, setup.minutes)
    });
    Ok(figures.collect())
}

/// A quota of tokens a minute, with answers whose length nobody knows before.
pub(crate) fn tokens(setup: &Setup, directory: &Path) -> Measured {
    let quota = 200_000;
    let lab = Lab::new(directory.to_owned(), &["--latency", "200ms..2s", "--reply-tokens", "10..2000"]);
    let flags = ["--tpm", &quota.to_string()];
    let work = Work { models: &[MODEL], rows: rows(1_000, setup.minutes), job: "", flags: &flags };
    lab.run_for(&work, minutes(setup.minutes))?;
    let (journal, until) = (lab.end(), setup.minutes * MINUTE);
    let quota = f64::from(quota);
    let mut figures = Vec::new();
    for (by, moments) in
        [("arrival", journal.tokens(|line| Some(line.monotonic_us))), ("answer", journal.tokens(|line| line.answer_us))]
    {
        let seen: Vec<_> = moments.into_iter().filter(|moment| moment.at_us < until).collect();
        let most = |from_us| most_in_a_minute(&seen, from_us) as f64 / quota;
        let used = |from_us| sum(&seen, (from_us, until)) as f64 / quota / ((until - from_us) / MINUTE) as f64;
        figures.extend([
            Figure::new(format!("tokens by {by}: most in any minute after the first"), most(MINUTE), Bar::AtMost(1.02)),
            Figure::new(format!("tokens by {by}: most in any minute at all"), most(0), Bar::None),
            Figure::new(format!("tokens by {by}: share of the quota used"), used(0), Bar::AtLeast(0.95)),
            Figure::new(format!("tokens by {by}: share used after the first minute"), used(MINUTE), Bar::None),
        ]);
    }
    Ok(figures)
}

/// A gateway that enforces a quota of which the run is told nothing.
pub(crate) fn told_nothing(setup: &Setup, directory: &Path, flags: &[&str]) -> Measured {
    let quota = 600;
    let gateway = ["--latency", "100ms", "--rpm", &quota.to_string()];
    let lab = Lab::new(directory.to_owned(), &[&gateway, flags].concat());
    let all = setup.minutes + 1;
    let work = Work { models: &[MODEL], rows: rows(quota, all), job: "", flags: &[] };
    lab.run_for(&work, minutes(all))?;
    let (journal, span) = (lab.end(), (MINUTE, all * MINUTE));
    let good = sum(&journal.arrivals(|line| line.status == Some(200)), span);
    let refused = sum(&journal.arrivals(|line| line.status == Some(429)), span);
    let first = sum(&journal.arrivals(|line| line.status == Some(429)), (0, MINUTE));
    let goodput = good as f64 / (setup.minutes * quota) as f64;
    let share = refused as f64 / (good + refused).max(1) as f64;
    Ok(vec![
        Figure::new("goodput after the first minute, share of the limit", goodput, Bar::AtLeast(0.95)),
        Figure::new("share answered 429 after the first minute", share, Bar::AtMost(0.02)),
        Figure::new("answered 429 in the first minute", first as f64, Bar::None),
    ])
}
