//! A price that proves too low.

use std::fmt;
use std::sync::Arc;

/// A model that has cost more than its price allows: what is told of it, once a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Underpriced {
    /// The model that was asked.
    pub model: Arc<str>,
    /// What a reply cost, in USD.
    pub cost_usd: f64,
    /// What it may have cost at most by its price, in USD.
    pub by_price_usd: f64,
}

impl fmt::Display for Underpriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, cost_usd, by_price_usd } = self;
        let [cost, most, times] = [*cost_usd, *by_price_usd, cost_usd / by_price_usd].map(three_digits);
        if *by_price_usd > 0.0 {
            write!(f, "{model} cost {times} times its price (${cost} a reply instead of at most ${most})")?;
        } else {
            write!(f, "{model} cost ${cost} a reply, and nothing by its price")?;
        }
        f.write_str(": the budget counts with that from now on; correct the price of it in the price table")
    }
}

/// A number with the three digits that count.
fn three_digits(number: f64) -> f64 {
    format!("{number:.2e}").parse().expect("a number that was written is read again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_says_by_how_much_and_what_to_do() {
        for (by_price_usd, expected) in [
            (0.0006, "m cost 33.3 times its price ($0.02 a reply instead of at most $0.0006): "),
            (0.000_123_456, "m cost 162 times its price ($0.02 a reply instead of at most $0.000123): "),
            (0.0, "m cost $0.02 a reply, and nothing by its price: "),
        ] {
            let told = Underpriced { model: "m".into(), cost_usd: 0.02, by_price_usd }.to_string();
            assert!(told.starts_with(expected), "{told}");
            assert!(told.ends_with("; correct the price of it in the price table"), "{told}");
        }
    }
}
