//! A request that is sent, its reply passed on while it comes, and both kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Upstream;
use super::asked::AskedRequest;
use super::passing::{Head, HeadSender, Passing};
use super::recording::{Place, Recording};
use super::refusal::Refusal;
use crate::clock::now_ms;
use crate::gateway::{PassedOn, Response, Sent, Tag, classify};
use crate::listener::Cut;
use crate::model::{Attempt, Chunk, End, Endpoint, Fault, FaultKind, Outcome, Reply, Request, Streamed, Timing};
use crate::price::cost_of;
use crate::record::{Live, Playback, Redactor};
use crate::store::{ExchangeRecord, Facts, ItemRecord, Record, RowRecord, Settled, StoreError};

/// How long the end of a stream is waited for that has said all it has to say: clients leave at that,
/// without waiting for it themselves.
const AFTER_LAST_EVENT: Duration = Duration::from_secs(2);

/// A request that is to be sent for a client.
pub(super) struct Errand {
    pub(super) upstream: Arc<Upstream>,
    pub(super) recording: Arc<Recording>,
    pub(super) playback: Arc<Playback>,
    pub(super) redactor: Arc<Redactor>,
    pub(super) asked: AskedRequest,
    pub(super) session: Arc<str>,
    pub(super) occurrence: u32,
    pub(super) passed_on: PassedOn,
    pub(super) cut_off: Arc<CutOff>,
}

/// Whether the server cuts what is under way, because it ends.
#[derive(Debug)]
pub(super) struct CutOff {
    ending: CancellationToken,
    /// There was nothing left to cut.
    drained: AtomicBool,
}

impl CutOff {
    /// Everything is cut when `ending` is cancelled.
    pub(super) fn new(ending: CancellationToken) -> Self {
        Self { ending, drained: AtomicBool::new(false) }
    }

    /// Tells that every connection has ended by itself.
    pub(super) fn drained(&self) {
        self.drained.store(true, Ordering::Release);
    }

    fn is_under_way(&self) -> bool {
        self.ending.is_cancelled() && !self.drained.load(Ordering::Acquire)
    }
}

impl Errand {
    /// Sends the request, and passes on and keeps what comes. A client that leaves ends it at once.
    pub(super) async fn carry_out(self, mut head: HeadSender) {
        let place = match self.recording.place().await {
            Ok(place) => place,
            Err(error) => return self.refuse(Refusal::NotKept(error.to_string()), head),
        };
        let (sent_at_ms, sent_at) = (now_ms(), Instant::now());
        let (request, tag) = (self.asked.sent(), self.tag(&place, sent_at_ms));
        let sent = tokio::select! {
            biased;
            sent = self.upstream.gateway.send(&request, &tag) => sent,
            () = head.closed() => Err(given_up()),
        };
        match sent {
            // No reply follows it, so there is nothing that could be played.
            Ok(response) if response.status < 200 => self.refuse(Refusal::NoReply(response.status), head),
            Ok(response) => self.pass_on(response, place, sent_at_ms, head).await,
            // Nothing was done with it, so there is nothing to keep, and it may be asked again.
            Err(fault) if matches!(fault.kind, FaultKind::Connect | FaultKind::Refused) => {
                self.refuse(Refusal::NotReached(self.redactor.strike_text(&fault.message)), head);
            }
            Err(fault) => {
                let timing = Timing { total_us: micros(sent_at.elapsed()), ..Timing::default() };
                // Kept or not, the client sees what became of the server's connection.
                _ = self.keep(place, sent_at_ms, timing, Err(fault)).await;
                _ = head.send(Err(Cut));
            }
        }
    }

    /// Tells that nothing was sent: the request may be asked again, as the same occurrence.
    fn refuse(&self, refusal: Refusal, head: HeadSender) {
        self.playback.not_sent(&self.session, &self.asked.kept.key, self.occurrence);
        // A client that left needs to be told nothing.
        _ = head.send(Ok(Head::Refused(refusal)));
    }

    /// Passes a reply on, piece by piece. What makes it whole goes out when all of it is committed, so
    /// that whoever has a whole answer can rely on its being kept.
    async fn pass_on(self, mut response: Response, place: Place, sent_at_ms: i64, head: HeadSender) {
        let first_byte_us = response.first_byte_us;
        let mut passing = Passing::begin(&response, head);
        let (gathered, end) = tee(&mut response, &mut passing).await;
        if response.is_too_long() {
            self.tell_too_long();
        }
        // This gives the request up where its end has not come.
        let (reply, total_us) = response.gathered(gathered, end);
        let timing = Timing { queued_us: 0, first_byte_us, total_us };
        let kept = self.keep(place, sent_at_ms, timing, Ok(reply)).await;
        if kept.is_ok() && end == End::Complete {
            passing.complete().await;
        }
    }

    /// Tells whoever runs the server what nobody could know from a reply that broke off.
    fn tell_too_long(&self) {
        let Request { endpoint, model, .. } = &self.asked.kept;
        let told = format!(
            "a reply to {endpoint} {model} was cut, and is recorded as one that broke off: it is longer than {} bytes, \
             the most that is taken",
            Response::LONGEST_BODY
        );
        if let Some(notice) = &self.upstream.notice {
            notice(&self.redactor.strike_text(&told));
        }
    }

    /// Keeps what came back. Returns when it is committed.
    async fn keep(
        &self,
        place: Place,
        sent_at_ms: i64,
        timing: Timing,
        mut reply: Result<Reply, Fault>,
    ) -> Result<(), StoreError> {
        self.redactor.strike_answer(&mut reply);
        let request = &self.asked.kept;
        let verdict = classify(request.endpoint, &reply, true);
        let usage = verdict.answer.as_ref().map(|answer| &answer.usage);
        let served = verdict.answer.as_ref().and_then(|answer| answer.model.as_deref());
        let price = self.upstream.prices.as_ref().and_then(|prices| prices.of_answer(served, &request.model));
        let cost_usd = match request.endpoint {
            // To list models costs nothing, and no reply says so.
            Endpoint::Models => Some(0.0),
            _ => cost_of(&reply, verdict.class, usage, price.as_ref()),
        };
        let attempt =
            Attempt { number: 1, sent_at_ms, timing, reply, class: verdict.class, cost_usd, assumed_cost_usd: None };
        // Then it was the server's own end, and not the client, that it was given up for.
        if attempt.is_given_up() && self.cut_off.is_under_way() {
            self.playback.note_cut();
        }
        let outcome = match &verdict.answer {
            Some(answer) => Outcome::of_finish(answer.finish),
            None => Outcome::Failed(verdict.class),
        };
        let stands = attempt.stands();
        let exchange = self.exchange(&place);
        let item = self.item(&place, outcome, verdict.message);
        let settled = Settled::Sent(attempt, Facts::of(verdict.answer.as_ref()));
        let live = Live {
            endpoint: request.endpoint,
            key: request.key,
            occurrence: self.occurrence,
            exchange: exchange.id,
            class: verdict.class,
            stands,
            cost_usd,
        };
        let record = Record::Settled(Arc::new(exchange), settled, Some(item));
        let kept = self.recording.keep(place, record).await;
        match &kept {
            Ok(()) => self.playback.recorded(&self.session, &live),
            Err(_) => self.playback.not_kept(live.cost_usd),
        }
        kept?;
        if let Some(after_kept) = self.upstream.after_kept.clone() {
            // A panic in it has been told, and the exchange is kept all the same.
            _ = spawn_blocking(move || after_kept()).await;
        }
        Ok(())
    }

    fn exchange(&self, place: &Place) -> ExchangeRecord {
        let request = &self.asked.kept;
        ExchangeRecord {
            id: place.exchange(),
            key: request.key,
            occurrence: self.occurrence,
            session: (!self.session.is_empty()).then(|| Arc::clone(&self.session)),
            endpoint: request.endpoint,
            request: request.body.clone(),
        }
    }

    fn item(&self, place: &Place, outcome: Outcome, error: Option<String>) -> ItemRecord {
        let number = place.position + 1;
        let row = RowRecord { number, id: number.to_string(), line: number.into(), fields: Bytes::from_static(b"{}") };
        let model = Arc::clone(&self.asked.kept.model);
        ItemRecord { id: place.item(), row: Arc::new(row), model, sample: 0, outcome, error }
    }

    fn tag(&self, place: &Place, at_ms: i64) -> Tag {
        let sent = Sent {
            run_started_at_ms: place.run_started_at_ms,
            run: place.run.0,
            position: place.position,
            step: 0,
            attempt: 1,
            at_ms,
        };
        Tag {
            run: place.run.to_string(),
            item: Tag::item(&(place.position + 1).to_string(), &self.asked.kept.model, 0),
            attempt: 1,
            event_id: sent.event_id(),
            passed_on: self.passed_on.clone(),
        }
    }
}

type Gathered = Vec<(Chunk, Bytes)>;

/// Passes the pieces of a reply on and gathers them, until its end, or until the client leaves.
async fn tee(response: &mut Response, passing: &mut Passing) -> (Gathered, End) {
    let mut gathered = Gathered::new();
    loop {
        let piece = tokio::select! {
            biased;
            piece = response.next_piece() => piece,
            () = passing.closed() => return left(response, gathered).await,
        };
        match piece {
            Some(Ok((chunk, bytes))) => {
                gathered.push((chunk, bytes.clone()));
                if passing.pass(bytes).await.is_err() {
                    return left(response, gathered).await;
                }
            }
            Some(Err(end)) => return (gathered, end),
            None => return (gathered, End::Complete),
        }
    }
}

/// What is to be kept for a client that has left. One that has had the event at which clients leave
/// has had all it wanted: the server's own end is waited for then, with the usage that may come before
/// it. A server that says no more, or says it for ever, changes nothing about what came.
async fn left(response: &mut Response, mut gathered: Gathered) -> (Gathered, End) {
    let streamed = read(&gathered);
    // At an event that nobody can read clients leave too.
    if !streamed.has_said_all() && streamed.problem.is_none() {
        return (gathered, End::GivenUp);
    }
    let rest = timeout(AFTER_LAST_EVENT, async {
        loop {
            match response.next_piece().await {
                Some(Ok(piece)) => gathered.push(piece),
                Some(Err(end)) => return end,
                None => return End::Complete,
            }
        }
    });
    let end = rest.await.ok();
    let end = end.unwrap_or_else(|| if read(&gathered).has_said_all() { End::Complete } else { End::GivenUp });
    (gathered, end)
}

fn read(gathered: &Gathered) -> Streamed {
    let body: Vec<u8> = gathered.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    Streamed::read(&body)
}

fn given_up() -> Fault {
    Fault { kind: FaultKind::GivenUp, message: "whoever asked went away before a reply came".to_owned() }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
