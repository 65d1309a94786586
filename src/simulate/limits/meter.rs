//! What has been used of one quota a minute.

use std::collections::VecDeque;
use std::time::Duration;

use super::enforcement::Enforcement;

/// The minute of a quota.
const MINUTE: Duration = Duration::from_mins(1);

/// What has been used of one quota a minute. Times count from the first request and never go back.
#[derive(Debug)]
pub(super) struct Meter {
    per_minute: u32,
    used: Used,
}

#[derive(Debug)]
enum Used {
    /// What was used when within the last minute, and its sum.
    Sliding { uses: VecDeque<(Duration, u64)>, sum: u64 },
    /// What was used within which minute.
    Fixed { minute: u64, sum: u64 },
    /// What was left when; less than nothing where an answer was longer than what was left.
    Bucket { burst: f64, level: f64, at: Duration },
}

impl Meter {
    pub(super) fn new(per_minute: u32, enforcement: Enforcement) -> Self {
        let used = match enforcement {
            Enforcement::Sliding => Used::Sliding { uses: VecDeque::new(), sum: 0 },
            Enforcement::Fixed => Used::Fixed { minute: 0, sum: 0 },
            Enforcement::Bucket { burst } => {
                let burst = f64::from(Enforcement::burst(burst, per_minute));
                Used::Bucket { burst, level: burst, at: Duration::ZERO }
            }
        };
        Self { per_minute, used }
    }

    /// Whether anything is left.
    ///
    /// # Errors
    /// Gives back how long nothing is left.
    pub(super) fn room(&mut self, now: Duration) -> Result<(), Duration> {
        self.advance(now);
        let quota = u64::from(self.per_minute);
        match &self.used {
            Used::Sliding { uses, sum } => match first_room(uses, *sum, quota) {
                None => Ok(()),
                Some(used_at) => Err((used_at + MINUTE).saturating_sub(now)),
            },
            Used::Fixed { sum, .. } if *sum < quota => Ok(()),
            Used::Fixed { minute, .. } => {
                let next = MINUTE.saturating_mul(u32::try_from(minute + 1).unwrap_or(u32::MAX));
                Err(next.saturating_sub(now))
            }
            Used::Bucket { level, .. } if *level >= 1.0 => Ok(()),
            Used::Bucket { level, .. } => {
                let seconds = (1.0 - level) * 60.0 / f64::from(self.per_minute.max(1));
                Err(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
            }
        }
    }

    /// Uses some of it, be it there or not: how long an answer is, is known when it is there.
    pub(super) fn take(&mut self, now: Duration, units: u64) {
        self.advance(now);
        match &mut self.used {
            Used::Sliding { uses, sum } => {
                uses.push_back((now, units));
                *sum += units;
            }
            Used::Fixed { sum, .. } => *sum += units,
            Used::Bucket { level, .. } => *level -= f64::from(u32::try_from(units).unwrap_or(u32::MAX)),
        }
    }

    /// Forgets what a new time no longer counts.
    fn advance(&mut self, now: Duration) {
        match &mut self.used {
            Used::Sliding { uses, sum } => {
                while let Some(&(used_at, units)) = uses.front()
                    && now.saturating_sub(used_at) >= MINUTE
                {
                    *sum -= units;
                    uses.pop_front();
                }
            }
            Used::Fixed { minute, sum } => {
                let this = now.as_secs() / MINUTE.as_secs();
                if this != *minute {
                    (*minute, *sum) = (this, 0);
                }
            }
            Used::Bucket { burst, level, at } => {
                let filled = now.saturating_sub(*at).as_secs_f64() * f64::from(self.per_minute) / 60.0;
                *level = (*level + filled).min(*burst);
                *at = now.max(*at);
            }
        }
    }
}

/// When the use was made whose end makes room; `None` where there is room.
fn first_room(uses: &VecDeque<(Duration, u64)>, mut sum: u64, quota: u64) -> Option<Duration> {
    let mut last = None;
    for &(used_at, units) in uses {
        if sum < quota {
            break;
        }
        sum -= units;
        last = Some(used_at);
    }
    last
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// What each request at a time in milliseconds gets: nothing, or how many to wait.
    fn requests(per_minute: u32, enforcement: Enforcement, times: &[u64]) -> Vec<Option<u128>> {
        let mut meter = Meter::new(per_minute, enforcement);
        let mut ask = |&ms: &u64| {
            let now = Duration::from_millis(ms);
            let wait = meter.room(now).err();
            if wait.is_none() {
                meter.take(now, 1);
            }
            wait.map(|wait| wait.as_millis())
        };
        times.iter().map(&mut ask).collect()
    }

    #[test]
    fn a_window_slides_and_says_when_it_has_room_again() {
        let waits = requests(2, Enforcement::Sliding, &[0, 30_000, 59_000, 60_000, 61_000, 90_000]);
        assert_eq!(waits, [None, None, Some(1_000), None, Some(29_000), None]);
    }

    #[test]
    fn a_fixed_window_is_empty_again_at_each_minute() {
        let waits = requests(2, Enforcement::Fixed, &[58_000, 59_000, 59_500, 60_000, 60_001, 60_002]);
        assert_eq!(waits, [None, None, Some(500), None, None, Some(59_998)]);
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_fills_evenly() {
        let burst = NonZeroU32::new(3);
        let times = [0, 0, 0, 0, 500, 1_000, 1_000, 120_000, 120_000, 120_000, 120_000];
        let waits = requests(60, Enforcement::Bucket { burst }, &times);
        let full = [None, None, None];
        assert_eq!(waits[..3], full);
        assert_eq!(waits[3..7], [Some(1_000), Some(500), None, Some(1_000)]);
        assert_eq!(waits[7..], [None, None, None, Some(1_000)]);
    }

    #[test]
    fn an_answer_longer_than_what_was_left_is_waited_for() {
        let second = Duration::from_secs;
        let mut sliding = Meter::new(100, Enforcement::Sliding);
        sliding.take(second(0), 90);
        sliding.take(second(10), 500);
        assert_eq!(sliding.room(second(20)), Err(second(50)));
        let mut bucket = Meter::new(60, Enforcement::Bucket { burst: NonZeroU32::new(10) });
        bucket.take(second(0), 30);
        assert_eq!(bucket.room(second(5)), Err(second(16)));
        assert_eq!(bucket.room(second(21)), Ok(()));
    }
}
