//! Amounts of money, as people read them.

pub(crate) use nightreel::price::usd;
use nightreel::store::{Lost, RunId, Totals};

use super::count::{count, counted};
use super::terminal_text::one_line;

/// What was spent, in a word; at least, where it may be more than what is known.
pub(crate) fn spent(cost_usd: f64, may_be_more: bool) -> String {
    match (known(cost_usd, may_be_more), may_be_more) {
        (None, _) => "unknown".to_owned(),
        (Some(cost_usd), false) => usd(cost_usd),
        (Some(cost_usd), true) => format!("≥ {}", usd(cost_usd)),
    }
}

/// What is known of a cost that may be more, for programs; `None` where nothing is, which is not the same
/// as nothing.
pub(crate) fn known(cost_usd: f64, may_be_more: bool) -> Option<f64> {
    (!may_be_more || cost_usd > 0.0).then_some(cost_usd)
}

/// What a run cost, what of it nobody knows, and what to do about that: a price table is no help where
/// there is one already.
pub(crate) fn told(totals: &Totals, has_prices: bool) -> String {
    let (lost, unpriced) = (&totals.lost, totals.unpriced_answers());
    let all_unknown = totals.unknown_costs();
    let unknown = all_unknown - lost.requests;
    let may_be_more = totals.may_cost_more();
    let mut parts: Vec<String> =
        known(totals.cost_usd(), may_be_more).map(|cost| spent(cost, may_be_more)).into_iter().collect();
    if unpriced > 0 {
        let (unpriced, answers) = (count(unpriced), counted(totals.answered(), "answer"));
        let advice = if has_prices { "" } else { ": give a price table with prices = \"FILE\"" };
        parts.push(format!("cost unknown for {unpriced} of {answers}{advice}"));
    }
    if unknown > unpriced {
        let attempts = counted(unknown - unpriced, "attempt");
        parts.push(format!("cost unknown for {attempts} without an answer, which may have been billed"));
    }
    if lost.requests > 0 {
        let requests = counted(lost.requests, "request");
        parts.push(format!("cost unknown for {requests} in flight when {}, which may have been billed", ended(lost)));
    }
    let underpriced: Vec<&str> =
        totals.lanes.iter().filter(|lane| lane.is_underpriced).map(|lane| lane.model.as_str()).collect();
    if !underpriced.is_empty() {
        let models = one_line(&underpriced.join(", "));
        parts.push(format!("the price of {models} is too low: what it says of a reply is the least that it cost"));
    }
    if totals.assumed_cost_usd() > 0.0 {
        parts.push(format!("the budget counts {} for what is unknown", usd(totals.assumed_cost_usd())));
    }
    parts.join("; ")
}

/// What is told of the requests that earlier processes had in flight when a run goes on, or when one
/// begins after another that was killed.
pub(crate) fn told_lost(lost: &Lost, of_earlier: Option<RunId>, has_budget: bool) -> String {
    let (was, it) = if lost.requests == 1 { ("was", "it") } else { ("were", "they") };
    let requests = counted(lost.requests, "request");
    let of_run = of_earlier.map(|run| format!(" of run {run}")).unwrap_or_default();
    let mut text = format!("{requests}{of_run} {was} in flight when {}: {it} may have been billed", ended(lost));
    if lost.worst_usd > 0.0 {
        text += &format!(", at most {}", usd(lost.worst_usd));
    }
    if lost.worst_usd > 0.0 && lost.unpriced > 0 {
        text += &format!(" but for {} of unknown cost", count(lost.unpriced));
    }
    match of_earlier {
        _ if !has_budget => {}
        None => text += "; the budget counts that",
        Some(_) => text += "; the budget of this run, which is another one, does not count that",
    }
    text
}

/// Which processes ended.
fn ended(lost: &Lost) -> String {
    match lost.processes.as_slice() {
        [pid] => format!("process {pid} ended"),
        [first, second] => format!("processes {first} and {second} ended"),
        more => format!("{} processes ended", more.len()),
    }
}

#[cfg(test)]
mod tests {
    use nightreel::model::Class;
    use nightreel::store::LaneTotals;

    use super::*;

    #[test]
    fn what_is_not_known_is_said() {
        for (cost_usd, may_be_more, text, number) in [
            (0.5, false, "$0.500", Some(0.5)),
            (0.5, true, "≥ $0.500", Some(0.5)),
            (0.0, true, "unknown", None),
            (0.0, false, "$0", Some(0.0)),
        ] {
            assert_eq!((spent(cost_usd, may_be_more).as_str(), known(cost_usd, may_be_more)), (text, number));
        }
    }

    #[test]
    fn what_a_price_said_that_is_too_low_is_told_as_the_least() {
        let lane = |model: &str, is_underpriced| LaneTotals {
            model: model.to_owned(),
            cost_usd: 0.25,
            assumed_cost_usd: if is_underpriced { 1.5 } else { 0.0 },
            is_underpriced,
            ..LaneTotals::default()
        };
        let totals = Totals { lanes: vec![lane("m", true), lane("n", false)], ..Totals::default() };
        let expected = "≥ $0.500; the price of m is too low: what it says of a reply is the least that it cost; \
                        the budget counts $1.50 for what is unknown";
        assert_eq!(told(&totals, true), expected);
    }

    #[test]
    fn what_was_in_flight_when_a_process_ended_is_told() {
        let lost = |requests, worst_usd, unpriced, processes: &[u32]| Lost {
            requests,
            worst_usd,
            unpriced,
            processes: processes.to_vec(),
        };
        for (lost, of_earlier, has_budget, expected) in [
            (
                lost(12, 0.0072, 0, &[4711]),
                None,
                true,
                "12 requests were in flight when process 4711 ended: they may have been billed, at most $0.00720; \
                 the budget counts that",
            ),
            (
                lost(1, 0.0, 1, &[4711]),
                None,
                false,
                "1 request was in flight when process 4711 ended: it may have been billed",
            ),
            (
                lost(2, 0.0, 2, &[4711]),
                Some(RunId(3)),
                false,
                "2 requests of run 3 were in flight when process 4711 ended: they may have been billed",
            ),
            (
                lost(1, 0.25, 0, &[4711]),
                Some(RunId(3)),
                true,
                "1 request of run 3 was in flight when process 4711 ended: it may have been billed, at most $0.250; \
                 the budget of this run, which is another one, does not count that",
            ),
            (
                lost(3, 0.5, 1, &[1, 2]),
                None,
                true,
                "3 requests were in flight when processes 1 and 2 ended: they may have been billed, at most $0.500 but \
                 for 1 of unknown cost; the budget counts that",
            ),
        ] {
            assert_eq!(told_lost(&lost, of_earlier, has_budget), expected);
        }
        let totals = Totals { lost: lost(12, 0.5, 0, &[1, 2, 3]), ..Totals::default() };
        let expected = "cost unknown for 12 requests in flight when 3 processes ended, which may have been billed; \
                        the budget counts $0.500 for what is unknown";
        assert_eq!(told(&totals, false), expected);
    }

    #[test]
    fn what_nobody_knows_is_never_told_as_nothing() {
        let table = "give a price table with prices = \"FILE\"";
        for (cost_usd, assumed, unknown, unpriced, expected) in [
            (0.5, 0.0, 0, 0, "$0.500".to_owned()),
            (0.0, 0.0, 0, 0, "$0".to_owned()),
            (0.5, 0.0, 3, 3, format!("≥ $0.500; cost unknown for 3 of 10 answers: {table}")),
            (0.0, 0.0, 10, 10, format!("cost unknown for 10 of 10 answers: {table}")),
            (
                0.5,
                0.25,
                1,
                0,
                "≥ $0.500; cost unknown for 1 attempt without an answer, which may have been billed; \
                 the budget counts $0.250 for what is unknown"
                    .to_owned(),
            ),
            (
                0.0,
                0.0,
                4,
                2,
                format!(
                    "cost unknown for 2 of 10 answers: {table}; \
                     cost unknown for 2 attempts without an answer, which may have been billed"
                ),
            ),
        ] {
            let lane = LaneTotals {
                cost_usd,
                assumed_cost_usd: assumed,
                unknown_costs: unknown,
                unpriced_answers: unpriced,
                ..LaneTotals::default()
            };
            let totals = Totals { lanes: vec![lane], attempts: vec![(Class::Answered, 10)], ..Totals::default() };
            assert_eq!(told(&totals, false), expected);
            assert_eq!(told(&totals, true), expected.replace(&format!(": {table}"), ""));
        }
    }
}
