//! The how-manieth signal it is that comes.

use std::time::{Duration, Instant};

/// Within this time of a signal another one is the same: whoever ends a process may send one to it
/// and one to its group.
const SAME: Duration = Duration::from_millis(200);

/// Counts signals, those that come together as one.
#[derive(Debug, Default)]
pub(crate) struct SignalCounter {
    counted: u32,
    last: Option<Instant>,
}

impl SignalCounter {
    /// The number of a signal that comes now, from 0; none where it is the same as the one before.
    pub(crate) fn count(&mut self, now: Instant) -> Option<u32> {
        if self.last.is_some_and(|last| now.duration_since(last) < SAME) {
            return None;
        }
        self.last = Some(now);
        self.counted += 1;
        Some(self.counted - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_together_is_one_signal() {
        let (start, mut counter) = (Instant::now(), SignalCounter::default());
        for (at_ms, expected) in [
            (0, Some(0)),
            (1, None),
            // The time runs from the one that counted: who keeps sending is heard.
            (199, None),
            (200, Some(1)),
            (201, None),
            (1_000, Some(2)),
        ] {
            assert_eq!(counter.count(start + Duration::from_millis(at_ms)), expected, "{at_ms} ms");
        }
    }
}
