//! One request, from its arrival to its reply.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::asked::AskedRequest;
use super::error_shape::ErrorShape;
use super::host;
use super::live::{CutOff, Errand};
use super::origin::Origin;
use super::passing::Head;
use super::recording::Recording;
use super::redactors::Redactors;
use super::refusal::Refusal;
use super::reply::{self, Reply, Source};
use super::reply_body::{Cutter, ReplyBody};
use super::request_body::{self, NoBody};
use super::route::{Route, Way};
use super::score::Play;
use super::session::session;
use super::{Explain, Options, Pace, Report, Upstream};
use crate::gateway::PassedOn;
use crate::listener::{Answering, Cut, Ends, LATE, Link};
use crate::model::{Attempt, Endpoint, KeyRules, Mode, Request as Sought};
use crate::record::{Asked, Missed, Playback, Refused};

/// What every request of a server shares.
pub(super) struct Service {
    pub(super) playback: Arc<Playback>,
    explain: Explain,
    /// Who explains a miss: one at a time.
    explaining: Arc<Semaphore>,
    pace: Pace,
    pub(super) redactors: Redactors,
    report: Report,
    pub(super) sending: Option<Sending>,
    stopping: CancellationToken,
}

/// What a server that sends has beside.
pub(super) struct Sending {
    upstream: Arc<Upstream>,
    pub(super) recording: Arc<Recording>,
    /// The requests that are out, each until what came of it is kept.
    pub(super) errands: TaskTracker,
    cut_off: Arc<CutOff>,
    /// Whether no other machine reaches the server: whatever is asked of another host is a page's then
    /// whose name was made to lead here.
    is_near: bool,
}

/// What is known of a request before it is answered.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    version: http::Version,
    arrived: Instant,
    pub(super) session: Arc<str>,
    /// The query that goes on beside the body.
    pub(super) query: &'a str,
    deployment: Option<Cow<'a, str>>,
    /// The shape of what the server itself says.
    pub(super) shape: ErrorShape,
    link: Link,
}

impl Service {
    /// What answers at an address.
    pub(super) fn new(options: Options, address: IpAddr, ends: &Ends) -> Self {
        let Options { playback, upstream, explain, redactor, pace, report, .. } = options;
        let mode = playback.options().mode;
        let sending = upstream.filter(|_| mode != Mode::Replay).map(|upstream| Sending {
            recording: Arc::new(Recording::new(&upstream, mode)),
            upstream: Arc::new(upstream),
            errands: TaskTracker::new(),
            cut_off: Arc::new(CutOff::new(ends.ending.clone())),
            is_near: address.to_canonical().is_loopback(),
        });
        Self {
            playback,
            explain,
            explaining: Arc::new(Semaphore::new(1)),
            pace,
            redactors: Redactors::new(redactor),
            report,
            sending,
            stopping: ends.stopping.clone(),
        }
    }

    pub(super) fn rules(&self) -> &KeyRules {
        &self.playback.options().rules
    }

    async fn reply(&self, request: Request<Incoming>, link: Link) -> Result<Reply, Cut> {
        let arrived = Instant::now();
        let origin = Origin::of(request.headers(), self.sending.is_some());
        let (head, body) = request.into_parts();
        let asker = self.check_asker(&head, &origin);
        if head.method == Method::OPTIONS && asker.is_ok() {
            let headers = origin.preflight(&head.headers);
            return Ok(reply::new(StatusCode::NO_CONTENT, headers, ReplyBody::whole(Bytes::new())));
        }
        let mut reply = match asker.and_then(|()| understood(&head)) {
            Ok((session, route)) => {
                let session = self.nameable(session, &head.headers);
                let query = head.uri.query().unwrap_or_default();
                let Parts { method, headers, version, .. } = &head;
                let (deployment, shape) = (None, ErrorShape::of(head.uri.path(), headers));
                let version = *version;
                let call = Call { method, headers, version, arrived, session, query, deployment, shape, link };
                match self.follow(route, call, body).await {
                    Ok(reply) => reply,
                    Err(NoBody::Refused(refusal)) => self.refuse(&head, &refusal),
                    Err(NoBody::Gone) => return Err(Cut),
                }
            }
            Err(refusal) => {
                self.unless_late(request_body::throw_away(&head.headers, body)).await?;
                self.refuse(&head, &refusal)
            }
        };
        origin.tell(reply.headers_mut());
        Ok(reply)
    }

    /// Refuses a page that could make the server spend money: by where it says it comes from, or by the
    /// host that it asks, which is its own where its name was made to lead here.
    fn check_asker(&self, head: &Parts, origin: &Origin) -> Result<(), Refusal> {
        if self.sending.as_ref().is_some_and(|sending| sending.is_near)
            && let Some(host) = host::foreign(head)
        {
            return Err(Refusal::ForeignHost { host });
        }
        match origin {
            Origin::Foreign(origin) => Err(Refusal::ForeignPage { origin: origin.clone() }),
            Origin::None | Origin::Welcome(_) => Ok(()),
        }
    }

    /// What comes of reading a request; nothing where it goes on though the server is stopping.
    async fn unless_late<T>(&self, reading: impl Future<Output = T>) -> Result<T, Cut> {
        let late = async {
            self.stopping.cancelled().await;
            sleep(LATE).await;
        };
        tokio::select! {
            biased;
            read = reading => Ok(read),
            () = late => Err(Cut),
        }
    }

    async fn follow(&self, route: Route<'_>, call: Call<'_>, body: Incoming) -> Result<Reply, NoBody> {
        match route {
            Route::Call(endpoint, deployment) => {
                let body = self.unless_late(request_body::read(call.headers, body)).await??;
                let redactor = self.redactors.of(call.headers);
                let asked = AskedRequest::new(endpoint, deployment.as_deref(), body, self.rules(), &redactor)?;
                self.answer(asked, Call { deployment, ..call }).await
            }
            Route::Models if call.method == Method::HEAD => self.head_of_models(call).await,
            Route::Models => {
                let asked = AskedRequest::models(call.query, self.rules(), &self.redactors.of(call.headers))?;
                // Its query stands in the place of a body.
                self.answer(asked, Call { query: "", ..call }).await
            }
            Route::Model(name) => self.model(&name, call).await,
            Route::Health => Ok(self.health()),
            Route::Report => Ok(reply::json(StatusCode::OK, (self.report)().to_string().into())),
        }
    }

    /// Answers a request: by a recording, by sending it, or by saying that it is not recorded.
    pub(super) async fn answer(&self, asked: AskedRequest, call: Call<'_>) -> Result<Reply, NoBody> {
        let session = Arc::clone(&call.session);
        let done = self.playback.ask(&session, &asked.kept).map_err(|error| Refusal::NotRead(error.to_string()))?;
        let (source, mut reply) = match done {
            Asked::Replay(attempt) => (Source::Replayed, self.replay(*attempt, call).await?),
            Asked::Send { occurrence } => (Source::Live, self.send(asked, call, occurrence).await?),
            // What there is of the models is a list of them too.
            Asked::Miss { .. } if asked.kept.endpoint == Endpoint::Models => {
                let models = reply::json(StatusCode::OK, self.models()?);
                self.playback.note_derived();
                (Source::Derived, models)
            }
            Asked::Miss { recorded } => (Source::Missed, self.miss(&call, asked.kept, recorded).await?),
        };
        source.tell(&mut reply, &session);
        Ok(reply)
    }

    pub(super) async fn replay(&self, attempt: Attempt, call: Call<'_>) -> Result<Reply, NoBody> {
        match Play::of(attempt, self.pace) {
            Play::Reply(mut score) => {
                if !score.head_at.is_zero() {
                    sleep_until(call.arrived + score.head_at).await;
                }
                let (status, headers) = (score.status, std::mem::take(&mut score.headers));
                let body = ReplyBody::played(score, call.version, call.arrived, call.link);
                Ok(reply::new(status, headers, body))
            }
            Play::Silence(silence) => {
                if !silence.is_zero() {
                    sleep_until(call.arrived + silence).await;
                }
                Err(NoBody::Gone)
            }
            Play::Refusal(refusal) => Ok(reply::refused(&refusal, call.shape)),
        }
    }

    async fn send(&self, asked: AskedRequest, call: Call<'_>, occurrence: u32) -> Result<Reply, NoBody> {
        let Some(sending) = &self.sending else {
            return Err(Refusal::NotReached("this server replays and has nothing to send with".to_owned()).into());
        };
        let errand = Errand {
            upstream: Arc::clone(&sending.upstream),
            recording: Arc::clone(&sending.recording),
            playback: Arc::clone(&self.playback),
            redactor: self.redactors.of(call.headers),
            asked,
            session: call.session,
            occurrence,
            passed_on: PassedOn::of(call.headers).with_query(call.query).to_deployment(call.deployment.as_deref()),
            cut_off: Arc::clone(&sending.cut_off),
        };
        let (head_sender, head) = oneshot::channel();
        sending.errands.spawn(errand.carry_out(head_sender));
        match head.await.unwrap_or(Err(Cut))? {
            Head::Reply { status, headers, length, flow } => {
                let body = ReplyBody::passed_on(flow, length, Cutter::new(call.link, call.version));
                Ok(reply::new(status, headers, body))
            }
            // Nothing was sent, so the reply is nobody's but ours.
            Head::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Says why nothing answers a request, and keeps it for the report.
    async fn miss(&self, call: &Call<'_>, request: Sought, recorded: usize) -> Result<Reply, NoBody> {
        let (explain, playback) = (Arc::clone(&self.explain), Arc::clone(&self.playback));
        let session = Arc::clone(&call.session);
        let turn = Arc::clone(&self.explaining);
        let explained = move || {
            let said = explain(&session, &request, recorded);
            let missed = Missed {
                session: session.to_string(),
                key: request.key.to_string(),
                endpoint: request.endpoint.to_string(),
                model: request.model.to_string(),
                reason: said.reason,
                message: said.message,
                count: 1,
            };
            playback.note_missed(request.key, missed);
            said.body
        };
        // The nearest of many recordings takes its time to be found, and memory: one after another
        // the first need not wait for the last. The report tells of it even where its client left.
        let body = tokio::spawn(async move {
            let turn = turn.acquire_owned().await.ok()?;
            let body = spawn_blocking(explained).await.ok();
            drop(turn);
            body
        });
        let body = body.await.ok().flatten().ok_or(NoBody::Gone)?;
        Ok(reply::last(reply::error(StatusCode::BAD_REQUEST, body, call.shape)))
    }

    /// The name of a session without the credentials in it: it is kept and told as it is.
    fn nameable(&self, session: Arc<str>, headers: &HeaderMap) -> Arc<str> {
        if session.is_empty() { session } else { self.redactors.of(headers).strike_text(&session).into() }
    }

    /// Refuses a request, and keeps that for the report where it asked for something.
    fn refuse(&self, head: &Parts, refusal: &Refusal) -> Reply {
        let (method, path) = (&head.method, head.uri.path());
        let way = Way::find(method, path);
        if way.asks {
            let redactor = self.redactors.of(&head.headers);
            self.playback.note_refused(Refused {
                session: self
                    .nameable(session(&head.headers, way.session).unwrap_or_default(), &head.headers)
                    .to_string(),
                method: method.to_string(),
                path: redactor.strike_text(path),
                status: refusal.status().as_u16(),
                code: refusal.code().to_owned(),
                message: redactor.strike_text(&refusal.to_string()),
                count: 1,
            });
        }
        reply::refused(refusal, ErrorShape::of(path, &head.headers))
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
            "mode": self.playback.options().mode.as_str(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        reply::json(status, body.to_string().into())
    }
}

impl Answering for Service {
    type Body = ReplyBody;
    /// A reply has the date that was recorded, or none.
    const TELLS_DATE: bool = false;

    /// Nothing is sent for a replay that would have to be given up with its client.
    fn answers_half_closed(&self) -> bool {
        self.sending.is_none()
    }

    fn drained(&self) {
        if let Some(sending) = &self.sending {
            sending.cut_off.drained();
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, link: Link) -> Result<Reply, Cut> {
        self.reply(request, link).await
    }
}

/// Whose a request is and what it asks for, by its head.
fn understood(head: &Parts) -> Result<(Arc<str>, Route<'_>), Refusal> {
    let path = head.uri.path();
    let way = Way::find(&head.method, path);
    let route = way.route.map_err(|astray| Refusal::of_astray(astray, &head.method, path))?;
    Ok((session(&head.headers, way.session)?, route))
}
