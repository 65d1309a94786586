//! So many tokens a minute, evenly, though nobody knows beforehand how many a request takes.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::{Quota, RateLimiter};

use super::pace::{Limiter, TokioClock};

/// What may be taken at once, as a share of the quota.
const BURST: f64 = 0.005;
/// What is left of the quota for what is on its way when a window begins or ends.
const SLACK: f64 = 0.97;

/// A pace of tokens: a request takes an estimate before it goes and settles with what it has used.
///
/// Governor paces what is taken. What it cannot do stands here: what was used beyond the estimate
/// is owed, and the next request waits for it; what was not used is given to the next one.
pub(super) struct TokenPace {
    quota: NonZeroU32,
    limiter: Limiter,
    burst: NonZeroU32,
    /// Tokens that the next request takes beside its own; less than zero: that it need not take.
    owed: Mutex<i64>,
}

impl TokenPace {
    pub(super) fn per_minute(quota: NonZeroU32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32, rounded down")]
        let burst = NonZeroU32::MIN.saturating_add((f64::from(quota.get()) * BURST) as u32);
        let period = Duration::from_secs_f64(60.0 / (f64::from(quota.get()) * SLACK));
        let limit = Quota::with_period(period).expect("a minute's share is not zero").allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(limit, TokioClock);
        Self { quota, limiter, burst, owed: Mutex::new(0) }
    }

    /// A pace that takes the place of this one: what is owed stays, and nothing is saved up.
    pub(super) fn changed(&self, quota: NonZeroU32) -> Self {
        let changed = Self::per_minute(quota);
        let _saved = changed.limiter.check_n(changed.burst);
        *changed.owed() = *self.owed();
        changed
    }

    /// Tokens a minute.
    pub(super) const fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// Returns when so many tokens are taken. One request at a time may wait.
    pub(super) async fn take(&self, tokens: u32) {
        *self.owed() += i64::from(tokens);
        // Where the caller gives up half-way, it takes nothing: what is left stays owed by nobody.
        let mut giving_back = GiveBack { pace: self, tokens: i64::from(tokens) };
        while let Some(slice) = self.slice() {
            match self.limiter.check_n(slice).expect("a slice is no larger than the burst") {
                Ok(()) => *self.owed() -= i64::from(slice.get()),
                Err(not_yet) => tokio::time::sleep(not_yet.wait_time_from(TokioClock.now())).await,
            }
        }
        giving_back.tokens = 0;
    }

    /// How much to take next: at most half of what fits, so that nothing runs over while a timer
    /// is late; `None` where nothing is owed.
    fn slice(&self) -> Option<NonZeroU32> {
        let most = i64::from((self.burst.get() / 2).max(1));
        let slice = (*self.owed()).min(most);
        u32::try_from(slice).ok().and_then(NonZeroU32::new)
    }

    /// Settles a request: what it has used against what it has taken.
    pub(super) fn settle(&self, taken: u32, used: u64) {
        *self.owed() += i64::try_from(used).unwrap_or(i64::MAX / 2) - i64::from(taken);
    }

    fn owed(&self) -> std::sync::MutexGuard<'_, i64> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct GiveBack<'a> {
    pace: &'a TokenPace,
    tokens: i64,
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        *self.pace.owed() -= self.tokens;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const QUOTA: u32 = 100_000;

    /// Sends requests one after another, each with an estimate and a use; gives when and how much.
    async fn spent(use_of: impl Fn(usize) -> u64, estimate: u32) -> Vec<(Duration, u64)> {
        let pace = TokenPace::per_minute(NonZeroU32::new(QUOTA).unwrap());
        let (begun, mut spent) = (Instant::now(), Vec::new());
        while begun.elapsed() < Duration::from_mins(4) {
            pace.take(estimate).await;
            let used = use_of(spent.len());
            spent.push((begun.elapsed(), used));
            pace.settle(estimate, used);
        }
        spent
    }

    fn most_in_a_minute(spent: &[(Duration, u64)]) -> u64 {
        let window = Duration::from_mins(1);
        let within = |from: usize| {
            let until = spent[from].0 + window;
            spent[from..].iter().take_while(|(at, _)| *at < until).map(|(_, used)| used).sum()
        };
        (0..spent.len()).map(within).max().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_used_beyond_the_estimate_is_waited_for_and_the_rest_given_back() {
        let varied = |at: usize| 10 + (at as u64 * 7_919) % 1_990;
        for (estimate, name) in [(100, "too low"), (1_000, "about right"), (5_000, "too high")] {
            let spent = spent(varied, estimate).await;
            let most = most_in_a_minute(&spent);
            assert!(most * 100 <= u64::from(QUOTA) * 102, "{name}: {most} in a minute");
            let sum: u64 = spent.iter().map(|(_, used)| used).sum();
            assert!(sum * 100 >= 4 * 95 * u64::from(QUOTA), "{name}: {sum} in four minutes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_gives_up_waiting_takes_nothing() {
        let pace = TokenPace::per_minute(NonZeroU32::new(QUOTA).unwrap());
        pace.take(QUOTA / 2).await;
        let waiting = tokio::time::timeout(Duration::from_millis(10), pace.take(QUOTA));
        assert!(waiting.await.is_err());
        let begun = Instant::now();
        pace.take(1).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
