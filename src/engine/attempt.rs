//! One send: what the gateway's log is told of it, what came back, what it means and what it cost.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::now_ms;
use crate::gateway::{Gateway, Sent, Tag, Verdict, classify};
use crate::model::{Attempt, Fault, FaultKind, Reply, Request, Timing};
use crate::price::cost_of;
use crate::store::ExchangeId;

use super::item::Asked;
use super::worker::{Stopping, Worker};
use super::{Permit, StopReason};

/// How long a budgeted request waits until the store says that it is in flight: far longer than a
/// commit takes, and too short for a store that is locked to hold up requests whose turn has come.
const MARKED_WITHIN: Duration = Duration::from_millis(200);

impl Worker<'_> {
    /// Has the store count a request among those in flight, so that it is not forgotten should this
    /// process be killed. Returns when it may be sent: where a budget counts it, when that is committed.
    pub(super) async fn sending(&self, exchange: ExchangeId, permit: &Permit) -> Result<(), Stopping> {
        self.gateway()?;
        let recorder = &self.shared.recorder;
        recorder.sending(exchange, permit.worst_usd());
        if !permit.is_budgeted() {
            return Ok(());
        }
        let marked = tokio::time::timeout(MARKED_WITHIN, recorder.mark()).await;
        marked.map_or(Ok(()), |marked| self.kept(marked))
    }

    /// Sends a request once.
    pub(super) async fn attempt(
        &mut self,
        asked: &Asked,
        exchange: ExchangeId,
        number: u32,
        ready: Instant,
    ) -> Result<(Attempt, Verdict), Stopping> {
        let gateway = self.gateway()?;
        let queued_us = micros(ready.elapsed());
        // A refused stream is sent again at once and under the same number: the time tells them apart.
        let (sent_at_ms, sent) = (now_ms().max(self.last_sent_at_ms + 1), Instant::now());
        self.last_sent_at_ms = sent_at_ms;
        let tag = self.tag(exchange, number, sent_at_ms);
        let (reply, first_byte_us) = tokio::select! {
            biased;
            received = receive(gateway, &asked.request, &tag) => received,
            () = self.shared.stop.aborting() => (Err(given_up()), 0),
        };
        let timing = Timing { queued_us, first_byte_us, total_us: micros(sent.elapsed()) };
        let verdict = self.classified(asked, &reply);
        if reply.is_ok() {
            self.shared.reachability.replied(&verdict);
        }
        let class = verdict.class;
        let cost_usd = self.cost_usd(&asked.request.model, &reply, &verdict);
        Ok((Attempt { number, sent_at_ms, timing, reply, class, cost_usd, assumed_cost_usd: None }, verdict))
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

    /// What an attempt cost, as far as anybody knows.
    fn cost_usd(&self, asked: &str, reply: &Result<Reply, Fault>, verdict: &Verdict) -> Option<f64> {
        let served = verdict.answer.as_ref().and_then(|answer| answer.model.as_deref());
        let price = self.shared.prices.as_ref().and_then(|prices| prices.of_answer(served, asked));
        cost_of(reply, verdict.class, verdict.answer.as_ref().map(|answer| &answer.usage), price.as_ref())
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
            ..Tag::default()
        }
    }
}

impl<'a> Worker<'a> {
    /// What answers; the run stops where there is nothing to send with.
    fn gateway(&self) -> Result<&'a dyn Gateway, Stopping> {
        let shared = self.shared;
        shared.gateway.as_deref().map_err(|problem| {
            shared.stop.drain(StopReason::NoGateway(problem.clone()));
            Stopping
        })
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

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
