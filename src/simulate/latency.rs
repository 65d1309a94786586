//! How long the simulated model thinks.

use std::str::FromStr;
use std::time::Duration;

use super::draw::Draw;

/// The longest latency.
pub(super) const LONGEST: Duration = Duration::from_hours(24);

/// How long an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latency {
    /// Each answer takes as long.
    Fixed(Duration),
    /// Evenly spread between two bounds, by seed, body and attempt.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
}

/// A text that says no latency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LatencyError {
    /// Not a duration.
    #[error("\"{0}\" is no latency; write \"50ms\", \"1.5s\" or a range \"20ms..80ms\"")]
    Duration(String),
    /// Longer than a day.
    #[error("a latency of {0:?} is too long; write {LONGEST:?} at most")]
    TooLong(Duration),
    /// A range that ends before it starts.
    #[error("the latency range starts at {min:?} and ends before it, at {max:?}")]
    Order {
        /// Where it starts.
        min: Duration,
        /// Where it ends.
        max: Duration,
    },
}

impl Latency {
    /// # Errors
    /// Fails where a range ends before it starts, or a latency is longer than a day.
    pub(super) fn check(self) -> Result<Self, LatencyError> {
        match self {
            Self::Fixed(longest) | Self::Uniform { max: longest, .. } if longest > LONGEST => {
                Err(LatencyError::TooLong(longest))
            }
            Self::Uniform { min, max } if min > max => Err(LatencyError::Order { min, max }),
            _ => Ok(self),
        }
    }

    pub(super) fn draw(self, draw: &mut Draw) -> Duration {
        match self {
            Self::Fixed(duration) => duration,
            Self::Uniform { min, max } => min + max.saturating_sub(min).mul_f64(draw.unit()),
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::Fixed(Duration::ZERO)
    }
}

impl FromStr for Latency {
    type Err = LatencyError;

    /// Takes `50ms`, `1.5s`, `2m`, `0`, and a range `20ms..80ms`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |part: &str| duration(part.trim()).ok_or_else(|| LatencyError::Duration(text.to_owned()));
        match text.split_once("..") {
            Some((min, max)) => Self::Uniform { min: parse(min)?, max: parse(max)? }.check(),
            None => Self::Fixed(parse(text)?).check(),
        }
    }
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "us" | "µs" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "" if number == 0.0 => 0.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_ranges_are_read() {
        let fixed = |ms| Ok(Latency::Fixed(Duration::from_millis(ms)));
        assert_eq!("50ms".parse(), fixed(50));
        assert_eq!("1.5s".parse(), fixed(1500));
        assert_eq!("0".parse(), fixed(0));
        let range = Latency::Uniform { min: Duration::from_millis(20), max: Duration::from_millis(80) };
        assert_eq!("20ms..80ms".parse(), Ok(range));
        assert_eq!("20ms .. 80ms".parse(), Ok(range));
    }

    #[test]
    fn what_is_no_latency_is_named() {
        for text in ["", "50", "ms", "-5ms", "1h", "5ms..", "1e400s", "..", "1.2.3s", "99999999999999999999999s"] {
            assert_eq!(text.parse::<Latency>(), Err(LatencyError::Duration(text.to_owned())), "{text}");
        }
        assert!(matches!("1441m".parse::<Latency>(), Err(LatencyError::TooLong(_))));
        assert!(matches!("80ms..20ms".parse::<Latency>(), Err(LatencyError::Order { .. })));
    }
}
