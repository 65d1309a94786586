//! What became of a run's limits, for people.

use nightreel::store::{Limit, LimitChange};

use super::super::count::{count, counted};
use super::super::local_time::local;
use super::super::money::usd;
use super::super::page::Page;
use super::super::terminal_text::shortened;

/// How many changes are told.
const CHANGES: usize = 10;
/// How long a model's name and a reason are told.
const SHOWN: usize = 200;

/// The first changes, and how many more there are; nothing where no limit changed.
pub(super) fn write(page: &mut Page, changes: &[LimitChange]) {
    if changes.is_empty() {
        return;
    }
    page.line("\nchanges of limits");
    for change in changes.iter().take(CHANGES) {
        page.line(format_args!("  {}  {}", local(change.at_ms), line(change)));
    }
    let more = changes.len().saturating_sub(CHANGES) as u64;
    if more > 0 {
        page.line(format_args!("  … and {}; --json tells all of them", counted(more, "more change")));
    }
}

fn line(change: &LimitChange) -> String {
    let lane = change.lane.as_deref().map(|lane| format!("{}: ", shortened(lane, SHOWN))).unwrap_or_default();
    let reason = shortened(&change.reason, SHOWN);
    let of = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| amount(change.what, value));
    match (change.what, change.now) {
        (Limit::Paused, Some(now)) if now > 0.0 => format!("{lane}paused: {reason}"),
        (Limit::Paused, _) => format!("{lane}goes on: {reason}"),
        (what, now) => format!("{lane}{} {} → {}: {reason}", what.as_str(), of(change.was), of(now)),
    }
}

fn amount(what: Limit, value: f64) -> String {
    if what == Limit::BudgetUsd {
        return usd(value);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, which shows")]
    let whole = value.round() as u64;
    count(whole)
}

#[cfg(test)]
mod tests {
    use nightreel::store::RunId;

    use super::*;

    fn change(what: Limit, was: Option<f64>, now: Option<f64>) -> LimitChange {
        let reason = "429\nseen".to_owned();
        LimitChange { run: RunId(1), lane: Some("m".into()), at_ms: 0, what, was, now, reason }
    }

    #[test]
    fn every_change_says_what_it_was_and_why() {
        for (change, expected) in [
            (change(Limit::InFlight, Some(64.0), Some(32.0)), "m: in_flight 64 → 32: 429\\nseen"),
            (change(Limit::RequestsPerMinute, None, Some(6000.0)), "m: requests_per_minute none → 6,000: 429\\nseen"),
            (change(Limit::TokensPerMinute, Some(1e6), None), "m: tokens_per_minute 1,000,000 → none: 429\\nseen"),
            (change(Limit::BudgetUsd, Some(0.5), Some(2.0)), "m: budget_usd $0.500 → $2.00: 429\\nseen"),
            (change(Limit::Paused, Some(0.0), Some(1.0)), "m: paused: 429\\nseen"),
            (change(Limit::Paused, Some(1.0), Some(0.0)), "m: goes on: 429\\nseen"),
        ] {
            assert_eq!(line(&change), expected);
        }
    }

    #[test]
    fn the_first_changes_are_told_and_the_others_counted() {
        let text = |number: usize| {
            let mut page = Page::default();
            write(&mut page, &vec![change(Limit::InFlight, Some(2.0), Some(1.0)); number]);
            page.finish()
        };
        assert_eq!(text(0), "");
        assert!(!text(CHANGES).contains("more change"), "{}", text(CHANGES));
        let text = text(CHANGES + 2);
        assert_eq!(text.lines().count(), CHANGES + 3, "{text}");
        assert!(text.ends_with("  … and 2 more changes; --json tells all of them\n"), "{text}");
    }
}
