//! The in-flight that nightreel finds by itself, beside fixed ones.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::Measured;
use crate::figure::{Bar, Figure};
use crate::lab::{Lab, Work};
use crate::window::{SECOND, sum};

/// What it is measured against.
const FIXED: [&str; 5] = ["1", "4", "16", "64", "256"];
const AUTO: &str = "auto";

/// A gateway that is measured with each setting.
pub(crate) struct Case<'a> {
    pub(crate) gateway: &'a [&'a str],
    /// From when on answers count, and until when, in seconds.
    pub(crate) span: (u64, u64),
    pub(crate) rows: u64,
    /// Whether each setting needs the machine for itself.
    pub(crate) is_one_by_one: bool,
}

pub(crate) fn against_fixed(directory: &Path, case: &Case<'_>) -> Measured {
    let settings = FIXED.into_iter().chain([AUTO]);
    let measure = |setting| rate(&directory.join(setting), case, setting);
    let rates: Result<Vec<_>, String> = if case.is_one_by_one {
        settings.map(measure).collect()
    } else {
        thread::scope(|scope| {
            let measured: Vec<_> = settings.map(|setting| scope.spawn(move || measure(setting))).collect();
            measured.into_iter().map(|measured| measured.join().unwrap()).collect()
        })
    };
    let rates = rates?;
    let (auto, fixed) = rates.split_last().unwrap();
    let best = fixed.iter().map(|rate| rate.steady).fold(0.0, f64::max);
    let best_whole = fixed.iter().map(|rate| rate.whole).fold(0.0, f64::max);
    let each = FIXED.iter().zip(fixed);
    let mut figures: Vec<_> = each
        .map(|(setting, rate)| Figure::new(format!("{setting} in flight: answers a second"), rate.steady, Bar::None))
        .collect();
    figures.extend([
        Figure::new("auto: answers a second", auto.steady, Bar::None),
        Figure::new("auto: most in flight", auto.most_in_flight as f64, Bar::None),
        Figure::new("auto: share of the best fixed setting", auto.steady / best, Bar::AtLeast(0.9)),
        Figure::new("auto: the same from the first request on", auto.whole / best_whole, Bar::None),
    ]);
    Ok(figures)
}

struct Rate {
    /// Answers a second within the span.
    steady: f64,
    /// Answers a second from the first request on.
    whole: f64,
    most_in_flight: u64,
}

fn rate(directory: &Path, case: &Case<'_>, setting: &str) -> Result<Rate, String> {
    let lab = Lab::new(directory.to_owned(), case.gateway);
    let flags = ["--in-flight", setting];
    let (from, to) = case.span;
    let work = Work { models: &["bench/model"], rows: case.rows, job: "", flags: &flags };
    lab.run_for(&work, Duration::from_secs(to))?;
    let journal = lab.end();
    let answers = journal.answers();
    let rate = |from, to| sum(&answers, (from * SECOND, to * SECOND)) as f64 / (to - from) as f64;
    let most_in_flight = journal.0.iter().map(|line| line.in_flight).max().unwrap_or(0);
    Ok(Rate { steady: rate(from, to), whole: rate(0, to), most_in_flight })
}
