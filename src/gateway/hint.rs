//! How long a server asks to be left alone.

use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{Timestamp, civil};
use serde_json::Value;

use super::envelope::ErrorBody;
use crate::model::Reply;

/// What stands for every longer wait, and for one without end. How much of a wait is followed is
/// decided elsewhere: here it is only read.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// From here on a number is seconds since 1970, and no longer a number of seconds to wait.
const EPOCH_SECONDS: f64 = 1e9;
/// From here on it is milliseconds since 1970.
const EPOCH_MILLISECONDS: f64 = 1e11;

/// The wait that a reply asks for: `error.availability.retry_after`, else `Retry-After`, else
/// `X-RateLimit-Reset` in `error.metadata.headers`, else as a header; of each the first that says
/// anything. A hint that has passed, or that says zero, is none. `now` is the caller's clock; a `Date` header goes before it, since a
/// server's dates are meant by its own.
pub(super) fn wait(reply: &Reply, error: &ErrorBody, now: Timestamp) -> Option<Duration> {
    let now = reply.header("date").and_then(http_date).unwrap_or(now);
    let inner = |name: &str| {
        let mut headers = error.limit_headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| text_of(value))
    };
    let header = |name: &str| reply.header(name).map(ToOwned::to_owned);
    let after = |text: String| retry_after(&text, now);
    let reset = |text: String| reset(&text, now);
    let milliseconds = |text: String| seconds(text.trim().parse::<f64>().ok()? / 1000.0);
    None.or_else(|| error.retry_after.as_ref().and_then(text_of).and_then(after))
        .or_else(|| header("retry-after-ms").and_then(milliseconds))
        .or_else(|| header("retry-after").and_then(after))
        .or_else(|| inner("retry-after").and_then(after))
        .or_else(|| inner("x-ratelimit-reset").and_then(reset))
        .or_else(|| header("x-ratelimit-reset").and_then(reset))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Seconds, with a fraction or without, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let text = text.strip_suffix('s').filter(|text| !text.ends_with('s')).unwrap_or(text);
    match text.trim_end().parse::<f64>() {
        Ok(number) => seconds(number),
        Err(_) => until(date(text)?, now),
    }
}

/// Seconds to wait; or the time of the reset, in seconds or milliseconds since 1970 or as a date.
fn reset(text: &str, now: Timestamp) -> Option<Duration> {
    match text.trim().parse::<f64>() {
        Ok(number) if number >= EPOCH_MILLISECONDS => seconds(number / 1000.0 - now.as_duration().as_secs_f64()),
        Ok(number) if number >= EPOCH_SECONDS => seconds(number - now.as_duration().as_secs_f64()),
        Ok(number) => seconds(number),
        Err(_) => retry_after(text, now),
    }
}

/// A wait of so many seconds, where that makes sense.
fn seconds(number: f64) -> Option<Duration> {
    if number.is_nan() || number <= 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(number).unwrap_or(LONGEST).min(LONGEST))
}

fn until(at: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(at.duration_since(now)).ok().filter(|wait| !wait.is_zero()).map(|wait| wait.min(LONGEST))
}

/// A date as HTTP writes it, or as JSON bodies do: `2026-11-22T12:00:00Z`.
fn date(text: &str) -> Option<Timestamp> {
    http_date(text).or_else(|| text.trim().parse().ok())
}

/// A date in any of the three forms that HTTP allows.
fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(zoned) = rfc2822::DateTimeParser::new().parse_zoned(text) {
        return Some(zoned.timestamp());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|form| {
        let time = civil::DateTime::strptime(form, text).ok()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::model::{End, Header};

    fn reply(headers: &[(&str, &str)]) -> Reply {
        let header = |&(name, value): &(&str, &str)| Header { name: name.to_owned(), value: value.to_owned() };
        Reply {
            status: 429,
            headers: headers.iter().map(header).collect(),
            body: Bytes::new(),
            chunks: vec![],
            end: End::Complete,
        }
    }

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_form_of_a_hint_is_read() {
        for (name, value, expected) in [
            ("retry-after", "7", Some(7.0)),
            ("retry-after", " 1.5 ", Some(1.5)),
            ("retry-after", "3s", Some(3.0)),
            ("retry-after", "Sun, 22 Nov 2026 12:00:30 GMT", Some(30.0)),
            ("retry-after", "Sunday, 22-Nov-26 12:00:30 GMT", Some(30.0)),
            ("retry-after", "Sun Nov 22 12:00:30 2026", Some(30.0)),
            ("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT", None),
            ("retry-after", "0", None),
            ("retry-after", "-5", None),
            ("retry-after", "NaN", None),
            ("retry-after", "3 s", Some(3.0)),
            ("retry-after", "3ss", None),
            ("retry-after", "0.25", Some(0.25)),
            ("retry-after", "2026-11-22T12:00:30Z", Some(30.0)),
            ("retry-after", "172800", Some(172_800.0)),
            ("retry-after", "inf", Some(31_536_000.0)),
            ("retry-after", "99999999999999999999", Some(31_536_000.0)),
            ("retry-after", "soon", None),
            ("retry-after", "", None),
            ("retry-after-ms", "250", Some(0.25)),
            ("x-ratelimit-reset", "12", Some(12.0)),
            ("x-ratelimit-reset", "1795348860", Some(60.0)),
            ("x-ratelimit-reset", "1795348860000", Some(60.0)),
            ("x-ratelimit-reset", "1795348860.5", Some(60.5)),
            ("x-ratelimit-reset", "1695348860", None),
            ("x-ratelimit-reset", "1695348860000", None),
            ("x-ratelimit-reset", "0.5", Some(0.5)),
            ("x-ratelimit-reset", "30s", Some(30.0)),
            ("x-ratelimit-reset", "2026-11-22T12:01:00Z", Some(60.0)),
            ("x-ratelimit-reset", "Sun, 22 Nov 2026 12:01:00 GMT", Some(60.0)),
            ("x-ratelimit-reset", "tomorrow", None),
        ] {
            let wait = wait(&reply(&[(name, value)]), &ErrorBody::default(), now());
            assert_eq!(wait.map(|wait| wait.as_secs_f64()), expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_body_goes_before_the_header_and_the_first_usable_hint_counts() {
        let body = |retry_after: Value, reset: Value| ErrorBody {
            retry_after: Some(retry_after),
            limit_headers: json!({"X-RateLimit-Reset": reset}).as_object().unwrap().clone(),
            ..ErrorBody::default()
        };
        let headers = reply(&[("x-ratelimit-reset", "40"), ("retry-after", "20")]);
        let bare = reply(&[("x-ratelimit-reset", "40")]);
        for (reply, error, expected) in [
            (&headers, body(json!(10), json!("30")), 10),
            (&headers, body(json!("11"), json!("30")), 11),
            (&headers, body(json!(null), json!("30")), 20),
            (&bare, body(json!("nonsense"), json!("1795348830000")), 30),
            (&bare, body(json!(0), json!(1_795_348_830_000_u64)), 30),
            (&bare, body(json!({}), json!([])), 40),
        ] {
            assert_eq!(wait(reply, &error, now()), Some(Duration::from_secs(expected)));
        }
    }

    #[test]
    fn a_date_is_read_against_the_servers_own_clock() {
        let headers = [("date", "Sun, 22 Nov 2020 12:00:00 GMT"), ("retry-after", "Sun, 22 Nov 2020 12:00:09 GMT")];
        assert_eq!(wait(&reply(&headers), &ErrorBody::default(), now()), Some(Duration::from_secs(9)));
    }
}
