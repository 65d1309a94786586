//! A simulated gateway without its sockets: what a request gets, decided without waiting.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;

use super::alarm::Alarm;
use super::answer::{Answer, Ask, Source, Usage, models};
use super::attempts::Attempts;
use super::cost::Billing;
use super::digest::BodyDigest;
use super::draw::{Draw, Purpose};
use super::faults::Fault;
use super::identity::Identity;
use super::injection;
use super::journal::Journal;
use super::latency::LONGEST;
use super::ledger::Fate;
use super::limits::{Gate, Limited};
use super::options::Options;
use super::refusal::{GatewayError, Refusal, RouterError};
use super::reply::Reply;
use super::route::Route;
use super::stats::{Counters, Stats};
use super::verdict::{Delivery, Verdict};
use crate::model::Endpoint;

/// How long a request's body can be, in bytes.
pub(super) const LONGEST_BODY: usize = 64 << 20;

/// A simulated gateway, without its sockets.
pub(super) struct Simulation {
    pub(super) options: Options,
    pub(super) counters: Counters,
    pub(super) journal: Option<Journal>,
    pub(super) alarm: Alarm,
    attempts: Attempts,
    gate: Gate,
}

/// When a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    /// How many were in flight then, with this one.
    pub(super) in_flight: u64,
}

/// Why a request gets no answer.
enum Refused {
    Limited(Limited),
    Refusal(Refusal),
}

/// A request that has been read.
pub(super) struct Asked {
    pub(super) arrival: Arrival,
    pub(super) head: Parts,
    /// The body; as much as was read of one that is too long.
    pub(super) body: Bytes,
    pub(super) is_too_long: bool,
    pub(super) digest: BodyDigest,
    /// Which attempt at this body it is, from 1.
    pub(super) attempt: u32,
}

impl Simulation {
    pub(super) fn new(options: Options, journal: Option<Journal>, alarm: Alarm) -> Self {
        let gate = Gate::new(&options);
        Self { options, counters: Counters::new(), journal, alarm, attempts: Attempts::default(), gate }
    }

    /// Takes a request in: hashes its body and numbers the attempt.
    pub(super) fn asked(&self, arrival: Arrival, head: Parts, (body, is_too_long): (Bytes, bool)) -> Asked {
        let digest = BodyDigest::of(&body);
        let attempt = self.attempts.number(&head.headers, &digest);
        Asked { arrival, head, body, is_too_long, digest, attempt }
    }

    pub(super) fn stats(&self) -> Stats {
        self.counters.stats(self.journal.as_ref().and_then(Journal::error))
    }

    /// Decides what a request gets, and counts it.
    pub(super) fn decide(&self, asked: &Asked, identity: &Identity) -> Verdict {
        let verdict = match self.route(asked) {
            Ok(Route::Models) => Verdict::at_once(Reply::json(200, &models())),
            Ok(Route::Call(endpoint)) => self.call(endpoint, asked, identity),
            Err(refused) => self.refuse(refused, None),
        };
        if let Some(fault) = verdict.fault {
            self.counters.injected(fault);
        }
        if let Some(limit) = verdict.limit {
            self.counters.limited(limit);
        }
        if let Some(model) = &verdict.model {
            self.counters.asked(model, verdict.billed.as_ref().map(|(_, usage)| usage));
        }
        verdict
    }

    /// Counts what became of an answer that was paid for. What hangs is never done, and counts for
    /// no quota.
    pub(super) fn ended(&self, fate: Fate, usage: &Usage) {
        self.counters.ended(fate, usage);
        if fate != Fate::Hung {
            self.gate.answered(usage.total_tokens());
        }
    }

    fn refuse(&self, refused: Refused, endpoint: Option<Endpoint>) -> Verdict {
        let (refusal, limit) = match refused {
            Refused::Refusal(refusal) => (refusal, None),
            Refused::Limited(limited) => {
                (limited.refusal(self.options.hint, self.options.retry_after), Some(limited.limit))
            }
        };
        Verdict { limit, ..Verdict::at_once(refusal.into_reply(endpoint)) }
    }

    /// The way through the gateway: its token, the path, its quota, the router's key.
    fn route(&self, asked: &Asked) -> Result<Route, Refused> {
        let headers = &asked.head.headers;
        if !is_bearer(headers, "cf-aig-authorization", self.options.token.as_deref()) {
            return Err(GatewayError::unauthorized().into());
        }
        let route = Route::find(&asked.head.method, asked.head.uri.path(), self.options.gateway_id.as_deref())?;
        self.gate.enter()?;
        if !is_bearer(headers, "authorization", self.options.api_key.as_deref()) {
            let is_there = headers.contains_key("authorization");
            return Err(if is_there { RouterError::wrong_key() } else { RouterError::no_key() }.into());
        }
        if asked.is_too_long { Err(RouterError::too_large(LONGEST_BODY).into()) } else { Ok(route) }
    }

    fn call(&self, endpoint: Endpoint, asked: &Asked, identity: &Identity) -> Verdict {
        let ask = match Ask::parse(endpoint, &asked.body) {
            Ok(ask) => ask,
            Err(invalid) => return self.refuse(RouterError::invalid(invalid.to_string()).into(), Some(endpoint)),
        };
        let verdict = self.answer(&ask, asked, identity);
        let verdict = verdict.unwrap_or_else(|refused| self.refuse(refused, Some(endpoint)));
        Verdict { model: Some(ask.model.into_owned()), ..verdict }
    }

    fn answer(&self, ask: &Ask<'_>, asked: &Asked, identity: &Identity) -> Result<Verdict, Refused> {
        let in_flight = asked.arrival.in_flight;
        self.gate.call(&ask.model, in_flight)?;
        let Options { seed, reply_bytes, reply_tokens, cost_usd, cost_told, .. } = self.options;
        let billing = Billing { each: cost_usd, told: cost_told };
        let source = Source { seed, digest: &asked.digest, reply_bytes, reply_tokens, billing };
        let answer =
            Answer::compose(ask, identity, source).map_err(|invalid| RouterError::invalid(invalid.to_string()))?;
        let mut draw = Draw::new(seed, &asked.digest, Purpose::Attempt(asked.attempt));
        let fault = self.options.faults.draw(&mut draw);
        let delay = degraded(self.options.latency.draw(&mut draw), in_flight, self.options.degrade_past);
        if let Some(fault) = fault
            && let Some(refusal) = injection::refusal(fault, asked, &mut draw, self.options.retry_after)
        {
            let delay = if injection::is_instant(fault) { Duration::ZERO } else { delay };
            let reply = refusal.into_reply(Some(ask.endpoint));
            return Ok(Verdict { fault: Some(fault), delay, ..Verdict::at_once(reply) });
        }
        let answer = if fault == Some(Fault::Length) { answer.cut_by_limit() } else { answer };
        let billed = fault.map_or(Some(Fate::Delivered), Fault::fate).map(|fate| (fate, answer.usage));
        let delivery = match fault {
            Some(Fault::Reset) => Delivery::Reset,
            Some(Fault::Hang) => Delivery::Hang,
            _ => Delivery::Reply(injection::spoil(answer, fault, &mut draw)),
        };
        Ok(Verdict { delivery, model: None, fault, limit: None, delay, billed })
    }
}

/// The latency with so many requests in flight: past a limit it grows by the square of how far past.
fn degraded(delay: Duration, in_flight: u64, past: Option<u32>) -> Duration {
    let Some(past) = past else { return delay };
    let in_flight = f64::from(u32::try_from(in_flight).unwrap_or(u32::MAX));
    let factor = (in_flight / f64::from(past)).max(1.0).powi(2);
    Duration::try_from_secs_f64(delay.as_secs_f64() * factor).map_or(LONGEST, |delay| delay.min(LONGEST))
}

impl From<Limited> for Refused {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl<R: Into<Refusal>> From<R> for Refused {
    fn from(refusal: R) -> Self {
        Self::Refusal(refusal.into())
    }
}

/// Whether a header holds a secret as a bearer; where there is no secret, anything does.
fn is_bearer(headers: &HeaderMap, name: &str, secret: Option<&str>) -> bool {
    let Some(secret) = secret else { return true };
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && token.trim_ascii() == secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_its_limit_more_requests_at_once_are_fewer_answers_a_second() {
        let ms = |in_flight, past| degraded(Duration::from_millis(100), in_flight, past).as_millis();
        assert_eq!([1, 40, 80, 400].map(|in_flight| ms(in_flight, Some(40))), [100, 100, 400, 10_000]);
        assert_eq!(ms(10_000, None), 100);
        let rate = |in_flight: u64| u128::from(in_flight) * 1_000 / ms(in_flight, Some(40));
        assert_eq!([20, 40, 80, 160].map(rate), [200, 400, 200, 100]);
        assert_eq!(degraded(Duration::from_secs(1), u64::MAX, Some(1)), LONGEST);
    }
}
