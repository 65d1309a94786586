//! How many requests a lane has in flight, where nobody has said how many.
//!
//! [`decide`] is a pure function from what was seen and a limit to the next limit. It looks for the
//! limit beyond which more requests bring no more answers:
//!
//! - At first the limit doubles, as long as answers come the faster for it.
//! - Then it tries a step up and a step down, keeps what pays (more answers, or as many with fewer in
//!   flight), and waits longer after each pair that does not.
//! - A burst of 429s cuts it, once: what was sent before the cut belongs to the same burst.
//! - Where the server fails or stays silent, the limit holds, and the measuring begins anew.
//!
//! Answers from a cache or a recording are not shown to it: they say nothing of the server.

mod climb;
mod measured;
#[cfg(test)]
mod tests;

use std::time::Duration;

use climb::{Step, doubled, judged, share, stepped};
use measured::Measured;

pub(super) use measured::Recent;

/// The limit that a lane begins with.
const FIRST: usize = 16;
/// What a burst of 429s leaves of the limit.
const CUT: f64 = 0.7;
/// How long a measurement takes at least: while the limit doubles, and later.
const SHORTEST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// A measurement with more failures than one in so many replies counts for nothing.
const TROUBLED: usize = 4;

/// What was seen of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation {
    /// Since the lane began.
    pub(super) at: Duration,
    /// The [`InFlight::level`] at which it was admitted.
    pub(super) level: u32,
    /// Whether the lane had more to send than the limit allows while it was in flight.
    pub(super) at_limit: bool,
    /// What came of it.
    pub(super) seen: Seen,
}

/// What came of a request, as far as the limit is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    /// A reply that took this long, from the permit to the commit.
    Reply(Duration),
    /// A 429.
    RateLimited,
    /// The server failed, or a deadline passed.
    Trouble,
}

/// A limit, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InFlight {
    /// Requests in flight.
    pub(super) limit: usize,
    /// Counts the changes: what was admitted before one says nothing of the limit after it.
    pub(super) level: u32,
    most: usize,
    phase: Phase,
    measured: Measured,
    recent: Recent,
    /// The limit that met the last burst.
    ceiling: Option<usize>,
    /// Bursts since the last reply.
    bursts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// The limit doubles; the one before it answered at this rate.
    Doubling { before: Option<Rate> },
    /// The limit holds for so many measurements; then it takes a step.
    Holding { left: u32, step: Step },
    /// The limit has taken a step from the one before it.
    Stepping { before: Rate, step: Step },
}

/// Answers a second at a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    limit: usize,
    per_second: f64,
}

/// The limit after an observation, and why it changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    /// The limit, with what is known of it now.
    pub(super) limit: InFlight,
    /// Why it is another one than before; `None` where it is the same.
    pub(super) reason: Option<&'static str>,
}

impl InFlight {
    /// The limit that a lane begins with; it never exceeds `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            limit: FIRST.min(most),
            level: 0,
            most,
            phase: Phase::Doubling { before: None },
            measured: Measured::default(),
            recent: Recent::default(),
            ceiling: None,
            bursts: 0,
        }
    }

    /// The limit with another one at most.
    pub(super) fn at_most(mut self, most: usize) -> Self {
        self.most = most;
        self.limit = self.limit.min(most);
        self
    }

    fn moved(&mut self, limit: usize, at: Duration, phase: Phase) {
        self.limit = limit.clamp(1, self.most);
        self.level += 1;
        self.phase = phase;
        self.measured = Measured { since: at, ..Measured::default() };
    }
}

/// Decides what becomes of a limit by what was seen of a request.
pub(super) fn decide(seen: &Observation, limit: &InFlight) -> Decision {
    let mut next = limit.clone();
    let is_new = seen.level == next.level;
    let reason = match seen.seen {
        Seen::RateLimited => is_new.then(|| rate_limited(seen.at, &mut next)).flatten(),
        Seen::Trouble => {
            next.measured.trouble += usize::from(is_new);
            None
        }
        Seen::Reply(took) => {
            next.bursts = 0;
            next.recent.add(false);
            if is_new { replied(seen, took, &mut next) } else { None }
        }
    };
    Decision { reason: reason.filter(|_| next.limit != limit.limit), limit: next }
}

/// A 429: where most of the last replies were such, the limit is cut.
fn rate_limited(at: Duration, limit: &mut InFlight) -> Option<&'static str> {
    limit.recent.add(true);
    limit.measured.refused += 1;
    if !limit.recent.is_burst(limit.limit) {
        return None;
    }
    limit.recent = Recent::default();
    limit.bursts += 1;
    let phase = if limit.bursts > 1 {
        // The server takes nothing at all for now: what it can do is to be found out again.
        limit.ceiling = None;
        Phase::Doubling { before: None }
    } else {
        limit.ceiling = Some(limit.limit);
        Phase::Holding { left: 1, step: Step::FIRST }
    };
    limit.moved(share(limit.limit, CUT).min(limit.limit - 1), at, phase);
    Some("a burst of 429s")
}

fn replied(seen: &Observation, took: Duration, limit: &mut InFlight) -> Option<&'static str> {
    let measured = &mut limit.measured;
    measured.replies += 1;
    measured.at_limit += usize::from(seen.at_limit);
    measured.seconds += took.as_secs_f64();
    let (replies, shortest) = match limit.phase {
        // Half of the requests set out when the limit doubled: one round trip is enough.
        Phase::Doubling { .. } => ((limit.limit / 2).max(4), SHORTEST.0),
        Phase::Holding { .. } | Phase::Stepping { .. } => ((limit.limit * 2).clamp(8, 1_024), SHORTEST.1),
    };
    if measured.replies < replies || seen.at.saturating_sub(measured.since) < shortest {
        return None;
    }
    let measured = std::mem::take(measured);
    limit.measured.since = seen.at;
    // Where something else held the lane back, more places would not have been taken.
    let held_back = measured.at_limit * 2 < measured.replies;
    if held_back || measured.trouble * TROUBLED > measured.replies {
        return None;
    }
    let per_second = measured.per_second(limit.limit);
    let rate = Rate { limit: limit.limit, per_second };
    match limit.phase {
        Phase::Doubling { before } => doubled(seen.at, rate, before, limit),
        Phase::Holding { left: 0, step } => stepped(seen.at, rate, step, limit),
        Phase::Holding { left, step } => {
            limit.phase = Phase::Holding { left: left - 1, step };
            None
        }
        Phase::Stepping { before, step } => judged(seen.at, (before, rate), step, limit),
    }
}
