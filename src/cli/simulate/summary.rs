//! What the simulated gateway says when it ends.

use std::collections::BTreeMap;

use nightreel::simulate::Stats;

use super::super::count::{count, counted};
use super::super::money::usd;

/// What it has seen and done.
pub(super) fn summary(stats: &Stats) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} over {}, {} at one time",
            counted(stats.requests, "request"),
            counted(stats.connections, "connection"),
            count(stats.peak_in_flight)
        ),
        format!("answered: {}", each(&stats.answered)),
        format!("faults: {}", each(&stats.faults)),
    ];
    if !stats.limited.is_empty() {
        lines.push(format!("refused by limits: {}", each(&stats.limited)));
    }
    lines.push(format!(
        "{} would have cost {}, with {} and {}",
        counted(stats.billed, "answer"),
        usd(stats.cost_usd),
        counted(stats.prompt_tokens, "prompt token"),
        counted(stats.completion_tokens, "answer token")
    ));
    let fates = [("cut", stats.cut), ("hung", stats.hung), ("left by their clients", stats.left)];
    let lost = fates.into_iter().filter(|(_, bill)| bill.answers > 0);
    let lost: BTreeMap<_, _> = lost.map(|(fate, bill)| (fate, bill.answers)).collect();
    if !lost.is_empty() {
        lines.push(format!("of these did not arrive: {}", each(&lost)));
    }
    lines
}

fn each<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts: Vec<_> = counts.iter().map(|(name, number)| format!("{} × {name}", count(*number))).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use nightreel::simulate::Bill;

    use super::*;

    #[test]
    fn the_summary_names_what_was_seen() {
        let stats = Stats {
            connections: 2,
            requests: 1_200,
            answered: BTreeMap::from([(200, 1_100), (429, 90)]),
            peak_in_flight: 64,
            faults: BTreeMap::from([("reset", 10)]),
            billed: 1_110,
            prompt_tokens: 5,
            completion_tokens: 1,
            cost_usd: 0.25,
            ..Stats::default()
        };
        let mut lines = vec![
            "1,200 requests over 2 connections, 64 at one time",
            "answered: 1,100 × 200, 90 × 429",
            "faults: 10 × reset",
            "1,110 answers would have cost $0.250, with 5 prompt tokens and 1 answer token",
        ];
        assert_eq!(summary(&stats), lines);
        let limited = BTreeMap::from([("outage", 90)]);
        let stats = Stats { limited, cut: Bill { answers: 10, ..Bill::default() }, ..stats };
        lines.insert(3, "refused by limits: 90 × outage");
        lines.push("of these did not arrive: 10 × cut");
        assert_eq!(summary(&stats), lines);
    }
}
