//! A simulated gateway without its sockets: what a request gets, decided without waiting.

use std::time::Duration;

use http::HeaderMap;
use http::request::Parts;

use super::alarm::Alarm;
use super::answer::{Answer, Ask, Source, models};
use super::attempts::Attempts;
use super::digest::BodyDigest;
use super::draw::{Draw, Purpose};
use super::faults::Fault;
use super::identity::Identity;
use super::injection;
use super::journal::Journal;
use super::options::Options;
use super::quota::Quota;
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
    quota: Option<Quota>,
}

/// A request that has been read.
pub(super) struct Asked {
    pub(super) head: Parts,
    /// The body; as much as was read of one that is too long.
    pub(super) body: bytes::Bytes,
    pub(super) is_too_long: bool,
    pub(super) digest: BodyDigest,
    /// Which attempt at this body it is, from 1.
    pub(super) attempt: u32,
}

impl Simulation {
    pub(super) fn new(options: Options, journal: Option<Journal>, alarm: Alarm) -> Self {
        let quota = options.requests_per_minute.map(Quota::new);
        Self { options, counters: Counters::new(), journal, alarm, attempts: Attempts::default(), quota }
    }

    /// Takes a request in: hashes its body and numbers the attempt.
    pub(super) fn asked(&self, head: Parts, body: bytes::Bytes, is_too_long: bool) -> Asked {
        let digest = BodyDigest::of(&body);
        let attempt = self.attempts.number(&head.headers, &digest);
        Asked { head, body, is_too_long, digest, attempt }
    }

    pub(super) fn stats(&self) -> Stats {
        self.counters.stats(self.journal.as_ref().and_then(Journal::error))
    }

    /// Decides what a request gets, and counts it.
    pub(super) fn decide(&self, asked: &Asked, identity: &Identity) -> Verdict {
        let verdict = self.route(asked).map_or_else(
            |refusal| Verdict::at_once(refusal.into_reply(None)),
            |route| match route {
                Route::Models => Verdict::at_once(Reply::json(200, &models())),
                Route::Call(endpoint) => self
                    .call(endpoint, asked, identity)
                    .unwrap_or_else(|refusal| Verdict::at_once(refusal.into_reply(Some(endpoint)))),
            },
        );
        if let Some(fault) = verdict.fault {
            self.counters.injected(fault);
        }
        if let Some(usage) = &verdict.billed {
            self.counters.billed(usage);
        }
        verdict
    }

    /// The way through the gateway: its token, the path, its quota, the router's key.
    fn route(&self, asked: &Asked) -> Result<Route, Refusal> {
        let headers = &asked.head.headers;
        if !is_bearer(headers, "cf-aig-authorization", self.options.token.as_deref()) {
            return Err(GatewayError::unauthorized().into());
        }
        let route = Route::find(&asked.head.method, asked.head.uri.path(), self.options.gateway_id.as_deref())?;
        if let Some(quota) = &self.quota {
            quota.admit().map_err(|wait| GatewayError::rate_limited(Some(wait)))?;
        }
        if !is_bearer(headers, "authorization", self.options.api_key.as_deref()) {
            let is_there = headers.contains_key("authorization");
            return Err(if is_there { RouterError::wrong_key() } else { RouterError::no_key() }.into());
        }
        if asked.is_too_long { Err(RouterError::too_large(LONGEST_BODY).into()) } else { Ok(route) }
    }

    fn call(&self, endpoint: Endpoint, asked: &Asked, identity: &Identity) -> Result<Verdict, Refusal> {
        let invalid = |invalid| RouterError::invalid(format!("{invalid}"));
        let ask = Ask::parse(endpoint, &asked.body).map_err(invalid)?;
        let Options { seed, reply_bytes, .. } = self.options;
        let answer =
            Answer::compose(&ask, identity, Source { seed, digest: &asked.digest, reply_bytes }).map_err(invalid)?;
        let mut draw = Draw::new(seed, &asked.digest, Purpose::Attempt(asked.attempt));
        let fault = self.options.faults.draw(&mut draw);
        let delay = self.options.latency.draw(&mut draw);
        if let Some(fault) = fault
            && let Some(refusal) = injection::refusal(fault, asked, &mut draw, self.options.retry_after)
        {
            let delay = if injection::is_instant(fault) { Duration::ZERO } else { delay };
            return Ok(Verdict { fault: Some(fault), delay, ..Verdict::at_once(refusal.into_reply(Some(endpoint))) });
        }
        let answer = if fault == Some(Fault::Length) { answer.cut_by_limit() } else { answer };
        let billed = fault.is_none_or(Fault::is_billed).then_some(answer.usage);
        let delivery = match fault {
            Some(Fault::Reset) => Delivery::Reset,
            Some(Fault::Hang) => Delivery::Hang,
            _ => Delivery::Reply(injection::spoil(answer, fault, &mut draw)),
        };
        Ok(Verdict { delivery, fault, delay, billed })
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
