//! One exchange: permit, send, classify, record, and again where that is worth it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::now_ms;
use crate::gateway::{Stops, Verdict};
use crate::model::{Attempt, Class, FaultKind, Reply};
use crate::store::{ExchangeRecord, Facts, ItemRecord};

use super::item::Asked;
use super::retry::{Next, Situation, Tries, next, shortened_hint};
use super::run::of_closed;
use super::worker::{News, Stopping, Worker};
use super::{Change, ItemSettled, Refusal, Size, Spent, StopReason};

/// An attempt that was kept as one that another follows.
type Kept = (Attempt, Verdict);

impl Worker<'_> {
    /// Sends a request until it is settled. Says whether the conversation goes on.
    pub(super) async fn exchange(&mut self, step: usize, asked: &Asked) -> Result<bool, Stopping> {
        let id = u8::try_from(step).expect("a conversation has at most 255 turns");
        let exchange = Arc::new(self.item.planned.exchange(self.item.id, id, asked));
        let earlier = if step == self.item.replayed.len() { self.item.earlier_attempts } else { 0 };
        // A budget that comes while the request waits goes by its size too, where there is a price.
        let looks_at_size = self.shared.admission.looks_at_sizes() || self.shared.prices.is_some();
        let size = if looks_at_size { Size::of(&asked.request) } else { Size::default() };
        let mut tries = Tries::default();
        let mut last: Option<Kept> = None;
        loop {
            let ready = Instant::now();
            let admitted = tokio::select! {
                biased;
                () = self.shared.stop.draining() => return Err(Stopping),
                last = self.late(&mut last) => return self.settle_kept(step, &exchange, last).await,
                admitted = self.shared.admission.admit(&asked.request.model, size) => admitted,
            };
            self.corrected().await?;
            let mut permit = admitted.map_err(|refusal| self.refused(refusal))?;
            self.sending(exchange.id, &permit).await?;
            let begun = Instant::now();
            let (mut attempt, verdict) = self.attempt(asked, exchange.id, earlier + tries.sent + 1, ready).await?;
            let spent = spent(&attempt, &verdict, self.shared.policy.budgets.max_hint);
            let settled = permit.settle(&spent);
            (attempt.cost_usd, attempt.assumed_cost_usd) = (settled.cost_usd, settled.assumed_cost_usd);
            self.corrected().await?;
            if settled.begins_pause {
                self.tell_shortened(verdict.wait);
            }
            if let Some(underpriced) = &settled.underpriced {
                self.shared.warn(underpriced.to_string()).await;
            }
            self.changed(settled.changes).await?;
            tries.add(attempt.class);
            if tries.sent > 0 {
                self.first_sent.get_or_insert(begun);
            }
            if self.ends(&attempt, &verdict) {
                self.keep_attempt(&exchange, attempt, Facts::default()).await?;
                return Err(Stopping);
            }
            let sent_for = self.first_sent.map(|sent| sent.elapsed());
            let situation = Situation { class: attempt.class, tries, hint: verdict.wait, sent_for };
            match next(&situation, &self.shared.policy, fastrand::f64()) {
                Next::Settle => {
                    let goes_on = self.settle(step, &exchange, attempt, verdict).await?;
                    self.changed(permit.finish()).await?;
                    return Ok(goes_on);
                }
                Next::Retry { after } => {
                    let class = attempt.class;
                    last = self.shared.policy.item_deadline.map(|_| (attempt.clone(), verdict.clone()));
                    self.keep_attempt(&exchange, attempt, Facts::of(verdict.answer.as_ref())).await?;
                    self.changed(permit.finish()).await?;
                    self.pause(class, tries, verdict, after).await?;
                }
            }
        }
    }

    /// Tells of a pause that is shorter than the server asks for.
    fn tell_shortened(&self, hint: Option<Duration>) {
        let most = self.shared.policy.budgets.max_hint;
        if let Some(warning) = shortened_hint(hint, most) {
            self.shared.tell(News::Warning(format!("{}: {warning}", self.item.planned.draft.model)));
        }
    }

    /// What becomes of an item that is not admitted.
    fn refused(&self, refusal: Refusal) -> Stopping {
        match refusal {
            Refusal::Run(reason) => self.shared.stop.drain(reason),
            Refusal::Lane(reason) => self.close_lane(&reason),
        }
        Stopping
    }

    /// Ends the lane: its items are left for the next run. The last lane ends the run.
    fn close_lane(&self, reason: &StopReason) {
        let (admission, model) = (&self.shared.admission, &self.item.planned.draft.model);
        if admission.close(model, reason) {
            self.shared.tell(News::Warning(format!("{model} is asked no more in this run: {reason}")));
        }
        let closed = admission.closed();
        if closed.len() == self.shared.models
            && let Some(reason) = of_closed(&closed)
        {
            self.shared.stop.drain(reason);
        }
    }

    /// Stops the run, or ends the lane, where an attempt says that no other request would fare
    /// better. Says whether the item is left for the next run.
    fn ends(&self, attempt: &Attempt, verdict: &Verdict) -> bool {
        let Some(reason) = stop_reason(verdict) else { return is_given_up(attempt) };
        match verdict.stops {
            Stops::Run => self.shared.stop.drain(reason),
            // What a model has answered before is a matter of the row.
            _ if attempt.class == Class::Rejected
                && self.shared.admission.has_answers(&self.item.planned.draft.model) =>
            {
                return false;
            }
            Stops::Lane => self.close_lane(&reason),
            Stops::Nothing => return is_given_up(attempt),
        }
        true
    }

    /// Keeps what became of limits.
    async fn changed(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Stopping> {
        for change in changes {
            let kept = self.shared.recorder.limit_change(change.of_run(self.shared.run, now_ms())).await;
            self.kept(kept)?;
        }
        Ok(())
    }

    /// Keeps what the budget counts besides, now that more is known of what requests cost.
    async fn corrected(&self) -> Result<(), Stopping> {
        for correction in self.shared.admission.take_corrections() {
            let kept = self.shared.recorder.budget_correction(self.shared.run, correction).await;
            self.kept(kept)?;
        }
        Ok(())
    }

    /// Keeps an attempt that settles nothing.
    async fn keep_attempt(
        &self,
        exchange: &Arc<ExchangeRecord>,
        attempt: Attempt,
        facts: Facts,
    ) -> Result<(), Stopping> {
        let kept = self.shared.recorder.attempt(exchange, attempt, facts).await;
        self.kept(kept)
    }

    async fn settle(
        &mut self,
        step: usize,
        exchange: &Arc<ExchangeRecord>,
        attempt: Attempt,
        verdict: Verdict,
    ) -> Result<bool, Stopping> {
        let facts = Facts::of(verdict.answer.as_ref());
        let settled = self.conclude(step, exchange, (&attempt, verdict));
        let goes_on = settled.is_none();
        let kept = self.shared.recorder.settle(exchange, attempt, facts, settled).await;
        self.kept(kept)?;
        Ok(goes_on)
    }

    /// Settles a step on an attempt that is kept already.
    async fn settle_kept(
        &mut self,
        step: usize,
        exchange: &Arc<ExchangeRecord>,
        (attempt, verdict): Kept,
    ) -> Result<bool, Stopping> {
        let settled = self.conclude(step, exchange, (&attempt, verdict));
        let goes_on = settled.is_none();
        let kept = self.shared.recorder.settle_kept(exchange, settled).await;
        self.kept(kept)?;
        Ok(goes_on)
    }

    /// Adds what settles a step. What is written of the item, where it ends there.
    fn conclude(
        &mut self,
        step: usize,
        exchange: &ExchangeRecord,
        (attempt, verdict): (&Attempt, Verdict),
    ) -> Option<(ItemRecord, ItemSettled)> {
        let goes_on = match verdict.answer {
            Some(answer) if attempt.class == Class::Answered => self.trail.add_answer(attempt, answer),
            _ => {
                self.trail.add_failure(attempt, verdict.message);
                false
            }
        };
        self.trail.note_server(&exchange.request, attempt);
        let goes_on = goes_on && step + 1 < self.steps();
        (!goes_on).then(|| self.settlement())
    }

    /// Gives the last attempt back once the item's deadline has passed: no other one may begin.
    async fn late(&self, last: &mut Option<Kept>) -> Kept {
        let deadline = self.shared.policy.item_deadline.zip(self.first_sent);
        if let Some((deadline, first_sent)) = deadline {
            tokio::time::sleep_until(first_sent + deadline).await;
            if let Some(last) = last.take() {
                return last;
            }
        }
        std::future::pending().await
    }

    /// Waits before the next attempt, and lets the whole lane wait where its server asks for it.
    async fn pause(&self, class: Class, tries: Tries, verdict: Verdict, after: Duration) -> Result<(), Stopping> {
        if class == Class::NotConnected && self.shared.reachability.not_connected(tries.not_connected) {
            let message = verdict.message.unwrap_or_else(|| "no connection can be made".to_owned());
            self.shared.stop.drain(StopReason::NotReachable(message));
            return Err(Stopping);
        }
        if verdict.wait.is_some() {
            self.shared.admission.cool_down(&self.item.planned.draft.model, after);
        }
        self.shared.tell(News::Retrying {
            row_id: self.item.planned.row.id.clone(),
            class,
            message: verdict.message.unwrap_or_default(),
            after,
        });
        let _pausing = [Pausing::new(&self.shared.pausing), Pausing::new(&self.load.pausing)];
        let stopped = tokio::select! {
            () = self.shared.stop.draining() => true,
            () = tokio::time::sleep(after) => false,
        };
        if stopped { Err(Stopping) } else { Ok(()) }
    }
}

/// Whether the run was stopped before the reply came.
fn is_given_up(attempt: &Attempt) -> bool {
    matches!(&attempt.reply, Err(fault) if fault.kind == FaultKind::GivenUp)
}

/// The reason to stop the run or to end the lane, where an attempt gives one.
fn stop_reason(verdict: &Verdict) -> Option<StopReason> {
    if verdict.stops == Stops::Nothing {
        return None;
    }
    let message = verdict.message.clone().unwrap_or_default();
    Some(match verdict.class {
        Class::Unauthorized => StopReason::Unauthorized(message),
        Class::OutOfCredit => StopReason::OutOfCredit(message),
        Class::QuotaExhausted => StopReason::QuotaExhausted(message),
        Class::Rejected => StopReason::Rejected(message),
        _ => StopReason::Misconfigured(message),
    })
}

/// What an attempt has used.
fn spent(attempt: &Attempt, verdict: &Verdict, max_hint: Duration) -> Spent {
    let usage = verdict.answer.as_ref().map(|answer| answer.usage).unwrap_or_default();
    let from_cache = attempt.reply.as_ref().is_ok_and(Reply::is_from_cache);
    Spent {
        class: attempt.class,
        tokens: usage
            .prompt_tokens
            .or(usage.completion_tokens)
            .is_some()
            .then(|| (usage.prompt_tokens.unwrap_or(0), usage.completion_tokens.unwrap_or(0))),
        cost_usd: attempt.cost_usd,
        is_by_price: attempt.class == Class::Answered && usage.cost_usd.is_none() && !from_cache,
        from_cache,
        // The gate counts on the pause that is made, not on the one that is asked for.
        hint: verdict.wait.map(|hint| hint.min(max_hint)),
    }
}

/// Counts an item that waits for its next attempt while it lives.
struct Pausing<'a>(&'a AtomicUsize);

impl<'a> Pausing<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
