//! Secrets that are left in what was imported.

use std::collections::BTreeSet;

use nightreel::fixture::{Planted, Scanner};
use nightreel::model::Exchange;

use super::super::count::counted;

/// Says what looks like a secret in exchanges that go to a file; `None` where nothing does.
pub(super) fn secrets_left(exchanges: &[Exchange], file: &str) -> Option<String> {
    let mut scanner = Scanner::new(Planted::default());
    for exchange in exchanges {
        scanner.exchange(file, exchange);
    }
    let findings = scanner.finish().findings;
    if findings.is_empty() {
        return None;
    }
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    let places = counted(findings.len() as u64, "place");
    Some(format!(
        "note: {places} of what was taken may be secret ({}); `nightreel fixture scan {file}` shows where",
        rules.join(", ")
    ))
}
