//! The budget of a run: what is in flight counts with the worst that it may cost.
//!
//! The worst case is as good as the price that it is made of. How far a price is believed is a matter
//! of its lane ([`PriceTrust`](super::price_trust::PriceTrust)), and so are the few requests that try
//! it before others follow ([`Trial`](super::trial::Trial)): the budget takes what it is told, asks
//! again each time that something has changed, and so learns at once of a price that was corrected.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::assumed::Assumed;
use super::options::BudgetOptions;
use crate::store::BudgetCorrection;

/// So many requests may have been billed without anybody knowing what one may cost: then none goes any
/// more, since a budget that counts nothing for them bounds nothing. What is in flight is waited for, as
/// its reply may tell. One more request might tell too, but nothing bounds what it costs, nor how many
/// such would stay silent: more of them, or of each model, would pass the budget by as many.
const MOST_UNKNOWN: u64 = 5;
/// Below this, in USD, a sum of many costs is not told from another.
const ROUNDING: f64 = 1e-9;

/// What a run may spend, and what it has spent, in USD.
///
/// A request reserves the worst that it may cost before it is sent; when its cost is known, that
/// counts instead. Where nobody knows a worst case yet, a request reserves a share of what is left, so
/// that one whose reply stays away does not hold up other models; all of it where nothing else may
/// go. A cap that is taken away is infinite: what is spent is counted all the same, so that another
/// cap holds from the first cent on.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Notify,
    /// Reservations are made in the order of asking: a dear request is not passed by cheap ones for
    /// ever.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, PartialEq)]
struct State {
    cap_usd: f64,
    spent_usd: f64,
    reserved_usd: f64,
    reservations: usize,
    /// Attempts of unknown cost, made before anything of a cost was known.
    unpriced: u64,
    /// What of the spent is counted for requests whose cost nobody knows.
    assumed_usd: f64,
    /// Of these, those that no lane of this session knows more of.
    earlier: Assumed,
    /// What of the assumed nothing in the store says yet.
    unkept: Vec<BudgetCorrection>,
}

/// What a request may cost at worst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Worst {
    /// So much, in USD.
    Usd(f64),
    /// Nobody knows; it is one of so many of its kind that may be in flight.
    Unknown {
        /// How many, itself among them.
        among: u32,
    },
}

/// How a budget stands, in USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetStatus {
    /// What may be spent.
    pub cap_usd: f64,
    /// What was spent: known costs, and the worst case of those that are not.
    pub spent_usd: f64,
    /// What the requests in flight may cost at worst.
    pub reserved_usd: f64,
}

/// Why another request cannot be paid for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unpaid {
    /// What is left does not reach.
    Exhausted {
        status: BudgetStatus,
        /// What of the spent is counted for requests whose cost nobody knows, in USD.
        assumed_usd: f64,
        /// What the next request may cost; `None` where nobody knows.
        next_usd: Option<f64>,
    },
    /// So many requests may have been billed, and nobody knows what one may cost.
    Unknown(u64),
}

/// What a request holds of a budget.
#[derive(Debug)]
#[must_use]
pub(super) struct Reservation {
    usd: f64,
    is_known: bool,
}

impl Reservation {
    /// The worst that the request may cost, in USD, where that is known.
    pub(super) fn worst_usd(&self) -> Option<f64> {
        self.is_known.then_some(self.usd)
    }
}

impl Budget {
    /// A budget of which some may be spent already. What earlier answers have cost says what attempts of
    /// unknown cost may have.
    pub(super) fn new(options: &BudgetOptions) -> Self {
        let BudgetOptions { cap_usd, spent_usd, assumed_usd, assumed, unpriced, .. } = *options;
        let of_lanes: u64 = options.by_price.iter().map(|of| of.assumed).sum();
        let of_lanes_usd: f64 = options.by_price.iter().map(|of| of.assumed_usd + of.corrected_usd).sum();
        let state = State {
            cap_usd,
            spent_usd,
            reserved_usd: 0.0,
            reservations: 0,
            unpriced,
            assumed_usd,
            earlier: Assumed::of(assumed.saturating_sub(of_lanes), (assumed_usd - of_lanes_usd).max(0.0)),
            unkept: Vec::new(),
        };
        let budget = Self { state: Mutex::new(state), changed: Notify::new(), turn: tokio::sync::Mutex::default() };
        if let Some(dearest_usd) = options.dearest.iter().map(|dearest| dearest.cost_usd).reduce(f64::max) {
            budget.price_unpriced(dearest_usd);
        }
        budget
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> BudgetStatus {
        self.state().status()
    }

    /// Whether there is a cap.
    pub(super) fn is_capped(&self) -> bool {
        self.state().cap_usd.is_finite()
    }

    pub(super) fn set_cap(&self, cap_usd: Option<f64>) {
        self.state().cap_usd = cap_usd.unwrap_or(f64::INFINITY);
        self.changed.notify_waiters();
    }

    /// Reserves the worst that a request may cost, as `worst` tells each time that it is asked.
    /// Waits for what is in flight where that may leave enough.
    ///
    /// # Errors
    /// Fails where nothing is in flight and what is left does not reach, or cannot be told.
    pub(super) async fn reserve(&self, worst: impl Fn() -> Worst) -> Result<Reservation, Unpaid> {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            if let Some(reservation) = self.state().reserve(worst())? {
                return Ok(reservation);
            }
            changed.await;
        }
    }

    /// Settles a reservation with what the request has cost. Where nobody knows it, the worst case
    /// counts: it is given back. `None` where even that is unknown.
    pub(super) fn settle(&self, reservation: &Reservation, cost_usd: Option<f64>) -> Option<f64> {
        let assumed = if cost_usd.is_none() && reservation.is_known { Some(reservation.usd) } else { None };
        let mut state = self.state();
        state.give_back(reservation);
        state.spent_usd += cost_usd.unwrap_or_default();
        state.assume(assumed.unwrap_or_default());
        state.unpriced += u64::from(cost_usd.is_none() && assumed.is_none());
        drop(state);
        self.changed.notify_waiters();
        assumed
    }

    /// Counts what a request has cost that was sent before there was a budget.
    pub(super) fn spend(&self, cost_usd: Option<f64>) {
        let mut state = self.state();
        state.spent_usd += cost_usd.unwrap_or_default();
        state.unpriced += u64::from(cost_usd.is_none());
    }

    /// Gives back what a request that was not sent has reserved.
    pub(super) fn release(&self, reservation: &Reservation) {
        self.state().give_back(reservation);
        self.changed.notify_waiters();
    }

    /// Whether there are attempts of unknown cost that nothing is counted for.
    pub(super) fn has_unpriced(&self) -> bool {
        self.state().unpriced > 0
    }

    /// Counts the attempts of unknown cost, now that it is known what one may cost.
    pub(super) fn price_unpriced(&self, each_usd: f64) {
        let mut state = self.state();
        let unpriced = std::mem::take(&mut state.unpriced);
        let usd = state.earlier.add(unpriced, each_usd);
        state.correct(BudgetCorrection { model: None, usd, requests: unpriced });
    }

    /// Counts so much more for what was assumed of a model, since its price has proved too low; and what
    /// was assumed earlier, of whatever model, with no less than so much each: that was corrected by what
    /// was known then.
    pub(super) fn correct(&self, model: &Arc<str>, more_usd: f64, least_usd: f64) {
        let mut state = self.state();
        let of_earlier_usd = state.earlier.correct(1.0, least_usd);
        state.correct(BudgetCorrection { model: Some(Arc::clone(model)), usd: more_usd, requests: 0 });
        state.correct(BudgetCorrection { model: None, usd: of_earlier_usd, requests: 0 });
    }

    /// What is counted more than the store says; the caller tells it that.
    pub(super) fn take_corrections(&self) -> Vec<BudgetCorrection> {
        std::mem::take(&mut self.state().unkept)
    }
}

impl State {
    /// Reserves what a request may cost; `None` where that is to be waited for.
    fn reserve(&mut self, worst: Worst) -> Result<Option<Reservation>, Unpaid> {
        let left = self.cap_usd - self.spent_usd - self.reserved_usd;
        let (usd, next_usd) = match worst {
            Worst::Usd(usd) => ((left.is_infinite() || usd <= left + ROUNDING).then_some(usd), Some(usd)),
            Worst::Unknown { .. } if left.is_infinite() => (Some(0.0), None),
            Worst::Unknown { .. } if self.unpriced >= MOST_UNKNOWN => (None, None),
            Worst::Unknown { among } => ((left > ROUNDING).then(|| left / f64::from(among.max(1))), None),
        };
        if let Some(usd) = usd {
            self.reserved_usd += usd;
            self.reservations += 1;
            return Ok(Some(Reservation { usd, is_known: next_usd.is_some() }));
        }
        match (self.reservations, next_usd) {
            (1.., _) => Ok(None),
            (0, None) if self.unpriced >= MOST_UNKNOWN => Err(Unpaid::Unknown(self.unpriced)),
            (0, next_usd) => Err(Unpaid::Exhausted { status: self.status(), assumed_usd: self.assumed_usd, next_usd }),
        }
    }

    const fn status(&self) -> BudgetStatus {
        let Self { cap_usd, spent_usd, reserved_usd, .. } = *self;
        BudgetStatus { cap_usd, spent_usd, reserved_usd }
    }

    /// Counts something for a request whose cost nobody knows.
    const fn assume(&mut self, usd: f64) {
        self.spent_usd += usd;
        self.assumed_usd += usd;
    }

    /// The same, besides what stands beside the request.
    fn correct(&mut self, correction: BudgetCorrection) {
        self.assume(correction.usd);
        if correction.usd == 0.0 && correction.requests == 0 {
            return;
        }
        match self.unkept.iter_mut().find(|unkept| unkept.model == correction.model) {
            Some(unkept) => {
                unkept.usd += correction.usd;
                unkept.requests += correction.requests;
            }
            None => self.unkept.push(correction),
        }
    }

    fn give_back(&mut self, reservation: &Reservation) {
        self.reservations -= 1;
        // The sum of nothing is nothing, whatever was rounded on the way.
        self.reserved_usd = if self.reservations == 0 { 0.0 } else { self.reserved_usd - reservation.usd };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request of unknown cost that no other goes beside.
    const ALONE: Worst = Worst::Unknown { among: 1 };

    fn budget(cap_usd: f64, spent_usd: f64) -> Budget {
        Budget::new(&BudgetOptions { spent_usd, ..BudgetOptions::new(cap_usd) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_nearly_used_and_never_passed() {
        let budget = budget(1.0, 0.0);
        let mut sent = 0;
        let refusal = loop {
            match budget.reserve(|| Worst::Usd(0.04)).await {
                Ok(reservation) => {
                    sent += 1;
                    assert_eq!(budget.settle(&reservation, Some(0.0137)), None);
                }
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(sent, 71);
        let Unpaid::Exhausted { status, assumed_usd, next_usd } = refusal else { panic!("{refusal:?}") };
        assert!(status.spent_usd > 0.95 && status.spent_usd <= 1.0, "{status:?}");
        assert_eq!((assumed_usd, next_usd), (0.0, Some(0.04)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_flight_is_waited_for() {
        let budget = budget(1.0, 0.0);
        let first = budget.reserve(|| Worst::Usd(0.6)).await.unwrap();
        let waiting = budget.reserve(|| Worst::Usd(0.6));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(std::time::Duration::from_secs(1), &mut waiting).await.is_err());
        budget.settle(&first, Some(0.1));
        let second = waiting.await.unwrap();
        budget.release(&second);
        assert_eq!(budget.status(), BudgetStatus { cap_usd: 1.0, spent_usd: 0.1, reserved_usd: 0.0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_of_unknown_cost_goes_alone_and_counts_later() {
        let budget = budget(1.0, 0.0);
        let alone = budget.reserve(|| ALONE).await.unwrap();
        let other = tokio::time::timeout(std::time::Duration::from_secs(1), budget.reserve(|| Worst::Usd(0.01)));
        assert!(other.await.is_err());
        assert_eq!(budget.settle(&alone, None), None);
        let status = |spent_usd| BudgetStatus { cap_usd: 1.0, spent_usd, reserved_usd: 0.0 };
        assert_eq!(budget.status(), status(0.0));
        budget.price_unpriced(0.2);
        assert_eq!(budget.status(), status(0.2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_that_is_taken_away_and_given_again_has_counted_everything() {
        let budget = budget(1.0, 0.5);
        let known = budget.reserve(|| Worst::Usd(0.4)).await.unwrap();
        budget.set_cap(None);
        let unknown = [budget.reserve(|| ALONE).await.unwrap(), budget.reserve(|| ALONE).await.unwrap()];
        let dear = budget.reserve(|| Worst::Usd(70.0)).await.unwrap();
        budget.set_cap(Some(2.0));
        assert!(
            tokio::time::timeout(std::time::Duration::from_secs(1), budget.reserve(|| Worst::Usd(0.1))).await.is_err()
        );
        budget.settle(&dear, Some(0.25));
        budget.settle(&known, Some(0.25));
        for reservation in &unknown {
            assert_eq!(budget.settle(reservation, Some(0.25)), None);
        }
        assert_eq!(budget.status(), BudgetStatus { cap_usd: 2.0, spent_usd: 1.5, reserved_usd: 0.0 });
        assert!(budget.reserve(|| Worst::Usd(0.6)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_of_unknown_cost_counts_with_its_worst_case() {
        let budget = budget(1.0, 0.9);
        let reservation = budget.reserve(|| Worst::Usd(0.1)).await.unwrap();
        assert_eq!(budget.settle(&reservation, None), Some(0.1));
        assert!(budget.reserve(|| Worst::Usd(0.001)).await.is_err());
    }

    #[test]
    fn what_a_request_reserves_follows_from_what_is_left_and_what_is_in_flight() {
        let unknown = |among| Worst::Unknown { among };
        // What is spent, reserved, how many are in flight and of unknown cost; the worst case; what becomes of it.
        for (spent_usd, reserved_usd, reservations, unpriced, worst, expected) in [
            (0.0, 0.0, 0, 0, Worst::Usd(0.5), Ok(Some(0.5))),
            (0.0, 0.75, 1, 0, Worst::Usd(0.5), Ok(None)),
            (0.75, 0.0, 0, 0, Worst::Usd(0.5), Err(false)),
            (0.0, 0.0, 0, 9, Worst::Usd(0.5), Ok(Some(0.5))),
            (0.0, 0.0, 0, 0, unknown(1), Ok(Some(1.0))),
            (0.0, 0.0, 0, 4, unknown(4), Ok(Some(0.25))),
            (0.0, 0.5, 1, 0, unknown(4), Ok(Some(0.125))),
            (0.0, 1.0, 1, 0, unknown(4), Ok(None)),
            (1.0, 0.0, 0, 0, unknown(4), Err(false)),
            (0.0, 0.0, 0, 5, unknown(4), Err(true)),
            (0.0, 0.5, 1, 5, unknown(4), Ok(None)),
        ] {
            let budget = Budget::new(&BudgetOptions { spent_usd, unpriced, ..BudgetOptions::new(1.0) });
            let mut state = budget.state();
            (state.reserved_usd, state.reservations) = (reserved_usd, reservations);
            let reserved = state.reserve(worst).map(|reserved| reserved.map(|reservation| reservation.usd));
            let reserved = reserved.map_err(|unpaid| unpaid == Unpaid::Unknown(5));
            assert_eq!(reserved, expected, "{worst:?} of 1, {spent_usd} spent, {reserved_usd} reserved, {unpriced}");
        }
    }

    #[test]
    fn what_was_assumed_counts_more_once_its_price_is_corrected() {
        let earlier = BudgetOptions { spent_usd: 0.5, assumed_usd: 0.25, assumed: 2, ..BudgetOptions::new(9.0) };
        let budget = Budget::new(&earlier);
        let kept = |model: &str, usd| BudgetCorrection { model: Some(model.into()), usd, requests: 0 };
        let of_none = |usd, requests| BudgetCorrection { model: None, usd, requests };
        for (more_usd, least_usd, spent_usd, expected) in [
            (0.0, 0.0, 0.5, vec![]),
            (0.125, 0.0, 0.625, vec![kept("m", 0.125)]),
            (0.0, 0.125, 0.625, vec![]),
            (0.0, 1.0, 2.375, vec![of_none(1.75, 0)]),
        ] {
            budget.correct(&"m".into(), more_usd, least_usd);
            let status = BudgetStatus { cap_usd: 9.0, spent_usd, reserved_usd: 0.0 };
            assert_eq!(budget.status(), status, "{more_usd} more, at least {least_usd}");
            assert_eq!(budget.take_corrections(), expected);
        }
        let unknown = budget.state().reserve(ALONE).unwrap().unwrap();
        budget.settle(&unknown, None);
        budget.price_unpriced(0.5);
        assert_eq!(budget.take_corrections(), [of_none(0.5, 1)]);
    }
}
