//! A number that is known within bounds.

use std::ops::Add;

use serde::Serialize;

/// A number that is known within bounds: of tokens, or of USD.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub(super) struct Range {
    /// It is not less than this.
    pub(super) low: Option<f64>,
    /// What it most likely is.
    pub(super) likely: Option<f64>,
    /// It is not more than this.
    pub(super) high: Option<f64>,
}

impl Range {
    pub(super) const ZERO: Self = Self::exactly(0.0);

    pub(super) const fn exactly(number: f64) -> Self {
        Self { low: Some(number), likely: Some(number), high: Some(number) }
    }

    /// The same without fractions.
    pub(super) fn rounded(self) -> Self {
        let [low, likely, high] = [self.low, self.likely, self.high].map(|number| number.map(f64::round));
        Self { low, likely, high }
    }
}

impl Add for Range {
    type Output = Self;

    /// What is not known of one of them is not known of their sum.
    fn add(self, other: Self) -> Self {
        let sum = |left: Option<f64>, right: Option<f64>| left.zip(right).map(|(left, right)| left + right);
        Self { low: sum(self.low, other.low), likely: sum(self.likely, other.likely), high: sum(self.high, other.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_known_where_both_parts_are() {
        let open = Range { low: Some(1.0), likely: None, high: None };
        assert_eq!(Range::exactly(2.0) + open, Range { low: Some(3.0), likely: None, high: None });
        assert_eq!(Range::ZERO + Range::exactly(2.5).rounded(), Range::exactly(3.0));
    }
}
