//! What answers cost, and what of it they tell.

use std::fmt;
use std::str::FromStr;

/// Billionths in a USD.
const NANO: u64 = 1_000_000_000;
/// Decimals of a billionth.
const DECIMALS: usize = 9;

/// An amount of money, exact, in billionths of a USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct NanoUsd(pub u64);

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no amount; write USD with nine decimals at most, as 0.0137")]
pub struct NanoUsdError(String);

/// What the `usage` of an answer tells of its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CostTold {
    /// All of it, in `cost`; the details break the same amount down.
    #[default]
    Cost,
    /// The key is the customer's own: `cost` is the router's fee, a twentieth, and
    /// `cost_details.upstream_inference_cost` the rest.
    Byok,
    /// Nothing: tokens alone.
    Nothing,
}

/// How answers are billed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Billing {
    /// What each of them costs; by default their tokens have prices.
    pub(super) each: Option<NanoUsd>,
    pub(super) told: CostTold,
}

impl FromStr for NanoUsd {
    type Err = NanoUsdError;

    /// Takes `0.0137`, `2` and `.5`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_digits = !whole.is_empty() || !decimals.is_empty();
        let read = || {
            let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
            let nano: u64 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
            whole.checked_mul(NANO)?.checked_add(nano).map(Self)
        };
        let is_fine = has_digits && is_number(whole) && is_number(decimals) && decimals.len() <= DECIMALS;
        is_fine.then(read).flatten().ok_or_else(|| NanoUsdError(text.to_owned()))
    }
}

/// In USD, without zeros at the end.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, nano) = (self.0 / NANO, self.0 % NANO);
        match format!("{nano:09}").trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            decimals => write!(f, "{whole}.{decimals}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_come_back_as_they_were() {
        for (text, nano, shown) in [
            ("0.0137", 13_700_000, "0.0137"),
            ("2", 2_000_000_000, "2"),
            (".5", 500_000_000, "0.5"),
            ("1.000000001", 1_000_000_001, "1.000000001"),
            ("3.", 3_000_000_000, "3"),
            ("0", 0, "0"),
        ] {
            let amount: NanoUsd = text.parse().unwrap();
            assert_eq!((amount.0, amount.to_string().as_str()), (nano, shown), "{text}");
        }
        for text in ["", ".", "-1", "+1", "1e3", "0.0000000001", "1.2.3", "99999999999999", "a", "1 "] {
            assert_eq!(text.parse::<NanoUsd>(), Err(NanoUsdError(text.to_owned())));
        }
    }
}
