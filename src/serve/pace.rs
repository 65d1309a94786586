//! How fast recordings are played.

use std::str::FromStr;
use std::time::Duration;

/// How fast recordings are played: by which factor the times that their pieces took are stretched.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace(f64);

/// A text or a number that is no pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no pace: 0 plays without waiting, 1 as fast as it was recorded, 0.5 in half the time; 1000 at most"
)]
pub struct PaceError(String);

/// The slowest pace.
const SLOWEST: f64 = 1000.0;

impl Pace {
    /// Without any waiting.
    pub const AT_ONCE: Self = Self(0.0);
    /// As it was recorded.
    pub const RECORDED: Self = Self(1.0);

    /// The pace that makes so many times of the time that it took.
    ///
    /// # Errors
    /// Fails where the factor is no number from 0 to 1000.
    pub fn new(factor: f64) -> Result<Self, PaceError> {
        if (0.0..=SLOWEST).contains(&factor) { Ok(Self(factor)) } else { Err(PaceError(factor.to_string())) }
    }

    /// How long what took so many microseconds takes at this pace.
    pub(super) fn of_us(self, recorded_us: u64) -> Duration {
        // A century is long enough for any recording, and no instant is too far away for it.
        const LONGEST: Duration = Duration::from_hours(24 * 365 * 100);
        let seconds = Duration::from_micros(recorded_us).min(LONGEST / 1000).as_secs_f64() * self.0;
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST)
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let factor = text.trim().parse().map_err(|_| PaceError(text.to_owned()))?;
        Self::new(factor).map_err(|_| PaceError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_stretches_what_was_recorded() {
        for (text, recorded_us, expected_us) in
            [("0", 5_000_000, 0), ("1", 5_000_000, 5_000_000), ("0.5", 3, 1), (" 2 ", 1500, 3000), ("1000", 0, 0)]
        {
            let played = text.parse::<Pace>().unwrap().of_us(recorded_us);
            assert!(played.as_micros().abs_diff(expected_us) <= 1, "{text} {recorded_us}: {played:?}");
        }
        assert!(Pace::new(SLOWEST).unwrap().of_us(u64::MAX) > Duration::from_hours(24 * 365));
    }

    #[test]
    fn what_is_no_pace_is_refused() {
        for text in ["", "fast", "-1", "NaN", "inf", "1001", "1x"] {
            let error = text.parse::<Pace>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("\"{text}\" is no pace: ")), "{error}");
        }
    }
}
