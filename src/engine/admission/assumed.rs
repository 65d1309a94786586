//! What is counted for requests whose cost nobody knows.

use crate::store::ByPrice;

/// What is counted for requests whose cost nobody knows, by a price that may prove too low.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Assumed {
    requests: u64,
    /// What they cost at worst by the price as it was given, in USD.
    by_price_usd: f64,
    /// What is counted for them, in USD.
    counted_usd: f64,
}

impl Assumed {
    /// So many requests, for which so much is counted by their price.
    pub(super) const fn of(requests: u64, usd: f64) -> Self {
        Self { requests, by_price_usd: usd, counted_usd: usd }
    }

    /// Those of a model in earlier sessions of a run, those of which its price says what they cost among
    /// them.
    pub(super) fn of_earlier(of: &ByPrice) -> Self {
        let usd = of.priced_usd + of.assumed_usd;
        Self { requests: of.priced + of.assumed, by_price_usd: usd, counted_usd: usd + of.corrected_usd }
    }

    /// Adds requests of a worst case; gives what it is in all, in USD.
    pub(super) fn add(&mut self, requests: u64, each_usd: f64) -> f64 {
        let usd = count(requests) * each_usd;
        self.requests += requests;
        self.by_price_usd += usd;
        self.counted_usd += usd;
        usd
    }

    /// Adds a request for which more may be counted already than its price says.
    pub(super) const fn add_corrected(&mut self, by_price_usd: f64, counted_usd: f64) {
        self.requests += 1;
        self.by_price_usd += by_price_usd;
        self.counted_usd += counted_usd;
    }

    /// Counts so many times the price, and no less than so much for each request; gives what more that
    /// is than what is counted already, in USD.
    pub(super) fn correct(&mut self, times: f64, least_usd: f64) -> f64 {
        let usd = (self.by_price_usd * times).max(count(self.requests) * least_usd);
        let more_usd = (usd - self.counted_usd).max(0.0);
        self.counted_usd += more_usd;
        more_usd
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of failed attempts is small")]
const fn count(requests: u64) -> f64 {
    requests as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_counts_no_less_than_before_and_nothing_twice() {
        let mut assumed = Assumed::of(2, 0.5);
        let is = |usd: f64, expected: f64| (usd - expected).abs() < 1e-9;
        assert!(is(assumed.add(2, 0.25), 0.5));
        // 1 by the price; so much each; what more counts.
        for (times, least_usd, more_usd) in
            [(1.0, 0.0, 0.0), (2.0, 0.0, 1.0), (2.0, 0.0, 0.0), (1.0, 0.25, 0.0), (1.0, 1.0, 2.0), (5.0, 1.0, 1.0)]
        {
            assert!(is(assumed.correct(times, least_usd), more_usd), "{times} times, at least {least_usd}");
        }
        assumed.add_corrected(0.25, 1.25);
        assert!(is(assumed.correct(8.0, 0.0), 3.75));
    }
}
