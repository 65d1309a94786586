//! One item on its way: permit, send, classify, record, and again where that is worth it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock::now_ms;
use crate::gateway::{Gateway, Sent, Stops, Tag, Verdict, classify};
use crate::model::{Attempt, Class, Fault, FaultKind, Mode, Outcome, Reply, Request, Timing};
use crate::record::{Action, Recorder, decide, facts};
use crate::store::{ExchangeId, ExchangeRecord, Facts, ItemRecord, RunId, StoreError};

use super::item::{Asked, Item, asked};
use super::reachability::Reachability;
use super::retry::{Next, RetryPolicy, Tries, next};
use super::trail::Trail;
use super::{Admission, ItemSettled, Stop, StopReason};

/// What every item's worker shares.
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) run_started_at_ms: i64,
    pub(super) mode: Mode,
    pub(super) gateway: Result<Arc<dyn Gateway>, String>,
    pub(super) admission: Admission,
    pub(super) recorder: Recorder<ItemSettled>,
    pub(super) policy: RetryPolicy,
    pub(super) stop: Stop,
    pub(super) reachability: Reachability,
    pub(super) retries: mpsc::Sender<Retrying>,
    pub(super) pausing: AtomicUsize,
}

/// An attempt failed, and another one follows.
#[derive(Debug)]
pub(super) struct Retrying {
    pub(super) row_id: String,
    pub(super) class: Class,
    pub(super) message: String,
    pub(super) after: Duration,
}

/// An item is left for the next run, because this one stops.
struct Stopping;

/// Works on an item until it is settled or the run stops.
pub(super) async fn work(shared: Arc<Shared>, item: Item) {
    let worker = Worker { shared: &shared, item: &item, trail: Trail::default(), last_sent_at_ms: 0 };
    // Why the run stops, it knows itself.
    let _settled = worker.run().await;
}

struct Worker<'a> {
    shared: &'a Shared,
    item: &'a Item,
    trail: Trail,
    last_sent_at_ms: i64,
}

impl Worker<'_> {
    async fn run(mut self) -> Result<(), Stopping> {
        for (index, (exchange, found)) in self.item.replayed.iter().enumerate() {
            let goes_on = self.trail.add(exchange.endpoint, &found.attempt);
            self.trail.note_server(&exchange.request, &found.attempt);
            let settled = (!goes_on || index + 1 == self.steps()).then(|| self.settlement());
            let is_last = settled.is_some();
            let facts = facts(self.trail.answer.as_ref());
            let kept = self.shared.recorder.replay(exchange, found.clone(), facts, settled).await;
            self.kept(kept)?;
            if is_last {
                return Ok(());
            }
        }
        for step in self.item.replayed.len()..self.steps() {
            if decide(self.shared.mode, false) == Action::Miss {
                return self.miss(step).await;
            }
            let asked = match self.asked(step) {
                Ok(asked) => asked,
                Err(problem) => {
                    self.shared.stop.drain(StopReason::Input(problem));
                    return Err(Stopping);
                }
            };
            if !self.exchange(step, &asked).await? {
                break;
            }
        }
        Ok(())
    }

    fn steps(&self) -> usize {
        self.item.planned.draft.steps()
    }

    fn asked(&self, step: usize) -> Result<Asked, String> {
        if step == 0 {
            return Ok(self.item.planned.first.clone());
        }
        asked(&self.item.planned.draft, step, &self.trail.texts, self.shared.recorder.redactor())
    }

    async fn miss(&mut self, step: usize) -> Result<(), Stopping> {
        self.trail.outcome = Outcome::NotRecorded;
        self.trail.error = Some(not_recorded(step));
        let (record, note) = self.settlement();
        let kept = self.shared.recorder.item(record, note).await;
        self.kept(kept)
    }

    /// Sends a request until it is settled. Says whether the conversation goes on.
    async fn exchange(&mut self, step: usize, asked: &Asked) -> Result<bool, Stopping> {
        let id = u8::try_from(step).expect("a conversation has at most 255 turns");
        let exchange = Arc::new(self.item.planned.exchange(self.item.id, id, asked));
        let earlier = if step == self.item.replayed.len() { self.item.earlier_attempts } else { 0 };
        let mut tries = Tries::default();
        loop {
            let ready = Instant::now();
            let permit = tokio::select! {
                biased;
                () = self.shared.stop.draining() => return Err(Stopping),
                permit = self.shared.admission.admit(&asked.request.model) => permit,
            };
            let (attempt, verdict) = self.attempt(asked, exchange.id, earlier + tries.counted + 1, ready).await?;
            tries.add(attempt.class);
            let reason = stop_reason(&verdict);
            if reason.is_some() || is_given_up(&attempt) {
                self.keep_attempt(&exchange, attempt, Facts::default()).await?;
                if let Some(reason) = reason {
                    self.shared.stop.drain(reason);
                }
                return Err(Stopping);
            }
            match next(attempt.class, tries, self.shared.policy, verdict.wait, fastrand::f64()) {
                Next::Settle => return self.settle(step, &exchange, attempt, verdict).await,
                Next::Retry { after } => {
                    let class = attempt.class;
                    self.keep_attempt(&exchange, attempt, facts(verdict.answer.as_ref())).await?;
                    drop(permit);
                    self.pause(class, tries, verdict, after).await?;
                }
            }
        }
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

    /// Stops the run where the store takes nothing more. The request still holds its place in
    /// flight, so that no other is sent whose answer could not be kept either.
    fn kept(&self, kept: Result<(), StoreError>) -> Result<(), Stopping> {
        kept.map_err(|error| {
            self.shared.stop.drain(StopReason::Store(error.to_string()));
            Stopping
        })
    }

    /// What a reply means. What people are told of it is made of what may be kept of it: struck
    /// afterwards, a message that was cut could still have a part of a secret.
    fn classified(&self, asked: &Asked, reply: &Result<Reply, Fault>) -> Verdict {
        let (endpoint, redactor) = (asked.request.endpoint, self.shared.recorder.redactor());
        let has_answers = self.shared.reachability.has_answers();
        let mut verdict = classify(endpoint, reply, has_answers);
        if verdict.message.is_some() && !redactor.is_empty() {
            let mut kept = reply.clone();
            redactor.strike_answer(&mut kept);
            let message = classify(endpoint, &kept, has_answers).message.or(verdict.message);
            verdict.message = message.map(|message| redactor.strike_text(&message));
        }
        verdict
    }

    /// What the gateway's log is told of a send.
    fn tag(&self, exchange: ExchangeId, attempt: u32, at_ms: i64) -> Tag {
        let (planned, shared) = (&self.item.planned, self.shared);
        let sent = Sent {
            run_started_at_ms: shared.run_started_at_ms,
            run: shared.run.0,
            position: exchange.item().position(),
            step: exchange.step(),
            attempt,
            at_ms,
        };
        Tag {
            run: shared.run.to_string(),
            item: Tag::item(&planned.row.id, &planned.draft.model, planned.sample),
            attempt,
            event_id: sent.event_id(),
        }
    }

    async fn attempt(
        &mut self,
        asked: &Asked,
        exchange: ExchangeId,
        number: u32,
        ready: Instant,
    ) -> Result<(Attempt, Verdict), Stopping> {
        let gateway = match &self.shared.gateway {
            Ok(gateway) => gateway,
            Err(problem) => {
                self.shared.stop.drain(StopReason::NoGateway(problem.clone()));
                return Err(Stopping);
            }
        };
        let queued_us = micros(ready.elapsed());
        // A refused stream is sent again at once and under the same number: the time tells them apart.
        let (sent_at_ms, sent) = (now_ms().max(self.last_sent_at_ms + 1), Instant::now());
        self.last_sent_at_ms = sent_at_ms;
        let tag = self.tag(exchange, number, sent_at_ms);
        let (reply, first_byte_us) = tokio::select! {
            biased;
            received = receive(&**gateway, &asked.request, &tag) => received,
            () = self.shared.stop.aborting() => (Err(given_up()), 0),
        };
        let timing = Timing { queued_us, first_byte_us, total_us: micros(sent.elapsed()) };
        let verdict = self.classified(asked, &reply);
        if reply.is_ok() {
            self.shared.reachability.replied(verdict.class == Class::Answered);
        }
        let class = verdict.class;
        Ok((Attempt { number, sent_at_ms, timing, reply, class }, verdict))
    }

    async fn settle(
        &mut self,
        step: usize,
        exchange: &Arc<ExchangeRecord>,
        attempt: Attempt,
        verdict: Verdict,
    ) -> Result<bool, Stopping> {
        let facts = facts(verdict.answer.as_ref());
        let goes_on = match verdict.answer {
            Some(answer) if attempt.class == Class::Answered => self.trail.add_answer(&attempt, answer),
            _ => {
                self.trail.add_failure(&attempt, verdict.message);
                false
            }
        };
        self.trail.note_server(&exchange.request, &attempt);
        let goes_on = goes_on && step + 1 < self.steps();
        let settled = (!goes_on).then(|| self.settlement());
        let kept = self.shared.recorder.settle(exchange, attempt, facts, settled).await;
        self.kept(kept)?;
        Ok(goes_on)
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
        let retrying = Retrying {
            row_id: self.item.planned.row.id.clone(),
            class,
            message: verdict.message.unwrap_or_default(),
            after,
        };
        // It is told as a courtesy: a full channel must not hold the item up.
        let _told = self.shared.retries.try_send(retrying);
        self.shared.pausing.fetch_add(1, Ordering::Relaxed);
        let stopped = tokio::select! {
            () = self.shared.stop.draining() => true,
            () = tokio::time::sleep(after) => false,
        };
        self.shared.pausing.fetch_sub(1, Ordering::Relaxed);
        if stopped { Err(Stopping) } else { Ok(()) }
    }

    /// What is written of the item, and what is told of it.
    fn settlement(&self) -> (ItemRecord, ItemSettled) {
        let (planned, trail) = (&self.item.planned, &self.trail);
        let redactor = self.shared.recorder.redactor();
        let error = trail.error.as_deref().map(|error| redactor.strike_text(error));
        let record = ItemRecord {
            id: self.item.id,
            row: Arc::clone(&planned.row),
            model: Arc::clone(&planned.draft.model),
            sample: planned.sample,
            outcome: trail.outcome,
            error: error.clone(),
        };
        let note = ItemSettled {
            position: planned.position,
            row_id: planned.row.id.clone(),
            model: Arc::clone(&planned.draft.model),
            sample: planned.sample,
            outcome: trail.outcome,
            error,
            replayed: self.item.replayed.len() == trail.texts.len().max(1) && !self.item.replayed.is_empty(),
            attempts: trail.attempts,
            prompt_tokens: trail.prompt_tokens.unwrap_or(0),
            completion_tokens: trail.completion_tokens.unwrap_or(0),
            cost_usd: trail.cost_usd.unwrap_or(0.0),
            latency_us: trail.latency_us,
            served: trail.served.iter().map(|served| served.struck(redactor)).collect(),
        };
        (record, note)
    }
}

/// What is said of an item whose step is not recorded.
pub(super) fn not_recorded(step: usize) -> String {
    match step {
        0 => "not recorded".to_owned(),
        step => format!("turn {} is not recorded", step + 1),
    }
}

/// Sends a request and waits for the whole reply; gives the microseconds to its headers too.
async fn receive(gateway: &dyn Gateway, request: &Request, tag: &Tag) -> (Result<Reply, Fault>, u64) {
    match gateway.send(request, tag).await {
        Ok(response) => {
            let first_byte_us = response.first_byte_us;
            let (reply, _total_us) = response.collect().await;
            (Ok(reply), first_byte_us)
        }
        Err(fault) => (Err(fault), 0),
    }
}

fn given_up() -> Fault {
    Fault { kind: FaultKind::GivenUp, message: "the run was stopped before the reply came".to_owned() }
}

/// Whether the run was stopped before the reply came.
fn is_given_up(attempt: &Attempt) -> bool {
    matches!(&attempt.reply, Err(fault) if fault.kind == FaultKind::GivenUp)
}

/// The reason to stop the run, where an attempt gives one.
fn stop_reason(verdict: &Verdict) -> Option<StopReason> {
    if verdict.stops == Stops::Nothing {
        return None;
    }
    let message = verdict.message.clone().unwrap_or_default();
    match verdict.class {
        Class::Unauthorized => Some(StopReason::Unauthorized(message)),
        Class::OutOfCredit => Some(StopReason::OutOfCredit(message)),
        Class::QuotaExhausted => Some(StopReason::QuotaExhausted(message)),
        _ if verdict.stops == Stops::Run => Some(StopReason::Misconfigured(message)),
        _ => None,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
