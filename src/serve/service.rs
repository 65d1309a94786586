//! One request, from its arrival to its reply.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use super::asked::AskedRequest;
use super::live::{Errand, Head};
use super::models;
use super::origin::Origin;
use super::recording::Recording;
use super::redactors::Redactors;
use super::refusal::Refusal;
use super::reply_body::{Cutter, ReplyBody};
use super::request_body::{self, NoBody};
use super::route::{Route, Way};
use super::score::Play;
use super::{Asked, Live, Options, Pace, Playback, Report};
use crate::gateway::PassedOn;
use crate::listener::{Answering, Cut, Link};
use crate::model::{Attempt, Endpoint, KeyRules, Mode};

/// The header that names a request's session.
const SESSION: HeaderName = HeaderName::from_static("x-nightreel-session");
/// The header that says where a reply comes from.
const SOURCE: HeaderName = HeaderName::from_static("x-nightreel");
/// The header that says the how-manieth time something was asked.
const OCCURRENCE: HeaderName = HeaderName::from_static("x-nightreel-occurrence");
/// The header by which clients are told whether to try again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The longest name of a session, in bytes.
const LONGEST_SESSION: usize = 256;

/// What every request of a server shares.
pub(super) struct Service {
    mode: Mode,
    playback: Arc<dyn Playback>,
    rules: KeyRules,
    pace: Pace,
    redactors: Redactors,
    report: Report,
    pub(super) sending: Option<Sending>,
}

/// What a server that sends has beside.
pub(super) struct Sending {
    live: Arc<Live>,
    pub(super) recording: Arc<Recording>,
    /// The requests that are out, each until what came of it is kept.
    pub(super) errands: TaskTracker,
}

/// What is known of a request before it is answered.
struct Call {
    headers: HeaderMap,
    version: http::Version,
    arrived: Instant,
    session: Arc<str>,
    link: Link,
}

type Reply = Response<ReplyBody>;

impl Service {
    pub(super) fn new(options: Options) -> Self {
        let Options { mode, playback, rules, live, redactor, pace, report, .. } = options;
        let sending = live.filter(|_| mode != Mode::Replay).map(|live| Sending {
            recording: Arc::new(Recording::new(&live, mode)),
            live: Arc::new(live),
            errands: TaskTracker::new(),
        });
        Self { mode, playback, rules, pace, redactors: Redactors::new(redactor), report, sending }
    }

    async fn reply(&self, request: Request<Incoming>, link: Link) -> Result<Reply, Cut> {
        let arrived = Instant::now();
        let origin = Origin::of(request.headers(), self.sending.is_some());
        if let Origin::Foreign(origin) = origin {
            return Ok(refused(&Refusal::ForeignPage { origin }));
        }
        if request.method() == Method::OPTIONS {
            let mut reply = Response::new(ReplyBody::whole(Bytes::new()));
            *reply.status_mut() = StatusCode::NO_CONTENT;
            *reply.headers_mut() = origin.preflight(request.headers());
            return Ok(reply);
        }
        let (head, body) = request.into_parts();
        let way = Way::find(&head.method, head.uri.path());
        let mut reply = match (session(&head.headers, way.session), way.route) {
            (Err(refusal), _) => refused(&refusal),
            (_, Err(astray)) => refused(&Refusal::of_astray(astray, &head.method, head.uri.path())),
            (Ok(session), Ok(route)) => {
                let (headers, version) = (head.headers, head.version);
                let query = head.uri.query().unwrap_or_default();
                let call = Call { headers, version, arrived, session, link };
                match self.follow(route, (&head.method, query), call, body).await {
                    Ok(reply) => reply,
                    Err(NoBody::Refused(refusal)) => refused(&refusal),
                    Err(NoBody::Gone) => return Err(Cut),
                }
            }
        };
        origin.tell(reply.headers_mut());
        Ok(reply)
    }

    async fn follow(
        &self,
        route: Route<'_>,
        (method, query): (&Method, &str),
        call: Call,
        body: Incoming,
    ) -> Result<Reply, NoBody> {
        match route {
            Route::Call(endpoint, deployment) => {
                let body = request_body::read(&call.headers, body).await?;
                let redactor = self.redactors.of(&call.headers);
                let asked = AskedRequest::new(endpoint, deployment.as_deref(), body, &self.rules, &redactor)?;
                self.answer(asked, call).await
            }
            // It is not asked for the list as such, so that nothing of it is used up.
            Route::Models if method == Method::HEAD => self.models(),
            Route::Models => {
                let asked = AskedRequest::models(query, &self.rules, &self.redactors.of(&call.headers))?;
                self.answer(asked, call).await
            }
            Route::Model(name) => Ok(json_reply(StatusCode::OK, models::one(&self.known_models()?, &name)?)),
            Route::Health => Ok(self.health()),
            Route::Report => Ok(json_reply(StatusCode::OK, (self.report)().to_string().into())),
        }
    }

    /// Answers a request: by a recording, by sending it, or by saying that it is not recorded.
    async fn answer(&self, asked: AskedRequest, call: Call) -> Result<Reply, NoBody> {
        let session = Arc::clone(&call.session);
        let done = self.playback.ask(&session, &asked.kept).map_err(|error| Refusal::NotRead(error.to_string()))?;
        let (source, mut reply) = match done {
            Asked::Replay(attempt) => ("replayed", self.replay(*attempt, call).await?),
            Asked::Send { occurrence } => {
                let mut reply = self.send(asked, call, occurrence).await?;
                reply.headers_mut().insert(OCCURRENCE, occurrence.into());
                ("live", reply)
            }
            // What there is of the models is a list of them too.
            Asked::Miss(_) if asked.kept.endpoint == Endpoint::Models && !self.known_models()?.is_empty() => {
                ("replayed", self.models()?)
            }
            Asked::Miss(miss) => {
                let status = StatusCode::from_u16(miss.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
                let mut reply = json_reply(status, miss.body);
                reply.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
                ("missed", reply)
            }
        };
        let headers = reply.headers_mut();
        headers.insert(SOURCE, HeaderValue::from_static(source));
        if let Ok(session) = HeaderValue::from_str(&session)
            && !session.is_empty()
        {
            headers.insert(SESSION, session);
        }
        Ok(reply)
    }

    async fn replay(&self, attempt: Attempt, call: Call) -> Result<Reply, NoBody> {
        match Play::of(attempt, self.pace) {
            Play::Reply(mut score) => {
                if !score.head_at.is_zero() {
                    sleep_until(call.arrived + score.head_at).await;
                }
                let (status, headers) = (score.status, std::mem::take(&mut score.headers));
                let body = ReplyBody::played(score, call.version, call.arrived, call.link);
                Ok(response(status, headers, body))
            }
            Play::Silence(silence) => {
                if !silence.is_zero() {
                    sleep_until(call.arrived + silence).await;
                }
                Err(NoBody::Gone)
            }
            Play::Refusal(refusal) => Ok(refused(&refusal)),
        }
    }

    async fn send(&self, asked: AskedRequest, call: Call, occurrence: u32) -> Result<Reply, NoBody> {
        let Some(sending) = &self.sending else {
            return Err(Refusal::NotReached("this server replays and has nothing to send with".to_owned()).into());
        };
        let errand = Errand {
            live: Arc::clone(&sending.live),
            recording: Arc::clone(&sending.recording),
            playback: Arc::clone(&self.playback),
            redactor: self.redactors.of(&call.headers),
            asked,
            session: call.session,
            occurrence,
            passed_on: PassedOn::of(&call.headers),
        };
        let (head_sender, head) = oneshot::channel();
        sending.errands.spawn(errand.carry_out(head_sender));
        match head.await.unwrap_or(Err(Cut))? {
            Head::Reply(status, headers, flow) => {
                let body = ReplyBody::passed_on(flow, Cutter::new(call.link, call.version));
                Ok(response(status, headers, body))
            }
            Head::Refused(refusal) => Ok(refused(&refusal)),
        }
    }

    fn known_models(&self) -> Result<Vec<String>, Refusal> {
        self.playback.models().map_err(|error| Refusal::NotRead(error.to_string()))
    }

    fn models(&self) -> Result<Reply, NoBody> {
        Ok(json_reply(StatusCode::OK, models::list(&self.known_models()?)))
    }

    fn health(&self) -> Reply {
        let problem = self.sending.as_ref().and_then(|sending| sending.recording.problem());
        let (status, said) = match problem {
            None => (StatusCode::OK, "ok"),
            Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
        };
        let body = json!({
            "status": said,
            "problem": problem,
            "mode": self.mode.as_str(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        json_reply(status, body.to_string().into())
    }
}

impl Answering for Service {
    type Body = ReplyBody;
    /// A reply has the date that was recorded, or none.
    const TELLS_DATE: bool = false;

    async fn answer(self: Arc<Self>, request: Request<Incoming>, link: Link) -> Result<Reply, Cut> {
        self.reply(request, link).await
    }
}

/// The session of a request: its header's goes before its path's, which is the base URL's and so
/// the same for many requests. The unnamed one is empty.
fn session(headers: &HeaderMap, of_path: Option<Cow<'_, str>>) -> Result<Arc<str>, Refusal> {
    let named = match headers.get(SESSION) {
        Some(named) => String::from_utf8_lossy(named.as_bytes()),
        None => of_path.unwrap_or_default(),
    };
    if named.len() > LONGEST_SESSION { Err(Refusal::LongSession(LONGEST_SESSION)) } else { Ok(named.trim().into()) }
}

fn refused(refusal: &Refusal) -> Reply {
    let mut reply = json_reply(refusal.status(), refusal.body());
    if let Refusal::WrongMethod { allowed, .. } = refusal {
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    if !refusal.may_pass() {
        reply.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    reply
}

fn json_reply(status: StatusCode, body: Bytes) -> Reply {
    let headers = [(CONTENT_TYPE, JSON)].into_iter().collect();
    response(status, headers, ReplyBody::whole(body))
}

fn response(status: StatusCode, headers: HeaderMap, body: ReplyBody) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
