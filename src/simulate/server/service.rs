//! One request, from its arrival to its reply.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::super::identity::Identity;
use super::super::journal::Entry;
use super::super::reply::{Layer, Reply};
use super::super::simulation::{Asked, LONGEST_BODY, Simulation};
use super::super::verdict::{Delivery, Verdict};
use super::body::{InFlight, PADDING_INTERVAL, ReplyBody};
use crate::listener::{Answering, Cut, Link};

/// Where the numbers of the simulator are.
const STATS_PATH: &str = "/simulator/stats";

const SIMULATED: HeaderName = HeaderName::from_static("x-nightreel-simulated");
const GENERATION_ID: HeaderName = HeaderName::from_static("x-generation-id");
const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");
const LOG_ID: HeaderName = HeaderName::from_static("cf-aig-log-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("cf-aig-request-id");
const EVENT_ID: HeaderName = HeaderName::from_static("cf-aig-event-id");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cf-aig-cache-status");
const STEP: HeaderName = HeaderName::from_static("cf-aig-step");

/// How many header lines a reply has at most; the server adds two.
const HEADERS: usize = 16;

impl Answering for Simulation {
    type Body = ReplyBody;

    fn accepted(&self) {
        self.counters.connections.fetch_add(1, Relaxed);
    }

    fn not_accepted(&self) {
        self.counters.failed_accepts.fetch_add(1, Relaxed);
    }

    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        link: Link,
    ) -> impl Future<Output = Result<Response<ReplyBody>, Cut>> + Send + 'static {
        answer(self, link, request)
    }
}

/// Answers one request.
///
/// # Errors
/// Fails where the connection is to be cut.
async fn answer(
    simulation: Arc<Simulation>,
    link: Link,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Cut> {
    if request.uri().path() == STATS_PATH {
        return Ok(stats(&simulation));
    }
    let mut in_flight = InFlight::enter(Arc::clone(&simulation));
    let (head, body) = request.into_parts();
    let asked = simulation.asked(in_flight.arrival(), head, read(body).await?);
    let identity = Identity::new(simulation.options.seed, &asked.digest, asked.attempt);
    let verdict = simulation.decide(&asked, &identity);
    in_flight.owes(verdict.billed);
    if let Some(journal) = &simulation.journal {
        journal.write(entry(&asked, &verdict)).await;
    }
    let reply = match verdict.delivery {
        Delivery::Reply(reply) => reply,
        Delivery::Reset => {
            simulation.alarm.wait(verdict.delay).await;
            // A stream of HTTP/2 is reset by itself; its connection serves others too.
            if asked.head.version < Version::HTTP_2 {
                link.reset_on_drop();
            }
            return Err(Cut);
        }
        Delivery::Hang => std::future::pending().await,
    };
    let reply_status = reply.status;
    let headers = headers(&reply, &identity, &asked.head.headers);
    let status = StatusCode::from_u16(reply.status).expect("the simulator's statuses are valid");
    let body = if verdict.delay.is_zero() || reply.is_stream() {
        ReplyBody::of(reply, verdict.delay, link)
    } else if simulation.options.padding && reply.status == 200 && verdict.delay > PADDING_INTERVAL {
        ReplyBody::padded(reply, verdict.delay, link)
    } else {
        simulation.alarm.wait(verdict.delay).await;
        ReplyBody::of(reply, Duration::ZERO, link)
    };
    simulation.counters.answered(reply_status);
    Ok(response(status, headers, body.counted(in_flight)))
}

fn response(status: StatusCode, headers: HeaderMap, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn stats(simulation: &Simulation) -> Response<ReplyBody> {
    let body = serde_json::to_vec(&simulation.stats()).expect("the keys of the stats are strings and numbers");
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (SIMULATED, HeaderValue::from_static("true")),
    ]);
    response(StatusCode::OK, headers, ReplyBody::whole(body.into()))
}

/// Reads a body, or as much of it as is allowed and that it is too long.
///
/// # Errors
/// Fails where the client goes away meanwhile.
async fn read(mut body: Incoming) -> Result<(Bytes, bool), Cut> {
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Ok((Bytes::new(), true));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut)?.into_data() else { continue };
        if first.is_empty() {
            // Nearly all bodies come in one piece, which is then not copied.
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
        if rest.len() > LONGEST_BODY {
            return Ok((rest.freeze(), true));
        }
    }
    Ok((if rest.is_empty() { first } else { rest.freeze() }, false))
}

fn entry(asked: &Asked, verdict: &Verdict) -> Entry {
    let uri = &asked.head.uri;
    Entry {
        arrival: asked.arrival,
        delay: verdict.comes_to_its_end().then_some(verdict.delay),
        method: asked.head.method.clone(),
        path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        digest: asked.digest,
        attempt: asked.attempt,
        model: verdict.model.clone(),
        status: verdict.status(),
        fault: verdict.fault,
        limit: verdict.limit,
        billed: verdict.billed,
    }
}

/// The header lines of a reply, by the layer that speaks.
fn headers(reply: &Reply, identity: &Identity, request: &HeaderMap) -> HeaderMap {
    let id = |bytes: Bytes| HeaderValue::from_maybe_shared(bytes).expect("ids are ASCII");
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.insert(SIMULATED, HeaderValue::from_static("true"));
    headers.insert(CF_RAY, id(identity.ray_bytes()));
    if reply.layer != Layer::Edge {
        let log_id = id(identity.log_bytes());
        headers.insert(EVENT_ID, request.get(EVENT_ID).unwrap_or(&log_id).clone());
        headers.insert(REQUEST_ID, log_id.clone());
        headers.insert(LOG_ID, log_id);
    }
    if reply.layer == Layer::Router {
        headers.insert(GENERATION_ID, id(identity.generation_bytes()));
        headers.insert(CACHE_STATUS, HeaderValue::from_static("MISS"));
        headers.insert(STEP, HeaderValue::from_static("0"));
    }
    headers.extend(reply.headers.iter().cloned());
    headers
}
