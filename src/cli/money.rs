//! Amounts of money, as people read them.

pub(crate) use nightreel::price::usd;
use nightreel::store::Totals;

use super::count::{count, counted};

/// What was spent, where nobody knows what some attempts cost, in a word.
pub(crate) fn spent(cost_usd: f64, unknown_costs: u64) -> String {
    match (known(cost_usd, unknown_costs), unknown_costs) {
        (None, _) => "unknown".to_owned(),
        (Some(cost_usd), 0) => usd(cost_usd),
        (Some(cost_usd), _) => format!("≥ {}", usd(cost_usd)),
    }
}

/// What is known of a cost, for programs; `None` where nothing is, which is not the same as nothing.
pub(crate) fn known(cost_usd: f64, unknown_costs: u64) -> Option<f64> {
    (unknown_costs == 0 || cost_usd > 0.0).then_some(cost_usd)
}

/// What a run cost, what of it nobody knows, and what to do about that.
pub(crate) fn told(totals: &Totals) -> String {
    let (unknown, unpriced) = (totals.unknown_costs(), totals.unpriced_answers());
    let mut parts: Vec<String> =
        known(totals.cost_usd(), unknown).map(|cost| spent(cost, unknown)).into_iter().collect();
    if unpriced > 0 {
        let (unpriced, answers) = (count(unpriced), counted(totals.answered(), "answer"));
        parts.push(format!("cost unknown for {unpriced} of {answers}: give a price table with prices = \"FILE\""));
    }
    if unknown > unpriced {
        let attempts = counted(unknown - unpriced, "attempt");
        parts.push(format!("cost unknown for {attempts} without an answer, which may have been billed"));
    }
    if totals.assumed_cost_usd() > 0.0 {
        parts.push(format!("the budget counts {} for what is unknown", usd(totals.assumed_cost_usd())));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use nightreel::model::Class;
    use nightreel::store::LaneTotals;

    use super::*;

    #[test]
    fn what_is_not_known_is_said() {
        for (cost_usd, unknown, text, number) in [
            (0.5, 0, "$0.500", Some(0.5)),
            (0.5, 3, "≥ $0.500", Some(0.5)),
            (0.0, 3, "unknown", None),
            (0.0, 0, "$0", Some(0.0)),
        ] {
            assert_eq!((spent(cost_usd, unknown).as_str(), known(cost_usd, unknown)), (text, number));
        }
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
            let totals = Totals { lanes: vec![lane], attempts: vec![(Class::Answered, 10)], replayed: 0 };
            assert_eq!(told(&totals), expected);
        }
    }
}
