//! A budget: what is spent of it, and what is sent when it grows.

use std::path::Path;

use crate::Measured;
use crate::figure::{Bar, Figure};
use crate::lab::{Lab, Work};

/// What each answer costs.
const COST_USD: f64 = 0.0137;
const ROWS: u64 = 300;

pub(crate) fn budget(directory: &Path) -> Measured {
    let gateway = ["--latency", "20ms..80ms", "--cost-usd", &COST_USD.to_string()];
    let lab = Lab::new(directory.to_owned(), &gateway);
    let mut figures = Vec::new();
    for (budget, least, exit) in [("1", 0.95, 3), ("2", 1.9, 3), ("100", COST_USD * ROWS as f64 - 1e-9, 0)] {
        let flags = ["--in-flight", "256", "--budget", budget];
        let work = Work { models: &["bench/model"], rows: ROWS, job: "", flags: &flags };
        let code = f64::from(lab.run(&work)?);
        let journal = lab.seen();
        let spent = journal.nano_usd() as f64 / 1e9;
        let most = budget.parse::<f64>().unwrap();
        figures.extend([
            Figure::new(format!("budget ${budget}: spent, at most"), spent, Bar::AtMost(most)),
            Figure::new(format!("budget ${budget}: spent, at least"), spent, Bar::AtLeast(least)),
            Figure::new(format!("budget ${budget}: exit code"), code, Bar::Is(f64::from(exit))),
            Figure::new(format!("budget ${budget}: sent again"), journal.asked_again() as f64, Bar::Is(0.0)),
        ]);
    }
    Ok(figures)
}
