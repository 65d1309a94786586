//! Requests a day.

use std::num::NonZeroU32;

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// So many requests a day, counted from midnight UTC, as `OpenRouter` counts its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayQuota {
    quota: NonZeroU32,
    day: i64,
    sent: u64,
}

impl DayQuota {
    pub(super) const fn new(quota: NonZeroU32) -> Self {
        Self { quota, day: 0, sent: 0 }
    }

    /// Counts requests that were sent.
    pub(super) const fn add(&mut self, requests: u64, now_ms: i64) {
        self.turn_over(now_ms);
        self.sent += requests;
    }

    /// Whether another request may be sent.
    ///
    /// # Errors
    /// Fails with the quota where it is used up.
    pub(super) const fn check(&mut self, now_ms: i64) -> Result<(), NonZeroU32> {
        self.turn_over(now_ms);
        if self.sent < self.quota.get() as u64 { Ok(()) } else { Err(self.quota) }
    }

    const fn turn_over(&mut self, now_ms: i64) {
        let day = now_ms.div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.sent = 0;
        }
    }
}

/// When the day of a moment began: midnight UTC, in milliseconds since 1970-01-01 UTC.
#[must_use]
pub const fn day_began_ms(now_ms: i64) -> i64 {
    now_ms - now_ms.rem_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_is_new_at_midnight() {
        let mut quota = DayQuota::new(NonZeroU32::new(2).unwrap());
        let noon = DAY_MS * 20_000 + DAY_MS / 2;
        assert_eq!(day_began_ms(noon), DAY_MS * 20_000);
        quota.add(1, noon);
        assert_eq!(quota.check(noon), Ok(()));
        quota.add(1, noon);
        assert_eq!(quota.check(noon), Err(NonZeroU32::new(2).unwrap()));
        assert_eq!(quota.check(noon + DAY_MS / 2), Ok(()));
    }
}
