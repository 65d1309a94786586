//! A fixture that answers within the process.

use std::fmt;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::environment::Environment;
use super::server::FixtureServer;
use super::session::{FinishError, Session};
use super::{Fixture, FixtureError};
use super::{ending, miss};
use crate::gateway::{BaseUrl, Credentials, Gateway, HttpGateway, Options, Response, Tag};
use crate::model::{
    Attempt, CanonicalError, End, Endpoint, Fault, FaultKind, Header, KeyRules, Mode, Reply, Request, Timing,
};
use crate::record::{Asked, Missed, Redactor, Refused, SessionReport};
use crate::serve::{Explain, Unanswered};
use crate::store::StoreError;

/// The status of a request that nothing answers: no client tries it again.
const NOT_RECORDED: u16 = 400;
/// The status that a server has for a body that is not JSON.
const NOT_JSON: u16 = 400;
/// The status that a server has where the recordings cannot be read.
const NOT_READ: u16 = 500;

/// A fixture that answers within the process, to one test: as a [`Gateway`] for programs that use
/// nightreel as a library, and by [`FixtureGateway::ask`] for tests that are not async.
///
/// A replay opens no socket. What is not recorded is answered with the status 400 and a body that
/// says why. Dropping it ends it as dropping a [`FixtureServer`] does.
///
/// # Panics
/// Dropping it panics where [`FixtureGateway::finish`] would fail, unless the test is panicking.
pub struct FixtureGateway {
    /// It is there until the end.
    answers: Option<Answers>,
}

enum Answers {
    Recorded(Recorded),
    Live(Box<Recording>),
}

/// Recordings, which are handed out as they are.
struct Recorded {
    session: Session,
    redactor: Arc<Redactor>,
    explain: Explain,
}

/// A server that records, and its clients. A client belongs to the runtime that it was first used
/// in, so the test has one, and the server's thread another.
struct Recording {
    server: FixtureServer,
    gateway: HttpGateway,
    blocking: Arc<HttpGateway>,
}

/// What there is for a request.
enum Answer {
    Recorded(Box<Attempt>),
    Missed(Unanswered),
}

/// Why nothing was answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The body is not JSON.
    #[error("the body of the request is not JSON: {0}")]
    NotJson(#[from] CanonicalError),
    /// It is not recorded.
    #[error("{0}")]
    NotRecorded(String),
    /// No reply came, as it was when it was recorded.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The recordings cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FixtureGateway {
    pub(super) fn start(fixture: &Fixture, environment: &Environment) -> Result<Self, FixtureError> {
        let mode = fixture.playback_options(environment)?.mode;
        let answers = if mode == Mode::Replay {
            let mut session = Session::open(fixture, environment)?;
            let redactor = Arc::new(fixture.redactor(environment)?);
            let explain = miss::explain(&session.playback, &redactor, fixture.record_with(environment));
            session.started();
            Answers::Recorded(Recorded { session, redactor, explain })
        } else {
            let mut server = FixtureServer::start(fixture, environment)?;
            let (gateway, blocking) = (client_of(&server)?, Arc::new(client_of(&server)?));
            server.started();
            Answers::Live(Box::new(Recording { server, gateway, blocking }))
        };
        Ok(Self { answers: Some(answers) })
    }

    /// Asks, and waits for the whole reply: for tests that are not async. The body is JSON, as it
    /// would be sent.
    ///
    /// # Errors
    /// Fails where the body is not JSON, where it is not recorded, and where no reply came.
    pub fn ask(&self, endpoint: Endpoint, body: impl Into<Bytes>) -> Result<Reply, AskError> {
        let request = Request::of_body(endpoint, body.into(), &KeyRules::default());
        let request = request.map_err(AskError::NotJson).inspect_err(|error| self.note_refused(endpoint, error))?;
        match self.answers() {
            Answers::Recorded(recorded) => match recorded.answer(&request)? {
                Answer::Recorded(attempt) => Ok(attempt.reply?),
                Answer::Missed(said) => Err(AskError::NotRecorded(said.message)),
            },
            Answers::Live(recording) => {
                let gateway = Arc::clone(&recording.blocking);
                recording
                    .server
                    .run_there(async move { Ok(gateway.send(&request, &Tag::default()).await?.collect().await.0) })
            }
        }
    }

    /// What came of the requests so far. Of the recordings that nobody asked for, it has those that
    /// are meant for this test.
    ///
    /// # Panics
    /// Panics where the recordings cannot be read any more.
    #[must_use]
    #[track_caller]
    pub fn report(&self) -> SessionReport {
        match self.answers() {
            Answers::Recorded(recorded) => recorded.session.report().unwrap_or_else(|error| panic!("{error}")),
            Answers::Live(recording) => recording.server.report(),
        }
    }

    /// Brings what was recorded into the fixture, and says what came of it all.
    ///
    /// # Errors
    /// Fails where something could not be recorded, and where the fixture
    /// [must be used as a whole](Fixture::must_use_all) and was not.
    pub fn finish(mut self) -> Result<SessionReport, FinishError> {
        match self.answers.take().expect("it is there until it is finished or dropped") {
            Answers::Recorded(recorded) => recorded.session.finish(),
            Answers::Live(recording) => recording.server.finish(),
        }
    }

    /// Finishes as [`FixtureGateway::finish`] does, after requests that are being recorded have come to
    /// their end, for up to a minute. Meanwhile the runtime goes on, and with it whoever waits for an
    /// answer. Dropping the future drops the gateway.
    ///
    /// # Errors
    /// Fails where [`FixtureGateway::finish`] does.
    pub async fn finish_async(self) -> Result<SessionReport, FinishError> {
        if let Answers::Live(recording) = self.answers() {
            recording.server.drain().await;
        }
        self.finish()
    }

    /// Notes that a request was asked that can be none: nothing answers it.
    fn note_refused(&self, endpoint: Endpoint, error: &AskError) {
        match self.answers() {
            Answers::Recorded(recorded) => recorded.note_refused(endpoint, error),
            Answers::Live(recording) => recording.server.note_refused(|session| refused(session, endpoint, error)),
        }
    }

    fn answers(&self) -> &Answers {
        self.answers.as_ref().expect("it is there until it is finished or dropped")
    }
}

impl Recorded {
    /// What is recorded of a request.
    fn answer(&self, asked: &Request) -> Result<Answer, AskError> {
        self.look_up(asked).inspect_err(|error| self.note_refused(asked.endpoint, error))
    }

    fn note_refused(&self, endpoint: Endpoint, error: &AskError) {
        self.session.playback.note_refused(refused(self.session.name.as_str(), endpoint, error));
    }

    fn look_up(&self, asked: &Request) -> Result<Answer, AskError> {
        let (playback, session) = (&self.session.playback, self.session.name.as_str());
        let body = self.redactor.strike(&asked.body);
        let request = Request::new(asked.endpoint, Arc::clone(&asked.model), body, &playback.options().rules)?;
        match playback.ask(session, &request)? {
            Asked::Replay(attempt) => Ok(Answer::Recorded(attempt)),
            Asked::Miss { recorded } => Ok(Answer::Missed(self.miss(&request, recorded))),
            Asked::Send { .. } => unreachable!("a replay never sends"),
        }
    }

    /// Says why nothing answers a request, and keeps it for the report.
    fn miss(&self, request: &Request, recorded: usize) -> Unanswered {
        let session = self.session.name.as_str();
        let said = (self.explain)(session, request, recorded);
        let missed = Missed {
            session: session.to_owned(),
            key: request.key.to_string(),
            endpoint: request.endpoint.to_string(),
            model: request.model.to_string(),
            reason: said.reason.clone(),
            message: said.message.clone(),
            count: 1,
        };
        self.session.playback.note_missed(request.key, missed);
        said
    }

    fn respond(&self, request: &Request) -> Result<Response, Fault> {
        match self.answer(request) {
            Ok(Answer::Recorded(attempt)) => Ok(Response::replayed(attempt.reply?, attempt.timing)),
            Ok(Answer::Missed(said)) => Ok(Response::replayed(not_recorded(said.body), Timing::default())),
            // Nothing was sent.
            Err(error) => Err(Fault { kind: FaultKind::Connect, message: error.to_string() }),
        }
    }
}

impl Gateway for FixtureGateway {
    fn send<'a>(&'a self, request: &'a Request, tag: &'a Tag) -> BoxFuture<'a, Result<Response, Fault>> {
        match self.answers() {
            Answers::Recorded(recorded) => Box::pin(std::future::ready(recorded.respond(request))),
            Answers::Live(recording) => recording.gateway.send(request, tag),
        }
    }
}

impl Drop for FixtureGateway {
    fn drop(&mut self) {
        // A server ends by its own drop.
        let Some(Answers::Recorded(Recorded { session, .. })) = self.answers.take() else { return };
        if thread::panicking() {
            ending::of_failed_test(session);
        } else {
            ending::of_test(session.finish());
        }
    }
}

impl fmt::Debug for FixtureGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixtureGateway").finish_non_exhaustive()
    }
}

/// A client of a server that records.
fn client_of(server: &FixtureServer) -> Result<HttpGateway, FixtureError> {
    let base_url: BaseUrl = server.base_url().parse().expect("a server's URL is a base URL");
    Ok(HttpGateway::new(Options::new(base_url, Credentials::default()))?)
}

/// A request that is refused, as a server tells of it.
fn refused(session: &str, endpoint: Endpoint, error: &AskError) -> Refused {
    let (status, code) =
        if matches!(error, AskError::NotJson(_)) { (NOT_JSON, "bad_json") } else { (NOT_READ, "store_not_readable") };
    Refused {
        session: session.to_owned(),
        method: if endpoint == Endpoint::Models { "GET" } else { "POST" }.to_owned(),
        path: format!("/v1/{}", endpoint.path()),
        status,
        code: code.to_owned(),
        message: error.to_string(),
        count: 1,
    }
}

fn not_recorded(body: Bytes) -> Reply {
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
    let headers = vec![header("content-type", "application/json"), header("x-should-retry", "false")];
    Reply { status: NOT_RECORDED, headers, body, chunks: Vec::new(), end: End::Complete }
}
