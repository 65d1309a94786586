//! Times as a job file writes them: `10s`, `1.5m`, `250ms`, `2h`, `30d`.

use std::time::Duration;

use super::JobError;
use super::setting::Setting;

const LONGEST: Duration = Duration::from_hours(24);

/// Reads a time of at least a millisecond and at most a day.
pub(super) fn read(setting: Setting) -> Result<Duration, JobError> {
    read_up_to(setting, LONGEST)
}

/// Reads a time of at least a millisecond and at most a number of whole hours.
pub(super) fn read_up_to(setting: Setting, longest: Duration) -> Result<Duration, JobError> {
    let form = setting.refuse("must be a time such as \"10s\", \"1.5m\", \"250ms\" or \"2h\"");
    let range = setting.refuse(format!("must be a time from \"1ms\" to \"{}h\"", longest.as_secs() / 3_600));
    if !setting.is_text() {
        return Err(form);
    }
    let duration = parse(&setting.text()?).ok_or(form)?;
    if (Duration::from_millis(1)..=longest).contains(&duration) { Ok(duration) } else { Err(range) }
}

/// A time as [`read`] takes it, in milliseconds where seconds are not enough.
pub(super) fn write(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

/// A number and its unit, to the millisecond; a number too large for a `Duration` is the longest one.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let split = text.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?;
    let (number, unit) = text.split_at(split);
    let milliseconds = match unit.trim_start() {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Some(Duration::try_from_secs_f64((number * milliseconds).round() / 1_000.0).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("1.5m", Some(90_000)),
            ("250ms", Some(250)),
            ("2h", Some(7_200_000)),
            ("2 h", Some(7_200_000)),
            (".5s", Some(500)),
            ("30d", Some(2_592_000_000)),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("10 sec", None),
            ("1e3s", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|duration| duration.as_millis()), milliseconds, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["10s", "250ms", "1500ms", "7200s"] {
            assert_eq!(parse(text).map(write).as_deref(), Some(text));
        }
    }
}
