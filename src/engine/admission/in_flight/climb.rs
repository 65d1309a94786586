//! From a measurement to the next limit.

use std::time::Duration;

use super::{InFlight, Phase, Rate};

/// How much faster answers must come for the limit to double again.
const DOUBLING_PAYS: f64 = 1.3;
/// The share of what a step could bring that it must bring to be kept.
const STEP_PAYS: f64 = 0.5;
/// A step is this share of the limit; each one that pays doubles the next, up to [`WIDEST`].
const NARROWEST: f64 = 0.125;
/// The widest step.
const WIDEST: f64 = 0.5;
/// What of a limit that met a burst is climbed to without waiting.
const BELOW_CEILING: f64 = 0.9;
/// How many measurements follow a step that did not pay before the next one, at first and at most.
const PATIENCE: (u32, u32) = (4, 64);

/// A step from one limit to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    direction: Direction,
    /// The share of the limit that it goes.
    width: f64,
    /// How many measurements follow where it does not pay.
    patience: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Step {
    pub(super) const FIRST: Self = Self { direction: Direction::Up, width: NARROWEST, patience: PATIENCE.0 };
}

/// After a doubling: again, where it paid.
pub(super) fn doubled(at: Duration, rate: Rate, before: Option<Rate>, limit: &mut InFlight) -> Option<&'static str> {
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
pub(super) fn stepped(at: Duration, rate: Rate, step: Step, limit: &mut InFlight) -> Option<&'static str> {
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
pub(super) fn judged(
    at: Duration,
    (before, rate): (Rate, Rate),
    step: Step,
    limit: &mut InFlight,
) -> Option<&'static str> {
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a small count, rounded down"
)]
pub(super) fn share(limit: usize, share: f64) -> usize {
    (limit as f64 * share) as usize
}
