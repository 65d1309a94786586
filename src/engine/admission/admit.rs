//! The way of a request through the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::budget::{Budget, Reservation, Unpaid, Worst};
use super::gate::Gate;
use super::lane::Lane;
use super::missing_bound::MissingBound;
use super::trial::Trial;
use super::usage::FEW;
use super::{Admission, Permit, Size};
use crate::engine::StopReason;
use crate::price::{usd, usd_at_least};

/// Why a request is not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its lane has ended; the others go on.
    Lane(StopReason),
    /// The run has to stop.
    Run(StopReason),
}

impl Admission {
    /// Returns when a request of a model may be sent.
    ///
    /// # Errors
    /// Fails where it will never be: its lane has ended, or the run has to stop.
    pub async fn admit(&self, model: &Arc<str>, size: Size) -> Result<Permit, Refusal> {
        let (gate, lane) = (&self.0, self.lane(model));
        let _turn = lane.turn.lock().await;
        let mut held = Held { gate, lane: &lane, tokens: Taken::default(), trial: None, reservation: None };
        loop {
            gate.until_resumed().await;
            gate.check_open(&lane)?;
            gate.until_due(&lane).await;
            gate.room(&lane).await;
            held.reserve(size).await?;
            held.take_lane_tokens(size).await;
            gate.lane_pace(&lane).await;
            let place = gate.place(&lane).await;
            held.take_turn(size).await;
            // While it waited, the server may have asked for a pause, or the user.
            let may_go = !self.is_paused() && {
                let state = lane.state();
                state.due().is_none() && state.closed.is_none()
            };
            if may_go {
                return Ok(gate.permit(&lane, held, place, size));
            }
        }
    }
}

impl Gate {
    async fn until_resumed(&self) {
        loop {
            let resumed = self.resumed.notified();
            if !self.paused.load(Ordering::Relaxed) {
                return;
            }
            let _waiting = Counted::new(&self.waiting.resume);
            resumed.await;
        }
    }

    async fn until_due(&self, lane: &Lane) {
        loop {
            let Some(at) = lane.state().due() else { return };
            let _waiting = Counted::new(&self.waiting.server);
            tokio::time::sleep_until(at).await;
        }
    }

    /// Whether the lane, its day and the run's day allow another request.
    fn check_open(&self, lane: &Lane) -> Result<(), Refusal> {
        let now_ms = (self.options.now_ms)();
        if let Some(Err(quota)) = self.run().day.as_mut().map(|day| day.check(now_ms)) {
            let message = format!("limits.requests_per_day = {quota} is used up; the day is new at midnight UTC");
            return Err(Refusal::Run(StopReason::QuotaExhausted(message)));
        }
        let mut state = lane.state();
        if let Some(reason) = &state.closed {
            return Err(Refusal::Lane(reason.clone()));
        }
        if let Some(Err(quota)) = state.day.as_mut().map(|day| day.check(now_ms)) {
            let model = &lane.model;
            let message = format!("requests_per_day = {quota} of {model} is used up; the day is new at midnight UTC");
            let reason = StopReason::QuotaExhausted(message);
            state.closed = Some(reason.clone());
            return Err(Refusal::Lane(reason));
        }
        Ok(())
    }

    /// Whether a budget can be kept: not where an answer of the lane did not say what it cost, unless
    /// a price bounds what the next one may cost. Another answer might say it, but this one was billed,
    /// and a server that did not say so once seldom does: each try would be paid for and count for nothing.
    fn check_cost_known(&self, budget: &Budget, lane: &Lane, size: Size) -> Result<(), Refusal> {
        let is_cost_unknown = lane.state().usage.is_cost_unknown;
        if !is_cost_unknown || !budget.is_capped() || self.by_price(lane, size).is_some() {
            return Ok(());
        }
        let model = &lane.model;
        let message = format!("an answer of {model} does not say what it cost, so that no budget can be kept");
        Err(Refusal::Run(StopReason::CostUnknown { message, needs: self.missing_bound(lane, size).needs(model) }))
    }

    /// What of a bound is missing of what a request costs at worst.
    fn missing_bound(&self, lane: &Lane, size: Size) -> MissingBound {
        let has_price = self.of_tokens(lane, 1, Some(1)).is_some();
        match (has_price, size.max_tokens) {
            (true, _) => MissingBound::Length,
            (false, Some(_)) => MissingBound::Price,
            (false, None) => MissingBound::Both,
        }
    }

    async fn room(&self, lane: &Lane) {
        let _waiting = Counted::new(&self.waiting.place);
        self.places.room(lane.index).await;
    }

    async fn lane_pace(&self, lane: &Lane) {
        loop {
            let requota = self.requota.notified();
            let Some(pace) = lane.state().pace.clone() else { return };
            let _waiting = Counted::new(&self.waiting.quota);
            tokio::select! {
                biased;
                () = pace.ready() => return,
                () = requota => {}
            }
        }
    }

    async fn place(&self, lane: &Lane) -> Place<'_> {
        let _waiting = Counted::new(&self.waiting.place);
        self.places.take(lane.index).await;
        Place { gate: self, lane: lane.index }
    }

    /// The worst that a request may cost, in USD.
    fn worst_case(&self, lane: &Lane, size: Size) -> Option<f64> {
        let (usage, price_trust) = {
            let state = lane.state();
            (state.usage, state.price_trust)
        };
        price_trust.worst_usd(self.by_price(lane, size), usage.dearest_usd())
    }

    /// The same, for what a budget reserves: each request of unknown cost has its share of what is left,
    /// as if as many were in flight of every model as of this one.
    fn worst(&self, lane: &Lane, size: Size) -> Worst {
        if let Some(usd) = self.worst_case(lane, size) {
            return Worst::Usd(usd);
        }
        let at_once = lane.state().at_once(false).unwrap_or(FEW);
        Worst::Unknown { among: at_once.saturating_mul(self.open_lanes()) }
    }

    /// How many models are asked, and not closed.
    fn open_lanes(&self) -> u32 {
        let lanes = self.lanes().clone();
        let closed = lanes.iter().filter(|lane| lane.state().closed.is_some()).count();
        let models = self.terms.get().map_or(1, |terms| terms.models).max(lanes.len());
        u32::try_from(models - closed).unwrap_or(u32::MAX).max(1)
    }

    /// Counts attempts of unknown cost once anything is known by which they can be counted: the most
    /// that such a request may cost of any model.
    pub(super) fn price_unpriced(&self, budget: &Budget, size: Size) {
        if !budget.has_unpriced() {
            return;
        }
        let lanes = self.lanes().clone();
        if let Some(each_usd) = lanes.iter().filter_map(|lane| self.worst_case(lane, size)).reduce(f64::max) {
            budget.price_unpriced(each_usd);
        }
    }

    /// The same, by its lane's price alone.
    pub(super) fn by_price(&self, lane: &Lane, size: Size) -> Option<f64> {
        let prompt_tokens = lane.state().usage.most_prompt_tokens(size);
        let usd = self.of_tokens(lane, prompt_tokens, size.max_tokens)?;
        if size.max_tokens.is_some() || size.answers <= 1 {
            return Some(usd);
        }
        // By the model's longest answer the price is that of one answer, and more are asked for.
        let of_prompt_usd = self.of_tokens(lane, prompt_tokens, Some(0))?;
        #[expect(clippy::cast_precision_loss, reason = "nobody asks for so many answers")]
        let answers = size.answers as f64;
        Some(of_prompt_usd + (usd - of_prompt_usd) * answers)
    }

    /// What so many tokens cost at most by the lane's price.
    pub(super) fn of_tokens(&self, lane: &Lane, prompt: u64, completion: Option<u64>) -> Option<f64> {
        (self.terms.get()?.worst_case)(&lane.model, prompt, completion)
    }

    fn permit(self: &Arc<Self>, lane: &Arc<Lane>, held: Held<'_>, place: Place<'_>, size: Size) -> Permit {
        let now_ms = (self.options.now_ms)();
        if let Some(day) = &mut self.run().day {
            day.add(1, now_ms);
        }
        let mut state = lane.state();
        if let Some(day) = &mut state.day {
            day.add(1, now_ms);
        }
        state.went(lane.age());
        let level = state.in_flight.as_ref().map_or(0, |limit| limit.level);
        drop(state);
        place.keep();
        Permit::new((Arc::clone(self), Arc::clone(lane)), level, size, held.keep())
    }
}

/// A place in flight that is given back unless the request is sent.
struct Place<'a> {
    gate: &'a Gate,
    lane: usize,
}

impl Place<'_> {
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gate.places.give_back(self.lane);
    }
}

/// Tokens that a request has taken; `None` where there is no quota of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Taken {
    pub(super) of_lane: Option<u32>,
    pub(super) of_run: Option<u32>,
}

/// What a request in flight holds of the quotas and the budget.
pub(super) struct Claim {
    pub(super) taken: Taken,
    pub(super) reservation: Option<Reservation>,
    pub(super) trial: Option<Trial>,
}

/// What a request has taken of the quotas and the budget: given back unless it is sent.
struct Held<'a> {
    gate: &'a Gate,
    lane: &'a Arc<Lane>,
    tokens: Taken,
    trial: Option<Trial>,
    reservation: Option<Reservation>,
}

impl Held<'_> {
    async fn reserve(&mut self, size: Size) -> Result<(), Refusal> {
        let Some(budget) = self.gate.budget().filter(|_| self.reservation.is_none()) else { return Ok(()) };
        let _waiting = Counted::new(&self.gate.waiting.budget);
        self.trial = self.gate.trial(&budget, self.lane, size).await;
        self.gate.price_unpriced(&budget, size);
        let worst = || self.gate.worst(self.lane, size);
        let reservation = budget.reserve(worst).await.map_err(|unpaid| {
            Refusal::Run(unpaid.reason(|| self.gate.missing_bound(self.lane, size).needs(&self.lane.model)))
        })?;
        self.reservation = Some(reservation);
        // Behind the wait: the answer that was waited for may be the one that does not tell.
        self.gate.check_cost_known(&budget, self.lane, size)
    }

    async fn take_lane_tokens(&mut self, size: Size) {
        while self.tokens.of_lane.is_none() {
            let requota = self.gate.requota.notified();
            let (pace, tokens) = {
                let state = self.lane.state();
                (state.tokens.clone(), state.usage.tokens(size))
            };
            let Some(pace) = pace else { return };
            let _waiting = Counted::new(&self.gate.waiting.quota);
            tokio::select! {
                biased;
                () = pace.take(tokens) => self.tokens.of_lane = Some(tokens),
                () = requota => {}
            }
        }
    }

    /// Waits for the run's tokens and pace, and takes a turn of all paces: as late as can be, so
    /// that the server sees a request when it is counted.
    async fn take_turn(&mut self, size: Size) {
        let gate = self.gate;
        loop {
            let requota = gate.requota.notified();
            tokio::select! {
                biased;
                () = self.take_turn_now(size) => return,
                () = requota => {}
            }
        }
    }

    /// Takes a turn of the paces as they are now. A turn of one that is taken when the wait for
    /// another is broken off is lost, and no more than that.
    async fn take_turn_now(&mut self, size: Size) {
        let (tokens, of_run) = {
            let run = self.gate.run();
            (run.tokens.clone(), run.pace.clone())
        };
        let of_lane = self.lane.state().pace.clone();
        if tokens.is_none() && of_run.is_none() && of_lane.is_none() {
            return;
        }
        let _waiting = Counted::new(&self.gate.waiting.with_place);
        let _turn = if tokens.is_some() || of_run.is_some() { Some(self.gate.turn.lock().await) } else { None };
        if let Some(pace) = tokens.filter(|_| self.tokens.of_run.is_none()) {
            let tokens = self.lane.state().usage.tokens(size);
            pace.take(tokens).await;
            self.tokens.of_run = Some(tokens);
        }
        if let Some(pace) = &of_run {
            pace.ready().await;
        }
        for pace in of_lane.iter().chain(&of_run) {
            // Timers count in milliseconds: what they say is due may be due in a moment.
            while let Err(wait) = pace.take() {
                tokio::time::sleep(wait).await;
            }
        }
    }

    fn keep(mut self) -> Claim {
        Claim {
            taken: std::mem::take(&mut self.tokens),
            reservation: self.reservation.take(),
            trial: self.trial.take(),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        give_back(self.gate, self.lane, self.tokens, self.reservation.as_ref());
    }
}

/// Gives back what a request has taken that was not sent.
pub(super) fn give_back(gate: &Gate, lane: &Lane, taken: Taken, reservation: Option<&Reservation>) {
    settle_tokens(gate, lane, taken, Some(0));
    if let Some((budget, reservation)) = gate.budget().zip(reservation) {
        budget.release(reservation);
    }
}

/// Settles what a request has taken with what it has used; `None`: as much as was taken.
pub(super) fn settle_tokens(gate: &Gate, lane: &Lane, taken: Taken, used: Option<u64>) {
    let of_lane = taken.of_lane.zip(lane.state().tokens.clone());
    let of_run = taken.of_run.zip(gate.run().tokens.clone());
    for (taken, pace) in of_lane.into_iter().chain(of_run) {
        pace.settle(taken, used.unwrap_or(u64::from(taken)));
    }
}

/// One more while it lives, one less when it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Unpaid {
    /// Why the run stops, and what to do; `needs` says what would bound a cost.
    fn reason(self, needs: impl FnOnce() -> String) -> StopReason {
        let (status, assumed_usd, next_usd) = match self {
            Self::Unknown(requests) => {
                let message = format!(
                    "nobody knows what {requests} requests cost that may have been billed, so that no budget can be \
                     kept"
                );
                return StopReason::CostUnknown { message, needs: needs() };
            }
            Self::Exhausted { status, assumed_usd, next_usd } => (status, assumed_usd, next_usd),
        };
        let mut message = format!("{} of {} are spent", usd(status.spent_usd), usd(status.cap_usd));
        if assumed_usd > 0.0 {
            message += &format!(", {} of it counted for requests whose cost nobody knows", usd(assumed_usd));
        }
        if let Some(next_usd) = next_usd {
            message += &format!(", and the next request may cost {}", usd(next_usd));
        }
        let least = next_usd.map(|next_usd| usd_at_least(status.spent_usd + next_usd));
        StopReason::Budget { message, least }
    }
}
