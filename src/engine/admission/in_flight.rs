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

use std::time::Duration;

/// The limit that a lane begins with.
const FIRST: usize = 16;
/// How much faster answers must come for the limit to double again.
const DOUBLING_PAYS: f64 = 1.3;
/// The share of what a step could bring that it must bring to be kept.
const STEP_PAYS: f64 = 0.5;
/// A step is this share of the limit; each one that pays doubles the next, up to [`WIDEST`].
const NARROWEST: f64 = 0.125;
/// The widest step.
const WIDEST: f64 = 0.5;
/// What a burst of 429s leaves of the limit.
const CUT: f64 = 0.7;
/// What of a limit that met a burst is climbed to without waiting.
const BELOW_CEILING: f64 = 0.9;
/// How many measurements follow a step that did not pay before the next one, at first and at most.
const PATIENCE: (u32, u32) = (4, 64);
/// How long a measurement takes at least: while the limit doubles, and later.
const SHORTEST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// A measurement with more failures than one in so many replies counts for nothing.
const TROUBLED: usize = 4;
/// How many replies are looked back on to tell a burst, at least and at most.
const LOOK_BACK: (usize, usize) = (4, 32);

/// What was seen of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation {
    /// Since the lane began.
    pub(super) at: Duration,
    /// The [`InFlight::level`] at which it was admitted.
    pub(super) level: u32,
    /// Whether all places were taken when it came back: the limit was what held the lane back.
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

/// A step from one limit to another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    direction: Direction,
    /// The share of the limit that it goes.
    width: f64,
    /// How many measurements follow where it does not pay.
    patience: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Step {
    const FIRST: Self = Self { direction: Direction::Up, width: NARROWEST, patience: PATIENCE.0 };
}

/// Answers a second at a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    limit: usize,
    per_second: f64,
}

/// What was measured at the present limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Measured {
    since: Duration,
    replies: usize,
    at_limit: usize,
    refused: usize,
    trouble: usize,
    seconds: f64,
}

/// The last replies, a bit each: one for a 429.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Recent(u32);

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

/// After a doubling: again, where it paid.
fn doubled(at: Duration, rate: Rate, before: Option<Rate>, limit: &mut InFlight) -> Option<&'static str> {
    let gain = before.map_or(f64::INFINITY, |before| rate.per_second / before.per_second);
    let below_ceiling = limit.ceiling.is_none_or(|ceiling| rate.limit * 2 <= share(ceiling, BELOW_CEILING));
    let holding = Phase::Holding { left: 0, step: Step::FIRST };
    match before {
        _ if gain >= DOUBLING_PAYS && below_ceiling && rate.limit < limit.most => {
            limit.moved(rate.limit * 2, at, Phase::Doubling { before: Some(rate) });
            Some("answers come as fast as before, so it doubles")
        }
        Some(before) if gain < DOUBLING_PAYS => {
            limit.moved(before.limit, at, holding);
            Some("twice as many did not pay")
        }
        _ => {
            limit.phase = holding;
            None
        }
    }
}

/// After a measurement: a step, where there is room.
fn stepped(at: Duration, rate: Rate, step: Step, limit: &mut InFlight) -> Option<&'static str> {
    let far = share(rate.limit, step.width).max(1);
    let most = limit.ceiling.map_or(limit.most, |ceiling| share(ceiling, BELOW_CEILING).min(limit.most));
    let (wanted, reason) = match step.direction {
        Direction::Up => ((rate.limit + far).min(most), "a step up, to see whether more answers come"),
        Direction::Down => (rate.limit.saturating_sub(far), "a step down, to see whether as many answers come"),
    };
    if step.direction == Direction::Up && wanted <= rate.limit && limit.ceiling.is_some() {
        // Beyond what met a burst it goes on after the longest wait alone.
        limit.ceiling = None;
        let step = Step { patience: PATIENCE.1, ..step };
        limit.phase = Phase::Holding { left: step.patience, step };
        return None;
    }
    if wanted == 0 || step.direction == Direction::Up && wanted <= rate.limit {
        limit.phase = turned(step);
        return None;
    }
    limit.moved(wanted, at, Phase::Stepping { before: rate, step });
    Some(reason)
}

/// After a step: it is kept where it paid.
fn judged(at: Duration, (before, rate): (Rate, Rate), step: Step, limit: &mut InFlight) -> Option<&'static str> {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests in flight are small")]
    let could = rate.limit as f64 / before.limit as f64;
    if rate.per_second / before.per_second >= STEP_PAYS.mul_add(could - 1.0, 1.0) {
        let step = Step { width: (step.width * 2.0).min(WIDEST), patience: PATIENCE.0, ..step };
        return stepped(at, rate, step, limit);
    }
    let narrower = Step { width: NARROWEST, ..step };
    let phase = if step.width > NARROWEST { Phase::Holding { left: 0, step: narrower } } else { turned(step) };
    limit.moved(before.limit, at, phase);
    Some("the step did not pay")
}

/// After a step that did not pay: the other direction, at once or after a while.
fn turned(step: Step) -> Phase {
    let patience = (step.patience * 2).min(PATIENCE.1);
    match step.direction {
        Direction::Up => {
            Phase::Holding { left: 0, step: Step { direction: Direction::Down, width: NARROWEST, ..step } }
        }
        Direction::Down => Phase::Holding { left: patience, step: Step { patience, ..Step::FIRST } },
    }
}

impl Measured {
    /// Answers a second at a limit: as many as are in flight, by how long they take, less those
    /// that were refused.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests in flight are small")]
    fn per_second(self, limit: usize) -> f64 {
        let (replies, refused) = (self.replies as f64, self.refused as f64);
        let took = self.seconds.max(1e-9) / replies;
        limit as f64 / took * replies / (replies + refused)
    }
}

impl Recent {
    pub(super) const fn add(&mut self, rate_limited: bool) {
        self.0 = self.0 << 1 | rate_limited as u32;
    }

    /// Whether half of the last replies were 429s: as many as are in flight, within bounds.
    pub(super) fn is_burst(self, limit: usize) -> bool {
        let looked_at = limit.clamp(LOOK_BACK.0, LOOK_BACK.1);
        let mask = u32::MAX >> (u32::BITS as usize - looked_at);
        (self.0 & mask).count_ones() as usize * 2 >= looked_at
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a small count, rounded down"
)]
fn share(limit: usize, share: f64) -> usize {
    (limit as f64 * share) as usize
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::*;

    const MOST: usize = 1_024;

    /// A server: how many seconds a reply takes at so many in flight, or a 429.
    type Server = dyn Fn(usize, f64) -> Result<f64, ()>;

    /// Runs a lane with work to spare against a server. Gives the replies between two moments, a
    /// second, and the limit at the end.
    fn run(server: &Server, limit: &mut InFlight, (from, to): (f64, f64)) -> (f64, usize) {
        let (mut now, mut in_flight, mut replies) = (0.0, 0, 0);
        let mut due = BinaryHeap::new();
        while now < to {
            while in_flight < limit.limit {
                in_flight += 1;
                let (took, ok) = server(in_flight, now).map_or((0.001, false), |took| (took, true));
                let done = Duration::from_secs_f64(now + took);
                due.push(Reverse((done, due.len(), limit.level, ok, Duration::from_secs_f64(took))));
            }
            let Reverse((at, _, level, ok, took)) = due.pop().unwrap();
            let at_limit = in_flight >= limit.limit;
            in_flight -= 1;
            now = at.as_secs_f64();
            replies += usize::from(ok && now >= from);
            let seen = if ok { Seen::Reply(took) } else { Seen::RateLimited };
            *limit = decide(&Observation { at, level, at_limit, seen }, limit).limit;
        }
        #[expect(clippy::cast_precision_loss, reason = "a test's count")]
        (replies as f64 / (to - from), limit.limit)
    }

    fn degrading(in_flight: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a test's count")]
        let load = in_flight as f64 / 40.0;
        0.1 * load.max(1.0).powi(2)
    }

    #[test]
    fn it_finds_what_servers_can_do() {
        let quick = |_: usize, _| Ok(0.002);
        let slow = |_: usize, _| Ok(2.0);
        let degrades = |in_flight, _| Ok(degrading(in_flight));
        #[expect(clippy::cast_precision_loss, reason = "a test's count")]
        let one_at_a_time = |in_flight: usize, _| Ok(0.001 * in_flight as f64);
        let servers: [(&str, &Server, f64, (f64, f64)); 4] = [
            ("quick", &quick, 64.0 / 0.002, (5.0, 10.0)),
            ("slow", &slow, 64.0 / 2.0, (60.0, 120.0)),
            ("degrades past 40", &degrades, 400.0, (20.0, 60.0)),
            ("one at a time", &one_at_a_time, 1_000.0, (20.0, 60.0)),
        ];
        for (name, server, best, window) in servers {
            let most = if name == "degrades past 40" { MOST } else { 64 };
            let (rate, limit) = run(server, &mut InFlight::new(most), window);
            assert!(rate >= 0.9 * best, "{name}: {rate} of {best} a second, at {limit}");
        }
    }

    #[test]
    fn it_is_quick_to_find_it() {
        let (rate, limit) = run(&|_, _| Ok(2.0), &mut InFlight::new(256), (0.0, 60.0));
        assert!(rate >= 0.8 * 128.0, "{rate} a second, at {limit}");
        let (rate, limit) = run(&|in_flight, _| Ok(degrading(in_flight)), &mut InFlight::new(MOST), (0.0, 20.0));
        assert!(rate >= 0.75 * 400.0, "{rate} a second, at {limit}");
    }

    #[test]
    fn a_server_that_refuses_past_forty_is_used_to_the_full() {
        let server = |in_flight, _| if in_flight > 40 { Err(()) } else { Ok(0.1) };
        let (rate, limit) = run(&server, &mut InFlight::new(MOST), (20.0, 120.0));
        assert!(rate >= 0.9 * 400.0, "{rate} a second, at {limit}");
    }

    #[test]
    fn a_burst_cuts_once_and_a_lone_429_does_not() {
        let mut limit = InFlight::new(MOST);
        let seen = |level, seen| Observation { at: Duration::from_secs(1), level, at_limit: true, seen };
        limit = decide(&seen(0, Seen::RateLimited), &limit).limit;
        assert_eq!(limit.limit, 16);
        let cuts = (0..16).filter(|_| {
            let decision = decide(&seen(0, Seen::RateLimited), &limit);
            limit = decision.limit;
            decision.reason.is_some()
        });
        assert_eq!((cuts.count(), limit.limit), (1, 11));
    }

    #[test]
    fn an_outage_is_recovered_from() {
        let server = |_: usize, now: f64| if (30.0..90.0).contains(&now) { Err(()) } else { Ok(0.1) };
        let (_, limit) = run(&server, &mut InFlight::new(64), (0.0, 35.0));
        assert_eq!(limit, 1);
        let (rate, limit) = run(&server, &mut InFlight::new(64), (90.0, 110.0));
        assert!(rate >= 0.8 * 640.0, "{rate} a second, at {limit}");
    }

    #[test]
    fn trouble_holds_the_limit() {
        let mut limit = InFlight::new(MOST);
        for step in 0..1_000 {
            let seen = if step % 3 == 2 { Seen::Trouble } else { Seen::Reply(Duration::from_millis(100)) };
            let at = Duration::from_millis(step * 100);
            limit = decide(&Observation { at, level: limit.level, at_limit: true, seen }, &limit).limit;
        }
        assert_eq!(limit.limit, 16);
    }

    #[test]
    fn it_does_not_grow_where_something_else_holds_the_lane_back() {
        let mut limit = InFlight::new(MOST);
        for step in 0..1_000 {
            let seen = Seen::Reply(Duration::from_millis(100));
            let at = Duration::from_millis(step * 100);
            limit = decide(&Observation { at, level: limit.level, at_limit: false, seen }, &limit).limit;
        }
        assert_eq!(limit.limit, 16);
    }
}
