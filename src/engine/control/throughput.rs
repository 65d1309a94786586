//! How many items a run settles a second, lately.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Over how long the rate is taken.
const WINDOW: Duration = Duration::from_secs(10);
/// Items that settle within so long of each other are noted together.
const GRAIN: Duration = Duration::from_millis(100);

/// How many items a run settles a second, lately.
#[derive(Debug)]
pub(super) struct Throughput {
    started: Instant,
    /// How many items settled, and from when on; the newest last.
    settled: VecDeque<(Instant, u64)>,
}

impl Throughput {
    pub(super) const fn new(started: Instant) -> Self {
        Self { started, settled: VecDeque::new() }
    }

    /// Notes that items have settled.
    pub(super) fn add(&mut self, items: u64, now: Instant) {
        match self.settled.back_mut() {
            Some((since, count)) if now - *since < GRAIN => *count += items,
            _ => self.settled.push_back((now, items)),
        }
        self.forget(now);
    }

    /// Items a second over the last ten seconds, or since the start where that is less.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let items: u64 = self.settled.iter().map(|(_, items)| items).sum();
        let over = (now - self.started).min(WINDOW).max(GRAIN);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let items = items as f64;
        items / over.as_secs_f64()
    }

    fn forget(&mut self, now: Instant) {
        while self.settled.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.settled.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let started = Instant::now();
        let at = |seconds: u64| started + Duration::from_secs(seconds);
        let mut throughput = Throughput::new(started);
        assert!(throughput.per_second(started) < f64::EPSILON);
        for second in 1..=4 {
            throughput.add(3, at(second));
            throughput.add(5, at(second) + GRAIN / 2);
        }
        assert_eq!(throughput.settled.len(), 4, "what settles together is noted together");
        assert!((throughput.per_second(at(5)) - 6.4).abs() < 1e-9);
        assert!((throughput.per_second(at(10)) - 3.2).abs() < 1e-9);
        assert!((throughput.per_second(at(12)) - 2.4).abs() < 1e-9);
        assert!(throughput.per_second(at(60)) < f64::EPSILON);
        assert!(throughput.settled.is_empty());
    }
}
