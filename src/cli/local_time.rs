//! Points in time: in the reader's own zone for people, in UTC for programs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time in the zone of this machine, to the second.
pub(crate) fn local(unix_ms: i64) -> String {
    in_zone(unix_ms, TimeZone::system())
}

/// A time in UTC, as RFC 3339 has it, to the millisecond.
pub(crate) fn utc(unix_ms: i64) -> String {
    format!("{:.3}", timestamp(unix_ms))
}

fn in_zone(unix_ms: i64, zone: TimeZone) -> String {
    timestamp(unix_ms).to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A damaged store may hold a time that no calendar has: it shows as the first one.
fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_shows_in_its_zone_and_in_utc() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(in_zone(1_795_000_000_123, zone), "2026-11-18 13:06:40");
        assert_eq!(utc(1_795_000_000_123), "2026-11-18T11:06:40.123Z");
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_panic() {
        assert_eq!(utc(i64::MAX), "1970-01-01T00:00:00.000Z");
    }
}
