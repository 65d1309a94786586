//! Numbers, as people read them.

/// A count with its thousands apart: `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 item`, `2,000 items`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", grouped(count)),
        (_, None) => format!("{} {noun}s", grouped(count)),
    }
}

/// A count in a few characters: `999`, `1.2k`, `3.4M`.
pub(super) fn short(count: u64) -> String {
    // Tenths of the unit, rounded to the nearest.
    let tenths = |unit: u64| (count / (unit / 10)).saturating_add(u64::from(count % (unit / 10) >= unit / 20));
    let units = [("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];
    if count < 1_000 {
        return count.to_string();
    }
    let fitting = units.into_iter().find(|(_, unit)| tenths(*unit) < 10_000);
    let (name, unit) = fitting.unwrap_or(units[units.len() - 1]);
    format!("{}.{}{name}", grouped(tenths(unit) / 10), tenths(unit) % 10)
}

/// A share in percent, rounded down, so that 100 means all: `12.3 %`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1_000).checked_div(u128::from(whole)).unwrap_or(1_000).min(1_000);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A rate: a second, or a minute where it is slower than one a second.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        slow if slow > 0.0 && slow < 0.95 => format!("{:.1}/min", slow * 60.0),
        fast if fast >= 99.95 => {
            let whole = format!("{fast:.0}");
            format!("{}/s", whole.parse().map_or(whole, grouped))
        }
        per_second => format!("{per_second:.1}/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_thousands_apart() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn a_noun_agrees_with_its_count() {
        for (count, noun, text) in [
            (0, "item", "0 items"),
            (1, "item", "1 item"),
            (2_000, "row", "2,000 rows"),
            (1, "retry", "1 retry"),
            (12, "retry", "12 retries"),
        ] {
            assert_eq!(counted(count, noun), text);
        }
    }

    #[test]
    fn large_counts_are_short() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (1_234, "1.2k"),
            (1_250, "1.3k"),
            (999_949, "999.9k"),
            (999_950, "1.0M"),
            (3_400_000, "3.4M"),
            (2_000_000_000, "2.0G"),
            (u64::MAX, "18,446,744.1T"),
        ] {
            assert_eq!(short(count), text);
        }
    }

    #[test]
    fn a_hundred_percent_means_all() {
        for (part, whole, text) in [
            (0, 10, "0.0 %"),
            (1_234, 10_000, "12.3 %"),
            (99_999, 100_000, "99.9 %"),
            (10, 10, "100.0 %"),
            (11, 10, "100.0 %"),
            (0, 0, "100.0 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
        ] {
            assert_eq!(percent(part, whole), text, "{part}/{whole}");
        }
    }

    #[test]
    fn a_slow_rate_is_told_a_minute() {
        for (per_second, text) in [
            (0.0, "0.0/s"),
            (0.1, "6.0/min"),
            (0.95, "0.9/s"),
            (1.0, "1.0/s"),
            (64.04, "64.0/s"),
            (99.96, "100/s"),
            (12_345.6, "12,346/s"),
        ] {
            assert_eq!(rate(per_second), text, "{per_second}");
        }
    }
}
