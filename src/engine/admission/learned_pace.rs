//! A pace that a server enforces and nobody has told of, learned from its 429s.
//!
//! Requests in flight alone do not hold a lane to so many requests a minute: after each pause that
//! the server asks for, the lane would run into the same wall. What a server lets through between
//! two bursts of 429s, divided by the time between them, is its quota, whatever window it counts
//! in. The lane keeps a little below it, comes back to it slowly, and goes beyond it quickly where
//! no 429 follows.

use std::collections::VecDeque;
use std::time::Duration;

/// How many requests must have been let through for a rate to be known.
const ENOUGH: u32 = 20;
/// How far below the quota the lane begins, as a share.
const BELOW: f64 = 0.025;
/// How long it takes to come back to the quota.
const BACK: Duration = Duration::from_secs(30);
/// While the quota is but a guess from one wall: by how much the pace grows, and how often.
const GUESS_GROWS: (f64, Duration) = (1.25, Duration::from_secs(10));
/// How far back what was let through is counted: the window of most quotas.
const WINDOW: Duration = Duration::from_mins(1);
/// How often it is noted how many were let through.
const STEP: Duration = Duration::from_secs(1);
/// A longer pause says that a window is used up, a shorter one that a bucket refills.
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// How many 429s in a row below the learned pace say that it was learned wrong.
const WRONG: u32 = 4;
/// How long nothing is learned after that.
const UNLEARNED: Duration = Duration::from_mins(2);

/// What is known of a server's own quota.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LearnedPace {
    /// Requests that were let through since the lane began.
    accepted: u32,
    /// How many had been let through when, every so often.
    steps: VecDeque<(Duration, u32)>,
    /// The 429s that something was learned from.
    walls: VecDeque<Wall>,
    pace: Option<Pace>,
    not_before: Duration,
    /// 429s in a row that came below the learned pace.
    below: u32,
}

/// A 429 that stopped the lane.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wall {
    at: Duration,
    /// Requests that had been let through by then.
    accepted: u32,
    /// How long the lane was to stay away.
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    /// What the server lets through, a second.
    quota: f64,
    learned_at: Duration,
    /// Whether a second wall has borne it out.
    is_sure: bool,
}

impl Pace {
    fn per_second(self, now: Duration) -> f64 {
        let since = now.saturating_sub(self.learned_at);
        if self.is_sure {
            let back = since.div_duration_f64(BACK) - 1.0;
            return self.quota * BELOW.mul_add(back.powi(3), 1.0);
        }
        let steps = since.div_duration_f64(GUESS_GROWS.1).floor().min(100.0);
        self.quota * (1.0 - BELOW) * GUESS_GROWS.0.powf(steps)
    }
}

impl LearnedPace {
    /// The pace now, in requests a second; `None` where no quota is known.
    pub(super) fn per_second(&self, now: Duration) -> Option<f64> {
        self.pace.map(|pace| pace.per_second(now))
    }

    /// A request was let through.
    pub(super) fn accepted(&mut self, now: Duration) {
        if self.steps.back().is_none_or(|(at, _)| now.saturating_sub(*at) >= STEP) {
            self.forget(now);
            self.steps.push_back((now, self.accepted));
        }
        self.accepted = self.accepted.saturating_add(1);
    }

    /// A 429 came to what was sent after the last one; `is_burst` says that most of the last replies
    /// were such, `hint` is the pause that the server asks for. Says whether the pace changed.
    pub(super) fn rate_limited(&mut self, now: Duration, is_burst: bool, hint: Option<Duration>) -> bool {
        // A lone 429 among answers is no wall, unless it makes the lane wait or the wall is known.
        let is_wall = is_burst || hint.is_some() || self.pace.is_some();
        if !is_wall || now < self.not_before {
            return false;
        }
        if self.is_given_up(now) {
            return true;
        }
        let pause = hint.unwrap_or_default();
        let measured = self.measured(now, pause);
        self.walls.push_back(Wall { at: now, accepted: self.accepted, pause });
        let Some((quota, is_sure)) = measured else { return false };
        self.pace = Some(Pace { quota, learned_at: now + pause, is_sure });
        true
    }

    /// What the server lets through, a second, and whether more than one wall says so.
    ///
    /// From wall to wall it is what a bucket refills. After a long pause it is what a window held.
    /// At the first wall the window may not have been full yet: the pause is counted to it.
    fn measured(&mut self, now: Duration, pause: Duration) -> Option<(f64, bool)> {
        self.forget(now);
        let (since, let_through) = *self.steps.front()?;
        let is_window = self.walls.iter().any(|wall| wall.pause > LONG_PAUSE);
        let (let_through, time) = match self.walls.front() {
            Some(_) if is_window => (let_through, WINDOW),
            Some(wall) => (wall.accepted, now.saturating_sub(wall.at)),
            None => (let_through, now.saturating_sub(since) + pause),
        };
        let accepted = self.accepted - let_through;
        let is_known = accepted >= ENOUGH && !time.is_zero();
        is_known.then(|| (f64::from(accepted) / time.as_secs_f64(), !self.walls.is_empty()))
    }

    fn forget(&mut self, now: Duration) {
        let is_old = |at: Duration| now.saturating_sub(at) > WINDOW;
        while self.steps.front().is_some_and(|(at, _)| is_old(*at)) {
            self.steps.pop_front();
        }
        while self.walls.front().is_some_and(|wall| is_old(wall.at + wall.pause)) {
            self.walls.pop_front();
        }
    }

    /// Whether so many 429s in a row came below the learned pace that it cannot be what caused them:
    /// then it is given up.
    fn is_given_up(&mut self, now: Duration) -> bool {
        let is_below = self.pace.is_some_and(|pace| pace.is_sure && pace.per_second(now) < pace.quota);
        self.below = if is_below { self.below + 1 } else { 0 };
        if self.below < WRONG {
            return false;
        }
        *self = Self { not_before: now + UNLEARNED, ..Self::default() };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: f64 = 0.1;
    const RATE: f64 = 10.0;

    /// A server that enforces 600 requests a minute and says when to come back.
    enum Server {
        Sliding(VecDeque<f64>),
        Fixed { window: f64, taken: u32, offset: f64 },
        Bucket { tokens: f64, most: f64, at: f64 },
    }

    impl Server {
        fn admit(&mut self, now: f64) -> Result<(), f64> {
            match self {
                Self::Sliding(taken) => {
                    while taken.front().is_some_and(|at| now - at >= 60.0) {
                        taken.pop_front();
                    }
                    if taken.len() >= 600 {
                        return Err((60.0 - (now - taken[0])).ceil().max(1.0));
                    }
                    taken.push_back(now);
                }
                Self::Fixed { window, taken, offset } => {
                    let current = ((now + *offset) / 60.0).floor();
                    if current > *window {
                        (*window, *taken) = (current, 0);
                    }
                    if *taken >= 600 {
                        return Err(((current + 1.0) * 60.0 - *offset - now).ceil().max(1.0));
                    }
                    *taken += 1;
                }
                Self::Bucket { tokens, most, at } => {
                    *tokens = (*tokens + (now - *at) * RATE).min(*most);
                    *at = now;
                    if *tokens < 1.0 {
                        return Err(((1.0 - *tokens) / RATE).ceil().max(1.0));
                    }
                    *tokens -= 1.0;
                }
            }
            Ok(())
        }
    }

    /// Runs a lane with work to spare against a server for some minutes. Gives what share of the
    /// quota it used, and what share of its requests met a 429, after the first minute.
    fn run(mut server: Server, in_flight: usize) -> (f64, f64) {
        let mut pace = LearnedPace::default();
        let (mut now, mut not_before, mut next) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut due: VecDeque<(f64, f64, Result<(), f64>)> = VecDeque::new();
        let (mut burst_at, mut recent, mut accepted, mut refused) = (-1.0, VecDeque::new(), 0, 0);
        while now < 300.0 {
            if due.len() < in_flight {
                let wait = pace.per_second(Duration::from_secs_f64(now)).map_or(0.0, |_| next);
                let at = now.max(not_before).max(wait);
                if due.front().is_none_or(|(done, ..)| at <= *done) {
                    now = at;
                    next = now + pace.per_second(Duration::from_secs_f64(now)).map_or(0.0, |rate| 1.0 / rate);
                    due.push_back((now + LATENCY, now, server.admit(now)));
                    continue;
                }
            }
            let (done, sent, reply) = due.pop_front().unwrap();
            now = done;
            recent.push_back(reply.is_err());
            if recent.len() > 4 {
                recent.pop_front();
            }
            match reply {
                Ok(()) => {
                    pace.accepted(Duration::from_secs_f64(now));
                    accepted += u32::from(sent >= 60.0);
                }
                Err(hint) => {
                    refused += u32::from(sent >= 60.0);
                    not_before = not_before.max(now + hint);
                    if sent > burst_at {
                        let is_burst = recent.iter().filter(|refused| **refused).count() >= 2;
                        pace.rate_limited(Duration::from_secs_f64(now), is_burst, Some(Duration::from_secs_f64(hint)));
                        burst_at = if is_burst { now } else { burst_at };
                    }
                }
            }
        }
        (f64::from(accepted) / (240.0 * RATE), f64::from(refused) / f64::from(accepted + refused))
    }

    #[test]
    fn a_quota_that_nobody_told_of_is_used_and_hardly_ever_met() {
        for in_flight in [1, 2, 4, 16, 64] {
            let servers = [
                ("sliding", Server::Sliding(VecDeque::new())),
                ("fixed", Server::Fixed { window: 0.0, taken: 0, offset: 0.0 }),
                ("fixed, late", Server::Fixed { window: 0.0, taken: 0, offset: 47.0 }),
                ("a bucket of ten", Server::Bucket { tokens: 10.0, most: 10.0, at: 0.0 }),
                ("a bucket of a minute", Server::Bucket { tokens: 600.0, most: 600.0, at: 0.0 }),
            ];
            for (name, server) in servers {
                let (used, refused) = run(server, in_flight);
                println!("{name}, {in_flight} in flight: {used:.3} used, {refused:.4} refused");
                assert!(used >= 0.95 || in_flight == 1, "{name}, {in_flight} in flight: {used} used");
                assert!(refused < 0.02, "{name}, {in_flight} in flight: {refused} refused");
            }
        }
    }
}
