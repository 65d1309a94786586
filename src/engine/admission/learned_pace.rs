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
/// While the quota is but a guess: by how much the pace grows, and how often.
const GUESS_GROWS: (f64, Duration) = (1.25, Duration::from_secs(10));
/// How far back what was let through is counted: the window of most quotas.
const WINDOW: Duration = Duration::from_mins(1);
/// How far two quotas may be from each other, as a share, and still be taken for one.
const SAME: f64 = 0.1;
/// How far a time may be from a whole window and still be taken for one.
const NEARLY: Duration = Duration::from_secs(3);
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
    /// The last one, while replies to what was sent before it may still come.
    last: Option<Wall>,
    pace: Option<Pace>,
    not_before: Duration,
    /// 429s in a row that came below the learned pace.
    below: u32,
}

/// A 429 that stopped the lane.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wall {
    at: Duration,
    /// How long the lane was to stay away.
    pause: Duration,
    /// Requests that had been let through when the lane went on.
    accepted: u32,
    /// Whether it is one: a lone 429 among answers is none, unless a wall is known.
    counts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    /// What the server lets through, a second.
    quota: f64,
    learned_at: Duration,
    /// Whether a second wall, or a whole window, has borne it out.
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

    /// When the pace was learned that holds now; `None` where none is.
    pub(super) fn learned_at(&self) -> Option<Duration> {
        self.pace.map(|pace| pace.learned_at)
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
    /// were such, `pause` is how long the lane stays away for it.
    pub(super) fn rate_limited(&mut self, now: Duration, is_burst: bool, pause: Option<Duration>) {
        self.learn(now);
        if now >= self.not_before && !self.is_given_up(now) {
            let (pause, counts) = (pause.unwrap_or_default(), is_burst || self.pace.is_some());
            self.last = Some(Wall { at: now, pause, accepted: 0, counts });
        }
    }

    /// Most of the replies to what was sent before the last 429 were such too.
    pub(super) const fn is_burst(&mut self) {
        if let Some(wall) = &mut self.last {
            wall.counts = true;
        }
    }

    /// Learns from the last 429, once the lane goes on: then all replies to what was sent before it
    /// have come, and no others.
    pub(super) fn learn(&mut self, now: Duration) {
        let Some(wall) = self.last.filter(|wall| now >= wall.at + wall.pause) else { return };
        self.last = None;
        if !wall.counts {
            return;
        }
        let measured = self.measured(&wall);
        self.walls.push_back(Wall { accepted: self.accepted, ..wall });
        if let Some((quota, is_sure)) = measured {
            self.pace = Some(Pace { quota, learned_at: now, is_sure });
        }
    }

    /// What the server lets through, a second, and whether that is sure.
    ///
    /// From wall to wall it is what a bucket refills. After a long pause it is what a window held.
    /// At the first wall the window may not have been full yet: the pause is counted to it.
    fn measured(&mut self, last: &Wall) -> Option<(f64, bool)> {
        self.forget(last.at);
        let is_window = self.walls.iter().any(|wall| wall.pause > LONG_PAUSE);
        let (since, let_through) = *self.steps.front()?;
        let (let_through, time) = match self.walls.is_empty() {
            true => (let_through, last.at.saturating_sub(since) + last.pause),
            false if is_window => (let_through, WINDOW),
            false => {
                // The newest wall from which on enough was let through: the ones before it may still
                // have met what a full bucket held.
                let is_enough = |wall: &&Wall| self.accepted - wall.accepted >= ENOUGH;
                let wall = self.walls.iter().rev().find(is_enough)?;
                (wall.accepted, last.at.saturating_sub(wall.at))
            }
        };
        let accepted = self.accepted - let_through;
        if accepted < ENOUGH || time.is_zero() {
            return None;
        }
        let quota = f64::from(accepted) / time.as_secs_f64();
        // A whole window tells as much as a second wall that says the same.
        let is_same = self.pace.is_some_and(|before| (quota - before.quota).abs() <= SAME * before.quota);
        Some((quota, is_same || time.abs_diff(WINDOW) <= NEARLY))
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

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A lane that was let through so many requests in its first second, and then met a wall.
    fn at_a_wall(accepted: u32, pause: Duration) -> LearnedPace {
        let mut pace = LearnedPace::default();
        (0..accepted).for_each(|_| pace.accepted(Duration::ZERO));
        pace.rate_limited(second(1), true, Some(pause));
        pace
    }

    #[test]
    fn a_window_tells_its_quota_once_the_lane_goes_on() {
        let mut pace = at_a_wall(500, second(59));
        (0..100).for_each(|_| pace.accepted(second(2)));
        pace.learn(second(59));
        assert_eq!(pace.per_second(second(59)), None, "replies may still come");
        pace.learn(second(60));
        let rates = [60, 90, 120, 180].map(|at| pace.per_second(second(at)).unwrap());
        assert!((rates[0] - 9.75).abs() < 0.01 && (rates[1] - 10.0).abs() < 0.01, "{rates:?}");
        assert!(rates[2] < 10.5 && rates[3] > 15.0, "{rates:?}");
    }

    #[test]
    fn a_lone_429_among_answers_is_no_wall() {
        let mut pace = LearnedPace::default();
        (0..100).for_each(|_| pace.accepted(second(1)));
        pace.rate_limited(second(2), false, Some(second(1)));
        pace.learn(second(9));
        assert_eq!(pace.per_second(second(9)), None);
    }

    #[test]
    fn a_pace_that_429s_do_not_heed_is_given_up() {
        let mut pace = at_a_wall(600, second(59));
        pace.learn(second(60));
        for at in 61..=61 + u64::from(WRONG) {
            pace.accepted(second(at));
            pace.rate_limited(second(at), false, None);
        }
        assert_eq!(pace.per_second(second(70)), None);
    }
}
