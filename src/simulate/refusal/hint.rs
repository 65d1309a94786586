//! How a 429 says how long to wait.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Map, Value, json};

use super::super::draw::Draw;

const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How long to wait, in one of the forms in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Hint {
    /// `Retry-After` in whole seconds.
    Seconds(Duration),
    /// `Retry-After` in seconds with three decimals.
    Fractions(Duration),
    /// `Retry-After` as an HTTP date.
    Date(Duration),
    /// `availability.retry_after` in the body.
    Availability(Duration),
    /// `X-RateLimit-Reset` in milliseconds since 1970, as a header and in the body's metadata. The
    /// moment is fixed once, so that both tell the same.
    Reset(u64),
}

impl Hint {
    /// One of the forms, by a number that picks it.
    pub(in super::super) fn pick(draw: &mut Draw, wait: Duration) -> Self {
        // Seconds stand twice: it is in them that both the gateway and the router say it.
        let forms: [fn(Duration) -> Self; 5] =
            [Self::Seconds, Self::Seconds, Self::Date, Self::Availability, Self::reset];
        draw.pick(&forms)(wait)
    }

    /// The moment at which a wait that begins now ends.
    pub(in super::super) fn reset(wait: Duration) -> Self {
        Self::Reset(unix_ms_in(wait))
    }

    /// The header lines that tell it.
    pub(super) fn headers(self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Seconds(wait) => vec![(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)))],
            Self::Fractions(wait) => vec![(RETRY_AFTER, thousandths(wait))],
            Self::Date(wait) => vec![(RETRY_AFTER, date_in(wait))],
            Self::Availability(_) => Vec::new(),
            Self::Reset(unix_ms) => vec![
                (RATE_LIMIT_LIMIT, HeaderValue::from(20)),
                (RATE_LIMIT_REMAINING, HeaderValue::from(0)),
                (RATE_LIMIT_RESET, HeaderValue::from(unix_ms)),
            ],
        }
    }

    /// What the error's `metadata` tells of it.
    pub(super) fn metadata(self) -> Map<String, Value> {
        let Self::Reset(unix_ms) = self else { return Map::new() };
        let reset = unix_ms.to_string();
        let headers = json!({"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset});
        Map::from_iter([("headers".to_owned(), headers)])
    }

    /// The error's `availability`, where it tells it there.
    pub(super) fn availability(self) -> Option<Value> {
        let Self::Availability(wait) = self else { return None };
        let seconds = wait.as_secs_f64();
        let retry_after = if wait.subsec_nanos() == 0 { json!(wait.as_secs()) } else { json!(seconds) };
        Some(json!({
            "code": "capacity_exhausted", "retryable": true, "retry_after": retry_after, "requested_models": [],
            "docs_url": "https://openrouter.ai/docs/api-reference/errors",
        }))
    }
}

/// Rounded up: a client that waits this long never comes too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Rounded up, too.
fn thousandths(wait: Duration) -> HeaderValue {
    let ms = wait.as_nanos().div_ceil(1_000_000);
    HeaderValue::try_from(format!("{}.{:03}", ms / 1_000, ms % 1_000)).expect("digits are ASCII")
}

/// The next whole second after the wait, as a header's date has no finer unit.
fn date_in(wait: Duration) -> HeaderValue {
    let end = Timestamp::try_from(SystemTime::now() + wait).unwrap_or(Timestamp::MAX);
    let second = Timestamp::from_second(end.as_second() + i64::from(end.subsec_nanosecond() > 0)).unwrap_or(end);
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&second).expect("a year of four digits");
    HeaderValue::try_from(date).expect("a date is ASCII")
}

fn unix_ms_in(wait: Duration) -> u64 {
    let end = SystemTime::now() + wait;
    let since = end.duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (milliseconds, seconds) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2")] {
            let headers = Hint::Seconds(Duration::from_millis(milliseconds)).headers();
            assert_eq!(headers, [(RETRY_AFTER, HeaderValue::from_static(seconds))]);
        }
    }

    #[test]
    fn fractions_have_three_decimals_and_are_rounded_up() {
        for (microseconds, seconds) in [(0, "0.000"), (1, "0.001"), (50_000, "0.050"), (12_345_001, "12.346")] {
            let headers = Hint::Fractions(Duration::from_micros(microseconds)).headers();
            assert_eq!(headers, [(RETRY_AFTER, HeaderValue::from_static(seconds))]);
        }
    }

    #[test]
    fn a_date_is_written_as_http_writes_it_and_not_before_the_wait_ends() {
        let wait = Duration::from_secs(5);
        let earliest = Timestamp::now() + wait;
        let headers = Hint::Date(wait).headers();
        let text = headers[0].1.to_str().unwrap();
        assert!(text.ends_with(" GMT") && text.len() == 29, "{text}");
        let date = jiff::fmt::rfc2822::parse(&text.replace("GMT", "+0000")).unwrap().timestamp();
        assert!(date >= earliest && date.duration_since(earliest).as_secs() < 60, "{text}");
    }

    #[test]
    fn availability_tells_whole_and_broken_seconds() {
        for (milliseconds, expected) in [(2000, "2"), (1500, "1.5")] {
            let availability = Hint::Availability(Duration::from_millis(milliseconds)).availability().unwrap();
            assert_eq!(availability["retry_after"].to_string(), expected);
        }
    }
}
