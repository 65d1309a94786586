//! Amounts of money, as people read them.

use super::count::count;

/// An amount in USD: cents where it is a dollar or more, else three digits that count.
pub(crate) fn usd(amount: f64) -> String {
    if amount == 0.0 {
        return "$0".to_owned();
    }
    if amount.abs() >= 0.9995 {
        let sign = if amount < 0.0 { "-" } else { "" };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, which shows")]
        let cents = (amount.abs() * 100.0).round() as u64;
        return format!("{sign}${}.{:02}", count(cents / 100), cents % 100);
    }
    let digits = three_digits(amount.abs());
    format!("${amount:.digits$}")
}

/// How many decimals show three digits that count, two of them at least.
fn three_digits(amount: f64) -> usize {
    let mut digits = 2;
    let mut scaled = amount * 100.0;
    while scaled < 99.95 && digits < 12 {
        scaled *= 10.0;
        digits += 1;
    }
    digits
}

/// What was spent, where some replies did not say what they cost.
pub(crate) fn spent(cost_usd: f64, unknown_costs: u64) -> String {
    match unknown_costs {
        0 => usd(cost_usd),
        _ if cost_usd == 0.0 => "unknown".to_owned(),
        _ => format!("≥ {}", usd(cost_usd)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_the_digits_that_count() {
        for (amount, text) in [
            (0.0, "$0"),
            (1234.5, "$1,234.50"),
            (1.0, "$1.00"),
            (0.9999, "$1.00"),
            (0.5, "$0.500"),
            (0.012_345, "$0.0123"),
            (0.000_002_5, "$0.00000250"),
            (1e-30, "$0.000000000000"),
        ] {
            assert_eq!(usd(amount), text);
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(spent(0.5, 0), "$0.500");
        assert_eq!(spent(0.5, 3), "≥ $0.500");
        assert_eq!(spent(0.0, 3), "unknown");
        assert_eq!(spent(0.0, 0), "$0");
    }
}
