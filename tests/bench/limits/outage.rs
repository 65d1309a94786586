//! One lane's outage, and what the other lane notices of it.

use std::path::Path;
use std::time::Duration;

use crate::Measured;
use crate::figure::{Bar, Figure};
use crate::lab::{Lab, Work};
use crate::window::{SECOND, steps};

/// When the outage begins, when it is over, and when it is no longer looked at, in seconds.
const OUTAGE: (u64, u64, u64) = (60, 120, 150);
/// From when on the rate before it counts.
const SETTLED: u64 = 20;
const MODELS: [&str; 2] = ["bench/out", "bench/well"];

/// Two lanes, of which one is refused for a minute: with quotas of their own, or with so many in
/// flight as the flags say.
pub(crate) fn other_lane(directory: &Path, hint: &str, (job, flags): (&str, &[&str])) -> Measured {
    let (from, to, end) = OUTAGE;
    let outage = format!("{}={from}..{to}", MODELS[0]);
    let lab = Lab::new(directory.to_owned(), &["--latency", "100ms", "--outage", &outage, "--hint", hint]);
    lab.run_for(&Work { models: &MODELS, rows: 400_000, job, flags }, Duration::from_secs(end))?;
    let journal = lab.end();
    let well = journal.arrivals(|line| line.model.as_deref() == Some(MODELS[1]));
    let rates = |from, to| -> Vec<f64> {
        let counts = steps(&well, (from * SECOND, to * SECOND), 10 * SECOND);
        counts.into_iter().map(|count| count as f64 / 10.0).collect()
    };
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let (before, during) = (rates(SETTLED, from), rates(from, to));
    let least = during.iter().copied().fold(f64::INFINITY, f64::min);
    let refused = journal.arrivals(|line| line.limit.as_deref() == Some("outage")).len();
    Ok(vec![
        Figure::new("rate of the other lane before, a second", mean(&before), Bar::None),
        Figure::new("mean rate within the outage, share of it", mean(&during) / mean(&before), Bar::AtLeast(0.98)),
        Figure::new("least rate of any 10 s within it, share of it", least / mean(&before), Bar::AtLeast(0.98)),
        Figure::new("requests refused by the outage", refused as f64, Bar::None),
    ])
}

/// A quota for each lane.
pub(crate) fn quotas() -> String {
    MODELS.map(|model| format!("[limits.model.\"{model}\"]\nrequests_per_minute = 600\n")).concat()
}
