//! The budget of a run: what is in flight counts with the worst that it may cost.
//!
//! The worst case is as good as the price that it is made of. How far a price is believed is a matter
//! of its lane ([`PriceTrust`](super::price_trust::PriceTrust)), and so are the few requests that try
//! it before others follow ([`Trial`](super::trial::Trial)): the budget takes what it is told, asks
//! again each time that something has changed, and so learns at once of a price that was corrected.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Below this, in USD, a sum of many costs is not told from another.
const ROUNDING: f64 = 1e-9;

/// What a run may spend, and what it has spent, in USD.
///
/// A request reserves the worst that it may cost before it is sent; when its cost is known, that
/// counts instead. Where nobody knows a worst case yet, a request reserves all that is left, so
/// that it goes alone, and its cost tells. A cap that is taken away is infinite: what is spent is
/// counted all the same, so that another cap holds from the first cent on.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Notify,
    /// Reservations are made in the order of asking: a dear request is not passed by cheap ones for
    /// ever.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct State {
    cap_usd: f64,
    spent_usd: f64,
    reserved_usd: f64,
    reservations: usize,
    /// Attempts of unknown cost, made before anything of a cost was known.
    unpriced: u64,
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

/// The budget does not reach for another request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exhausted {
    pub(super) status: BudgetStatus,
    /// What the next request may cost; `None` where nobody knows.
    pub(super) next_usd: Option<f64>,
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
    /// A budget of which some is spent already: `unpriced` attempts of unknown cost among it.
    pub(super) fn new(cap_usd: f64, spent_usd: f64, unpriced: u64) -> Self {
        let state = State { cap_usd, spent_usd, reserved_usd: 0.0, reservations: 0, unpriced };
        Self { state: Mutex::new(state), changed: Notify::new(), turn: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> BudgetStatus {
        let State { cap_usd, spent_usd, reserved_usd, .. } = *self.state();
        BudgetStatus { cap_usd, spent_usd, reserved_usd }
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
    /// Fails where nothing is in flight and what is left does not reach.
    pub(super) async fn reserve(&self, worst: impl Fn() -> Option<f64>) -> Result<Reservation, Exhausted> {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            let next_usd = worst();
            if let Some(reservation) = self.try_reserve(next_usd) {
                return Ok(reservation);
            }
            if self.state().reservations == 0 {
                return Err(Exhausted { status: self.status(), next_usd });
            }
            changed.await;
        }
    }

    fn try_reserve(&self, worst: Option<f64>) -> Option<Reservation> {
        let mut state = self.state();
        let left = state.cap_usd - state.spent_usd - state.reserved_usd;
        let usd = match worst {
            _ if left.is_infinite() => worst.unwrap_or_default(),
            Some(usd) if usd <= left + ROUNDING => usd,
            None if state.reservations == 0 && left > 0.0 => left,
            _ => return None,
        };
        state.reserved_usd += usd;
        state.reservations += 1;
        Some(Reservation { usd, is_known: worst.is_some() })
    }

    /// Settles a reservation with what the request has cost. Where nobody knows it, the worst case
    /// counts: it is given back. `None` where even that is unknown.
    pub(super) fn settle(&self, reservation: &Reservation, cost_usd: Option<f64>) -> Option<f64> {
        let assumed = if cost_usd.is_none() && reservation.is_known { Some(reservation.usd) } else { None };
        let mut state = self.state();
        state.give_back(reservation);
        state.spent_usd += cost_usd.or(assumed).unwrap_or_default();
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

    /// Counts the attempts of unknown cost, now that it is known what one may cost.
    pub(super) fn price_unpriced(&self, each_usd: f64) {
        let mut state = self.state();
        #[expect(clippy::cast_precision_loss, reason = "a count of failed attempts is small")]
        let unpriced = std::mem::take(&mut state.unpriced) as f64;
        state.spent_usd += unpriced * each_usd;
    }
}

impl State {
    fn give_back(&mut self, reservation: &Reservation) {
        self.reservations -= 1;
        // The sum of nothing is nothing, whatever was rounded on the way.
        self.reserved_usd = if self.reservations == 0 { 0.0 } else { self.reserved_usd - reservation.usd };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_nearly_used_and_never_passed() {
        let budget = Budget::new(1.0, 0.0, 0);
        let mut sent = 0;
        let refusal = loop {
            match budget.reserve(|| Some(0.04)).await {
                Ok(reservation) => {
                    sent += 1;
                    assert_eq!(budget.settle(&reservation, Some(0.0137)), None);
                }
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(sent, 71);
        assert!(refusal.status.spent_usd > 0.95 && refusal.status.spent_usd <= 1.0, "{refusal:?}");
        assert_eq!(refusal.next_usd, Some(0.04));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_flight_is_waited_for() {
        let budget = Budget::new(1.0, 0.0, 0);
        let first = budget.reserve(|| Some(0.6)).await.unwrap();
        let waiting = budget.reserve(|| Some(0.6));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(std::time::Duration::from_secs(1), &mut waiting).await.is_err());
        budget.settle(&first, Some(0.1));
        let second = waiting.await.unwrap();
        budget.release(&second);
        assert_eq!(budget.status(), BudgetStatus { cap_usd: 1.0, spent_usd: 0.1, reserved_usd: 0.0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_of_unknown_cost_goes_alone_and_counts_later() {
        let budget = Budget::new(1.0, 0.0, 0);
        let alone = budget.reserve(|| None).await.unwrap();
        let other = tokio::time::timeout(std::time::Duration::from_secs(1), budget.reserve(|| Some(0.01)));
        assert!(other.await.is_err());
        assert_eq!(budget.settle(&alone, None), None);
        let status = |spent_usd| BudgetStatus { cap_usd: 1.0, spent_usd, reserved_usd: 0.0 };
        assert_eq!(budget.status(), status(0.0));
        budget.price_unpriced(0.2);
        assert_eq!(budget.status(), status(0.2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_that_is_taken_away_and_given_again_has_counted_everything() {
        let budget = Budget::new(1.0, 0.5, 0);
        let known = budget.reserve(|| Some(0.4)).await.unwrap();
        budget.set_cap(None);
        let unknown = [budget.reserve(|| None).await.unwrap(), budget.reserve(|| None).await.unwrap()];
        let dear = budget.reserve(|| Some(70.0)).await.unwrap();
        budget.set_cap(Some(2.0));
        assert!(tokio::time::timeout(std::time::Duration::from_secs(1), budget.reserve(|| Some(0.1))).await.is_err());
        budget.settle(&dear, Some(0.25));
        budget.settle(&known, Some(0.25));
        for reservation in &unknown {
            assert_eq!(budget.settle(reservation, Some(0.25)), None);
        }
        assert_eq!(budget.status(), BudgetStatus { cap_usd: 2.0, spent_usd: 1.5, reserved_usd: 0.0 });
        assert!(budget.reserve(|| Some(0.6)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_of_unknown_cost_counts_with_its_worst_case() {
        let budget = Budget::new(1.0, 0.9, 0);
        let reservation = budget.reserve(|| Some(0.1)).await.unwrap();
        assert_eq!(budget.settle(&reservation, None), Some(0.1));
        assert!(budget.reserve(|| Some(0.001)).await.is_err());
    }
}
