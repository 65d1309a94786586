//! So many requests a minute, evenly.

use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// What a server may see in a window beyond an even pace, as a share of the quota: room to make up
/// for timers that fire late, and for turns that wait for others.
const CATCH_UP: f64 = 0.005;
/// From this quota on there is room for one such request at least; below, it would cost too much
/// of the quota.
const ROOMY: u32 = 100;
/// What is left of the quota for packets that arrive closer together than they were sent.
const SLACK: f64 = 0.995;

/// Governor's limiter on tokio's clock.
pub(super) type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<TokioInstant>>;

/// A pace that never exceeds a quota of requests in any minute.
///
/// Waiting and taking are apart: a request that waits for something else as well takes its turn
/// when it goes, so that the server sees it when it was counted.
pub(super) struct Pace {
    quota: NonZeroU32,
    limiter: Limiter,
    period: Duration,
    burst: u32,
    /// When the next turn is due, as far as is known: governor tells it only by refusing.
    due: Mutex<Instant>,
}

impl Pace {
    pub(super) fn per_minute(quota: NonZeroU32) -> Self {
        let least = if quota.get() >= ROOMY { 1.0 } else { 0.0 };
        let catch_up = (f64::from(quota.get()) * CATCH_UP).floor().max(least);
        // One more may bunch up with the next one on the way.
        let per_minute = (f64::from(quota.get()) - catch_up - least) * SLACK;
        let period = Duration::from_secs_f64(60.0 / per_minute);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32, rounded down")]
        let burst = NonZeroU32::MIN.saturating_add(catch_up as u32);
        let limit = Quota::with_period(period).expect("a minute's share is not zero").allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(limit, TokioClock);
        Self { quota, limiter, period, burst: burst.get(), due: Mutex::new(Instant::now()) }
    }

    /// A pace that takes the place of this one. What is due stays due then, and no turns are saved
    /// up, so that the change from one quota to another is no occasion to go twice as fast.
    pub(super) fn changed(&self, quota: NonZeroU32) -> Self {
        let changed = Self::per_minute(quota);
        for _ in 0..changed.burst {
            let _saved = changed.take();
        }
        let due = *self.due();
        let later = due.max(*changed.due());
        *changed.due() = later;
        changed
    }

    /// Requests a minute.
    pub(super) const fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// Returns when a turn is due. It is still to be taken.
    pub(super) async fn ready(&self) {
        loop {
            let due = *self.due();
            let saved = self.period * (self.burst - 1);
            match due.checked_sub(saved).filter(|at| *at > Instant::now()) {
                Some(at) => tokio::time::sleep_until(at).await,
                None => return,
            }
        }
    }

    fn due(&self) -> MutexGuard<'_, Instant> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn.
    ///
    /// # Errors
    /// Fails with how long there is none.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let mut due = self.due();
        match self.limiter.check() {
            Ok(()) => {
                *due = (*due).max(Instant::now()) + self.period;
                Ok(())
            }
            Err(not_yet) => Err(not_yet.wait_time_from(TokioClock.now())),
        }
    }
}

/// Governor's clock on tokio's time, so that tests can move it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokioClock;

/// A moment of tokio's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TokioInstant(Instant);

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
    use super::*;

    async fn next(pace: &Pace) {
        loop {
            pace.ready().await;
            if pace.take().is_ok() {
                return;
            }
            // Governor counts in nanoseconds, a timer in milliseconds.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn most_in_a_minute(sent: &[Duration]) -> usize {
        let within = |from: usize| {
            let until = sent[from] + Duration::from_mins(1);
            sent[from..].iter().take_while(|at| **at < until).count()
        };
        (0..sent.len()).map(within).max().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_than_the_quota_and_nearly_all_of_it_is_used() {
        for quota in [30, 600, 6_000] {
            let pace = Pace::per_minute(NonZeroU32::new(quota).unwrap());
            let begun = Instant::now();
            let mut sent = Vec::new();
            while begun.elapsed() < Duration::from_mins(3) {
                next(&pace).await;
                sent.push(begun.elapsed());
            }
            let most = most_in_a_minute(&sent);
            assert!(most <= quota as usize, "{most} in a minute at {quota}");
            assert!(sent.len() * 100 >= 3 * 98 * quota as usize, "{} in three minutes at {quota}", sent.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_the_quota_saves_nothing_up() {
        let mut pace = Pace::per_minute(NonZeroU32::new(600).unwrap());
        let begun = Instant::now();
        let mut sent = Vec::new();
        while begun.elapsed() < Duration::from_mins(2) {
            next(&pace).await;
            sent.push(begun.elapsed());
            pace = pace.changed(NonZeroU32::new(600 + u32::try_from(sent.len() % 2).unwrap()).unwrap());
        }
        assert!(most_in_a_minute(&sent) <= 601, "{}", most_in_a_minute(&sent));
    }
}
