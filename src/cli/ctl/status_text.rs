//! How a run stands, for people.

use nightreel::engine::{Activity, LaneState, RunStatus};

use super::super::count::{count, counted};
use super::super::money::usd;
use super::super::table::{Align, Table};
use super::super::terminal_text::shortened;

/// How wide a model's name may be.
const NAME: usize = 60;
/// How wide the reason may be why a model is asked no more.
const REASON: usize = 100;

/// How a run stands, line by line.
pub(super) fn status_text(status: &RunStatus, process: u32) -> String {
    let what = if status.simulated { "rehearsal" } else { "run" };
    let number = status.run.map(|run| format!(" {run}")).unwrap_or_default();
    let activity = match status.activity {
        Activity::Running => "running",
        Activity::Paused => "paused",
        Activity::Stopping => "stopping",
    };
    let job = shortened(&status.job, NAME);
    let mut text = format!("{job}: {what}{number}, {activity} (process {process})\n");
    let settled = format!("{} of {} settled", count(status.settled), count(status.items));
    line(&mut text, "items", &format!("{settled}, {:.1} a second", status.items_per_second));
    let limit = status.in_flight_limit.map(|limit| format!(" of {}", count(limit as u64))).unwrap_or_default();
    line(&mut text, "in flight", &format!("{}{limit}", count(status.in_flight as u64)));
    line(&mut text, "quotas", &quotas(status));
    if let Some(budget) = status.budget {
        let spent = format!("{} of {} spent", usd(budget.spent_usd), usd(budget.cap_usd));
        line(&mut text, "budget", &format!("{spent}, {} reserved", usd(budget.reserved_usd)));
    }
    if !status.lanes.is_empty() {
        text.push_str(&lanes(&status.lanes));
    }
    text
}

/// What is still in flight.
pub(super) fn counted_in_flight(status: &RunStatus) -> String {
    match status.in_flight {
        0 => "nothing is in flight".to_owned(),
        in_flight => format!("{} still in flight", counted(in_flight as u64, "request")),
    }
}

fn line(text: &mut String, name: &str, content: &str) {
    text.push_str(&format!("  {name:<10} {content}\n"));
}

fn quotas(status: &RunStatus) -> String {
    let requests = status.requests_per_minute.map(|quota| format!("{} requests a minute", count(quota.get().into())));
    let tokens = status.tokens_per_minute.map(|quota| format!("{} tokens a minute", count(quota.get().into())));
    let quotas: Vec<String> = requests.into_iter().chain(tokens).collect();
    if quotas.is_empty() { "none over all models".to_owned() } else { quotas.join(", ") }
}

fn lanes(lanes: &[LaneState]) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("in flight", Align::Right),
        ("limit", Align::Left),
        ("requests/min", Align::Right),
        ("tokens/min", Align::Right),
        ("state", Align::Left),
    ]);
    for lane in lanes {
        let adaptive = if lane.adaptive { " (auto)" } else { "" };
        table.row([
            shortened(&lane.model, NAME),
            count(lane.in_flight as u64),
            format!("{}{adaptive}", count(lane.in_flight_limit as u64)),
            requests_per_minute(lane),
            lane.tokens_per_minute.map_or_else(|| "-".to_owned(), |quota| count(quota.get().into())),
            state(lane),
        ]);
    }
    table.render("  ")
}

/// The quota of a lane, or what it has learned of its server's.
fn requests_per_minute(lane: &LaneState) -> String {
    match (lane.requests_per_minute, lane.learned_requests_per_minute) {
        (_, Some(learned)) => format!("{learned:.0} (learned)"),
        (Some(quota), None) => count(quota.get().into()),
        (None, None) => "-".to_owned(),
    }
}

fn state(lane: &LaneState) -> String {
    match (&lane.closed, lane.cooling_seconds) {
        (Some(reason), _) => format!("asked no more: {}", shortened(reason, REASON)),
        (None, Some(seconds)) => format!("waits {seconds:.1} s, as its server asks"),
        (None, None) => "open".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use nightreel::engine::BudgetState;

    use super::*;

    fn lane(model: &str) -> LaneState {
        LaneState {
            model: model.to_owned(),
            in_flight: 3,
            in_flight_limit: 16,
            adaptive: false,
            requests_per_minute: None,
            tokens_per_minute: None,
            learned_requests_per_minute: None,
            cooling_seconds: None,
            closed: None,
        }
    }

    fn status() -> RunStatus {
        RunStatus {
            job: "nightly".to_owned(),
            run: Some(3),
            simulated: false,
            activity: Activity::Running,
            items: 10_000,
            settled: 1_234,
            items_per_second: 12.53,
            elapsed_seconds: 98.5,
            in_flight: 12,
            in_flight_limit: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            budget: None,
            lanes: Vec::new(),
        }
    }

    #[test]
    fn a_run_without_limits_says_what_it_does() {
        assert_eq!(
            status_text(&status(), 4_711),
            "nightly: run 3, running (process 4711)\n  items      1,234 of 10,000 settled, 12.5 a second\n  \
             in flight  12\n  quotas     none over all models\n"
        );
    }

    #[test]
    fn limits_budget_and_models_are_told() {
        let lanes = vec![
            LaneState { adaptive: true, learned_requests_per_minute: Some(58.4), ..lane("openai/a") },
            LaneState { requests_per_minute: "600".parse().ok(), cooling_seconds: Some(2.34), ..lane("b") },
            LaneState { tokens_per_minute: "200000".parse().ok(), closed: Some("no\nquota".to_owned()), ..lane("c") },
        ];
        let status = RunStatus {
            simulated: true,
            activity: Activity::Paused,
            in_flight_limit: Some(1_024),
            requests_per_minute: "600".parse().ok(),
            tokens_per_minute: "200000".parse().ok(),
            budget: Some(BudgetState { cap_usd: 5.0, spent_usd: 1.2, reserved_usd: 0.3 }),
            lanes,
            ..status()
        };
        let expected = [
            "nightly: rehearsal 3, paused (process 1)",
            "  items      1,234 of 10,000 settled, 12.5 a second",
            "  in flight  12 of 1,024",
            "  quotas     600 requests a minute, 200,000 tokens a minute",
            "  budget     $1.20 of $5.00 spent, $0.300 reserved",
            "  model     in flight  limit      requests/min  tokens/min  state",
            "  openai/a          3  16 (auto)  58 (learned)           -  open",
            "  b                 3  16                  600           -  waits 2.3 s, as its server asks",
            "  c                 3  16                    -     200,000  asked no more: no\\nquota",
        ];
        assert_eq!(status_text(&status, 1).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_still_in_flight_is_counted() {
        for (in_flight, expected) in
            [(0, "nothing is in flight"), (1, "1 request still in flight"), (12, "12 requests still in flight")]
        {
            assert_eq!(counted_in_flight(&RunStatus { in_flight, ..status() }), expected);
        }
    }
}
