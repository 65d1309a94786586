//! How fast items settle.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a rate is taken over, where enough settles in it.
const WINDOW: Duration = Duration::from_secs(10);
/// How many items a rate rests on: the window grows until it holds as many.
const ENOUGH: u64 = 10;
/// How far the window may grow.
const HORIZON: Duration = Duration::from_mins(5);
/// How far samples are apart at least.
const SPACING: Duration = Duration::from_millis(250);
/// Over less than this, a rate says nothing.
const SHORTEST: Duration = Duration::from_millis(500);

/// The rate over the last ten seconds, and over longer where items are slow. A whole-run average
/// would never recover from the burst of a replay, or from a pause.
#[derive(Debug, Default)]
pub(super) struct RateWindow {
    samples: VecDeque<(Instant, u64)>,
}

impl RateWindow {
    /// Adds how many items have settled by now.
    pub(super) fn add(&mut self, now: Instant, settled: u64) {
        let too_soon = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) < SPACING;
        if self.samples.back().is_some_and(too_soon) {
            return;
        }
        self.samples.push_back((now, settled));
        while self.samples.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= HORIZON) {
            self.samples.pop_front();
        }
    }

    /// Items a second; `None` while it is too soon to tell.
    pub(super) fn per_second(&self, now: Instant, settled: u64) -> Option<f64> {
        let enough = |(at, before): &&(Instant, u64)| {
            now.saturating_duration_since(*at) >= WINDOW && settled.saturating_sub(*before) >= ENOUGH
        };
        let (since, before) = self.samples.iter().rev().find(enough).or_else(|| self.samples.front())?;
        let elapsed = now.saturating_duration_since(*since);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people; counts stay far below 2^52")]
        (elapsed >= SHORTEST).then(|| settled.saturating_sub(*before) as f64 / elapsed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window that has seen so many items settle in each second.
    fn seen(a_second: impl IntoIterator<Item = u64>) -> (RateWindow, Instant, u64) {
        let (mut window, mut now, mut settled) = (RateWindow::default(), Instant::now(), 0);
        window.add(now, settled);
        for count in a_second {
            now += Duration::from_secs(1);
            settled += count;
            window.add(now, settled);
        }
        (window, now, settled)
    }

    fn rate(a_second: impl IntoIterator<Item = u64>) -> f64 {
        let (window, now, settled) = seen(a_second);
        window.per_second(now, settled).expect("a second is enough")
    }

    #[test]
    fn it_is_the_rate_of_the_last_ten_seconds() {
        assert!((rate([64; 30]) - 64.0).abs() < 0.001);
        let burst_then_slow = std::iter::once(100_000).chain([50; 11]);
        assert!((rate(burst_then_slow) - 50.0).abs() < 0.001);
    }

    #[test]
    fn slow_items_widen_the_window() {
        let one_in_twenty_seconds = (0..400).map(|second| u64::from(second % 20 == 19));
        assert!((rate(one_in_twenty_seconds) - 0.05).abs() < 0.01);
    }

    #[test]
    fn a_stall_shows() {
        let stalled = [64; 30].into_iter().chain([0; 60]);
        assert!(rate(stalled) < 1.1);
    }

    #[test]
    fn too_soon_is_no_rate() {
        let (window, now, settled) = seen([]);
        assert_eq!(window.per_second(now + Duration::from_millis(100), settled + 5), None);
        assert_eq!(RateWindow::default().per_second(now, 0), None);
    }

    #[test]
    fn it_keeps_a_bounded_number_of_samples() {
        let (mut window, start) = (RateWindow::default(), Instant::now());
        for tick in 0..100_000_u32 {
            window.add(start + Duration::from_millis(100) * tick, u64::from(tick));
        }
        assert!(window.samples.len() < 1_300, "{}", window.samples.len());
    }
}
