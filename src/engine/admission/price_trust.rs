//! How far the price of a lane is believed.

use super::usage::{FEW, Told};

/// A cost this much beyond another, as a share of it, is the same: sums of prices are rounded.
const ROUNDING: f64 = 1e-9;
/// A reply may cost this much more than its tokens do by the price, as a share of it: a fee, or what
/// a small cost is rounded to.
const FEE: f64 = 0.05;

/// How far the price of a lane is believed, by what its replies have cost.
///
/// A price is what a table says, and the table may be old, or wrong by its unit. Believed blindly it
/// lets far more requests go at once than the budget can pay for, and none of them is known to be
/// too dear before all of them are sent. So a price is tried by one request before others follow,
/// and one that was passed is corrected by what was seen. The factor is one on the price, since a
/// dear request costs more than a cheap one by the right price too. It is not all: where something
/// costs by the request and not by its tokens, a small one costs as much as the dearest, so that no
/// request counts with less than it would without any price. A short answer stays below its worst case
/// by a price that is far too low: what its own tokens cost by the price tells that too. And since the
/// first reply may be among the cheapest, few are in flight while few have come.
///
/// What a cache replies tells nothing of the price. A lane that it answers needs no trial either, so
/// that a few more of its requests go at once with each such reply. So they do where replies do not say
/// what they cost, or that they cost nothing: after some of these there is only the price to go by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum PriceTrust {
    /// No reply of the run has told yet.
    #[default]
    Untried,
    /// Replies of earlier sessions of the run told what they cost, which may be the price: it was not
    /// passed by what the tokens of the dearest one cost.
    Doubted,
    /// No reply has cost more than the price allows.
    Kept,
    /// A reply has cost more than the price allows.
    Passed {
        /// How many times as much as the worst case, at most so far; never less than 1.
        times: f64,
    },
}

impl PriceTrust {
    /// How many requests of the lane may be in flight, by what its replies have told; `None` is as many
    /// as the budget reaches for.
    pub(super) fn at_once(self, told: Told) -> Option<u32> {
        match self {
            Self::Untried | Self::Doubted => {
                (told.untold < FEW).then(|| told.cached.saturating_add(told.untold).clamp(1, FEW))
            }
            Self::Kept => None,
            Self::Passed { .. } => at_once_without_price(told),
        }
    }

    /// How far the price is believed where a run goes on, by the dearest reply so far, and by what its
    /// tokens cost by the price.
    pub(super) fn of_earlier(cost_usd: f64, of_tokens_usd: Option<f64>) -> Self {
        if is_kept_by_tokens(cost_usd, of_tokens_usd) { Self::Doubted } else { Self::Passed { times: 1.0 } }
    }

    /// Whether the price says what a reply has cost that does not tell it.
    pub(super) const fn is_believed(self) -> bool {
        !matches!(self, Self::Passed { .. })
    }

    /// How far the price is believed after a reply, by its worst case, and by what its tokens cost by
    /// the price where it says how many they are.
    pub(super) fn after(self, cost_usd: f64, by_price_usd: f64, of_tokens_usd: Option<f64>) -> Self {
        let is_kept = !is_beyond(cost_usd, by_price_usd) && is_kept_by_tokens(cost_usd, of_tokens_usd);
        match self {
            Self::Untried | Self::Doubted | Self::Kept if is_kept => Self::Kept,
            Self::Untried | Self::Doubted | Self::Kept => Self::Passed { times: times(cost_usd, by_price_usd) },
            Self::Passed { times: most } => Self::Passed { times: most.max(times(cost_usd, by_price_usd)) },
        }
    }

    /// The worst that a request may cost, in USD: by its price, where there is one, and by the
    /// dearest answer that its lane has seen.
    pub(super) fn worst_usd(self, by_price_usd: Option<f64>, dearest_usd: Option<f64>) -> Option<f64> {
        let Some(by_price_usd) = by_price_usd else { return dearest_usd };
        let at_least_usd = dearest_usd.unwrap_or_default();
        Some(match self {
            Self::Untried | Self::Kept => by_price_usd,
            Self::Doubted => by_price_usd.max(at_least_usd),
            Self::Passed { times } => (by_price_usd * times).max(at_least_usd),
        })
    }
}

/// How many requests may be in flight of a lane that has no price, by what its replies have told; `None`
/// is as many as the budget reaches for.
///
/// What answers of other sessions have cost says where to begin, and no more: the job may have changed.
pub(super) fn at_once_without_price(told: Told) -> Option<u32> {
    (told.priced < FEW).then(|| told.priced.saturating_add(told.cached).clamp(1, FEW))
}

/// Whether a reply has cost no more than its tokens do by the price, as far as that is known.
fn is_kept_by_tokens(cost_usd: f64, of_tokens_usd: Option<f64>) -> bool {
    of_tokens_usd.is_none_or(|of_tokens_usd| !is_beyond(cost_usd, of_tokens_usd * (1.0 + FEE)))
}

/// Whether a cost is more than another one.
pub(super) fn is_beyond(cost_usd: f64, other_usd: f64) -> bool {
    cost_usd > other_usd * (1.0 + ROUNDING)
}

/// How many times as much as its worst case a reply has cost. What costs nothing by its price is
/// held by the dearest answer alone.
fn times(cost_usd: f64, by_price_usd: f64) -> f64 {
    if by_price_usd > 0.0 { (cost_usd / by_price_usd).max(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: PriceTrust = PriceTrust::Passed { times: 32.0 };

    #[test]
    fn a_price_is_kept_or_passed_and_the_most_that_was_seen_counts() {
        use PriceTrust::{Doubted, Kept, Passed, Untried};
        for (trust, cost_usd, by_price_usd, expected) in [
            (Untried, 0.5, 0.5, Kept),
            (Untried, 0.0, 0.0, Kept),
            (Untried, 0.1 + 0.2, 0.3, Kept),
            (Untried, 2.0, 0.5, Passed { times: 4.0 }),
            (Untried, 2.0, 0.0, Passed { times: 1.0 }),
            (Doubted, 0.5, 0.5, Kept),
            (Doubted, 2.0, 0.5, Passed { times: 4.0 }),
            (Kept, 0.5, 0.5, Kept),
            (Kept, 2.0, 0.5, Passed { times: 4.0 }),
            (PASSED, 2.0, 0.5, PASSED),
            (PASSED, 0.5, 0.5, PASSED),
            (PASSED, 32.0, 0.5, Passed { times: 64.0 }),
            (PASSED, 2.0, 0.0, PASSED),
        ] {
            let after = trust.after(cost_usd, by_price_usd, None);
            assert_eq!(after, expected, "{trust:?}, {cost_usd} of {by_price_usd}");
        }
        for (trust, of_tokens_usd, expected) in [
            (Untried, 0.25, Kept),
            (Doubted, 0.24, Kept),
            (Kept, 0.125, Passed { times: 1.0 }),
            (Untried, 0.125, Passed { times: 1.0 }),
            (PASSED, 0.125, PASSED),
            (PASSED, 0.25, PASSED),
        ] {
            let after = trust.after(0.25, 0.5, Some(of_tokens_usd));
            assert_eq!(after, expected, "{trust:?}, 0.25 for tokens of {of_tokens_usd}");
        }
    }

    #[test]
    fn the_worst_case_is_the_price_until_it_is_doubted_or_passed() {
        for (trust, worst) in [
            (PriceTrust::Untried, [Some(0.5), Some(0.5), Some(0.5)]),
            (PriceTrust::Doubted, [Some(0.5), Some(0.5), Some(20.0)]),
            (PriceTrust::Kept, [Some(0.5), Some(0.5), Some(0.5)]),
            (PASSED, [Some(16.0), Some(16.0), Some(20.0)]),
        ] {
            let seen = [None, Some(0.25), Some(20.0)];
            assert_eq!(seen.map(|dearest_usd| trust.worst_usd(Some(0.5), dearest_usd)), worst, "{trust:?}");
            assert_eq!(seen.map(|dearest_usd| trust.worst_usd(None, dearest_usd)), seen, "{trust:?}");
        }
    }

    #[test]
    fn where_a_run_goes_on_the_dearest_reply_tells_whether_its_price_was_passed() {
        for (of_tokens_usd, expected) in [
            (None, PriceTrust::Doubted),
            (Some(0.5), PriceTrust::Doubted),
            // A fee.
            (Some(0.48), PriceTrust::Doubted),
            (Some(0.4), PriceTrust::Passed { times: 1.0 }),
            (Some(0.0), PriceTrust::Passed { times: 1.0 }),
        ] {
            assert_eq!(PriceTrust::of_earlier(0.5, of_tokens_usd), expected, "{of_tokens_usd:?}");
        }
    }

    #[test]
    fn a_price_is_tried_by_one_request_and_one_that_was_passed_by_as_many_as_have_told() {
        for (trust, at_once) in [
            (PriceTrust::Untried, [Some(1), Some(1), Some(1), Some(1)]),
            (PriceTrust::Doubted, [Some(1), Some(1), Some(1), Some(1)]),
            (PriceTrust::Kept, [None, None, None, None]),
            (PASSED, [Some(1), Some(1), Some(FEW - 1), None]),
        ] {
            assert_eq!(
                [0, 1, FEW - 1, FEW].map(|priced| trust.at_once(Told { priced, ..Told::default() })),
                at_once,
                "{trust:?}"
            );
        }
    }

    #[test]
    fn where_replies_tell_nothing_of_the_price_it_is_believed_after_a_few() {
        for (trust, at_once) in [
            (PriceTrust::Untried, [Some(1), Some(1), Some(FEW - 1), None]),
            (PriceTrust::Doubted, [Some(1), Some(1), Some(FEW - 1), None]),
            (PriceTrust::Kept, [None, None, None, None]),
            (PASSED, [Some(1), Some(1), Some(1), Some(1)]),
        ] {
            let untold = |untold| trust.at_once(Told { untold, ..Told::default() });
            assert_eq!([0, 1, FEW - 1, FEW].map(untold), at_once, "{trust:?}");
        }
    }

    #[test]
    fn without_a_price_no_more_are_in_flight_than_replies_have_come_while_few_have_told() {
        for (replies, cached, at_once) in [
            (0, 0, Some(1)),
            (0, 3, Some(3)),
            (0, 1_000, Some(FEW)),
            (1, 0, Some(1)),
            (4, 2, Some(6)),
            (FEW - 1, 0, Some(FEW - 1)),
            (FEW - 1, 9, Some(FEW)),
            (FEW, 0, None),
            (u32::MAX, u32::MAX, None),
        ] {
            let told = Told { priced: replies, cached, untold: 0 };
            assert_eq!(at_once_without_price(told), at_once, "{replies} replies, {cached} of a cache");
        }
    }

    #[test]
    fn where_a_cache_replies_a_few_more_try_the_price_at_once() {
        for (trust, at_once) in [
            (PriceTrust::Untried, [Some(1), Some(2), Some(FEW), Some(FEW)]),
            (PriceTrust::Doubted, [Some(1), Some(2), Some(FEW), Some(FEW)]),
            (PriceTrust::Kept, [None, None, None, None]),
            (PASSED, [Some(1), Some(2), Some(FEW), Some(FEW)]),
        ] {
            assert_eq!(
                [0, 2, FEW, 1_000].map(|cached| trust.at_once(Told { cached, ..Told::default() })),
                at_once,
                "{trust:?}"
            );
        }
    }
}
