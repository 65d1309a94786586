//! What is measured at a limit.

use std::time::Duration;

/// How many replies are looked back on to tell a burst, at least and at most.
const LOOK_BACK: (usize, usize) = (4, 32);

/// What was measured at the present limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Measured {
    pub(super) since: Duration,
    pub(super) replies: usize,
    pub(super) at_limit: usize,
    pub(super) refused: usize,
    pub(super) trouble: usize,
    pub(super) seconds: f64,
}

/// The last replies, a bit each: one for a 429.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in super::super) struct Recent(u32);

impl Measured {
    /// Answers a second at a limit: as many as are in flight, by how long they take, less those
    /// that were refused.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests in flight are small")]
    pub(super) fn per_second(self, limit: usize) -> f64 {
        let (replies, refused) = (self.replies as f64, self.refused as f64);
        let took = self.seconds.max(1e-9) / replies;
        limit as f64 / took * replies / (replies + refused)
    }
}

impl Recent {
    pub(in super::super) const fn add(&mut self, rate_limited: bool) {
        self.0 = self.0 << 1 | rate_limited as u32;
    }

    /// Whether half of the last replies were 429s: as many as are in flight, within bounds.
    pub(in super::super) fn is_burst(self, limit: usize) -> bool {
        let looked_at = limit.clamp(LOOK_BACK.0, LOOK_BACK.1);
        let mask = u32::MAX >> (u32::BITS as usize - looked_at);
        (self.0 & mask).count_ones() as usize * 2 >= looked_at
    }
}
