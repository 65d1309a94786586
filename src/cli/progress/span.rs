//! How long something takes, as people read it.

use std::time::Duration;

/// A length of time in its two largest units, rounded to the nearest second: `7s`, `2m 17s`, `3h 05m`, `2d 3h`.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_millis() >= 500));
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// A wait, which may be shorter than a second: `250ms`, `2.5s`, `1m 30s`.
pub(super) fn wait(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ ..1_000 => format!("{millis}ms"),
        ..10_000 => format!("{:.1}s", duration.as_secs_f64()),
        _ => span(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        for (millis, text) in [
            (0, "0s"),
            (499, "0s"),
            (500, "1s"),
            (59_400, "59s"),
            (59_500, "1m 00s"),
            (137_000, "2m 17s"),
            (3_600_000, "1h 00m"),
            (11_100_000, "3h 05m"),
            (183_600_000, "2d 3h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text, "{millis}");
        }
        assert_eq!(span(Duration::MAX), "213503982334601d 7h");
    }

    #[test]
    fn a_wait_may_be_short() {
        for (millis, text) in [(0, "0ms"), (250, "250ms"), (2_500, "2.5s"), (10_000, "10s"), (90_000, "1m 30s")] {
            assert_eq!(wait(Duration::from_millis(millis)), text, "{millis}");
        }
    }
}
