//! Amounts of money, as people read them.

/// An amount in USD: cents where it is a dollar or more, else three digits that count.
#[must_use]
pub fn usd(amount: f64) -> String {
    if amount == 0.0 {
        return "$0".to_owned();
    }
    if amount.abs() >= 0.9995 {
        let sign = if amount < 0.0 { "-" } else { "" };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, which shows")]
        let cents = (amount.abs() * 100.0).round() as u64;
        return format!("{sign}${}.{:02}", grouped(cents / 100), cents % 100);
    }
    let digits = three_digits(amount.abs());
    format!("${amount:.digits$}")
}

/// An amount in USD that is no less than another one, with as many digits as [`usd`] tells of it.
#[must_use]
pub fn usd_at_least(amount: f64) -> String {
    // What adding costs leaves behind makes no step of its own.
    const NOISE: f64 = 1e-12;
    let digits = if amount < 0.9995 { three_digits(amount) } else { 2 };
    let steps = (0..digits).fold(1.0, |steps, _| steps * 10.0);
    usd((amount * (1.0 - NOISE) * steps).ceil() / steps)
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

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let (rest, last) = (number / 1000, number % 1000);
    if rest == 0 { last.to_string() } else { format!("{},{last:03}", grouped(rest)) }
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
    fn an_amount_that_is_to_be_reached_is_told_with_no_less() {
        for (amount, text) in [
            (0.0, "$0"),
            (0.004_71 + 0.001_13, "$0.00584"),
            (0.005_840_1, "$0.00585"),
            (0.1 + 0.2, "$0.300"),
            (0.099_91, "$0.100"),
            (0.9991, "$1.00"),
            (0.9995, "$1.00"),
            (0.9999, "$1.00"),
            (1.001, "$1.01"),
            (1234.501, "$1,234.51"),
        ] {
            assert_eq!(usd_at_least(amount), text, "{amount}");
        }
    }
}
