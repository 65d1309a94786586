//! So many a minute, evenly, in the order of asking.

use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What a server may see in a window beyond an even pace, as a share of the quota: room to make up
/// for timers that fire late.
const CATCH_UP: f64 = 0.005;
/// What is left of the quota for packets that arrive closer together than they were sent.
const SLACK: f64 = 0.998;

/// Lets requests through at a pace that never exceeds a quota in any minute.
pub(super) struct Pace {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<TokioInstant>>,
    // Governor's own waiting is not fair and wakes everybody: who holds this lock is next.
    next: Mutex<()>,
}

impl Pace {
    pub(super) fn per_minute(quota: NonZeroU32) -> Self {
        let catch_up = (f64::from(quota.get()) * CATCH_UP).floor();
        let per_minute = (f64::from(quota.get()) - catch_up) * SLACK;
        let period = Duration::from_secs_f64(60.0 / per_minute);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32, rounded down")]
        let burst = NonZeroU32::MIN.saturating_add(catch_up as u32);
        let quota = Quota::with_period(period).expect("a minute's share is not zero").allow_burst(burst);
        Self { limiter: RateLimiter::direct_with_clock(quota, TokioClock), next: Mutex::new(()) }
    }

    /// Returns when the next request may be sent.
    pub(super) async fn wait(&self) {
        let _turn = self.next.lock().await;
        while let Err(not_yet) = self.limiter.check() {
            tokio::time::sleep(not_yet.wait_time_from(TokioClock.now())).await;
        }
    }
}

/// Governor's clock on tokio's time, so that tests can move it.
#[derive(Debug, Clone, Copy)]
struct TokioClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TokioInstant(Instant);

impl Clock for TokioClock {
    type Instant = TokioInstant;

    fn now(&self) -> TokioInstant {
        TokioInstant(Instant::now())
    }
}

impl Reference for TokioInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl Add<Nanos> for TokioInstant {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0 + Duration::from(duration))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_than_the_quota_and_nearly_all_of_it_is_used() {
        for quota in [30, 600, 6_000] {
            let pace = Arc::new(Pace::per_minute(NonZeroU32::new(quota).unwrap()));
            let begun = Instant::now();
            let mut sent = Vec::new();
            while begun.elapsed() < Duration::from_mins(3) {
                pace.wait().await;
                sent.push(begun.elapsed());
            }
            let most = (0..sent.len())
                .map(|from| sent[from..].iter().take_while(|at| **at < sent[from] + Duration::from_mins(1)).count())
                .max()
                .unwrap();
            assert!(most <= quota as usize, "{most} in a minute at {quota}");
            assert!(sent.len() * 100 >= 3 * 98 * quota as usize, "{} in three minutes at {quota}", sent.len());
        }
    }
}
