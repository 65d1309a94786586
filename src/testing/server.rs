//! A fixture that is served over HTTP.

use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use super::environment::Environment;
use super::hold_up::holds_up_clients;
use super::notice::tell;
use super::session::{FinishError, Session};
use super::worker::Worker;
use super::{Fixture, FixtureError};
use super::{ending, miss};
use crate::listener::{Loopback, raise_loopback};
use crate::model::Mode;
use crate::record::{Refused, SessionReport};
use crate::serve::{KeepError, Options, Server, Upstream};

/// The job that what a test records is kept under, until it is in the fixture.
const JOB: &str = "testing";

/// A fixture that is served over HTTP, to one test. It has a port, a session and a thread of its
/// own, so that tests run side by side, with a runtime and without.
///
/// Dropping it ends it, and what is still under way, as [the module
/// says](super#what-is-still-under-way-at-the-end). What was recorded is brought into the fixture then, unless the test is
/// panicking; what nothing answered is told on standard error, which `cargo test` shows of a test
/// that fails. One in a `static` is never dropped: what it records gets into the fixture all the
/// same, as [the module says](super#recording).
///
/// # Panics
/// Dropping it panics where [`FixtureServer::finish`] would fail, unless the test is panicking.
#[derive(Debug)]
pub struct FixtureServer {
    /// Those two are there until the end.
    running: Option<(Server, Session)>,
    address: SocketAddr,
    prefix: String,
    /// Behind the server, which ends before it.
    worker: Worker,
}

impl FixtureServer {
    pub(super) fn start(fixture: &Fixture, environment: &Environment) -> Result<Self, FixtureError> {
        let session = Session::open(fixture, environment)?;
        let options = options(fixture, &session, environment)?;
        let worker = Worker::start().map_err(FixtureError::Thread)?;
        if raise_loopback()? == Loopback::Raised {
            tell("the loopback device of this network namespace was down, and has been brought up");
        }
        let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = worker.run(Server::start(options, free_port))?;
        let (address, prefix) = (server.address(), session.name.prefix());
        Ok(Self { running: Some((server, session)), address, prefix, worker })
    }

    /// The test has it: its turn of the session is used up.
    pub(super) fn started(&mut self) {
        let (_, session) = self.running.as_mut().expect("it runs until it is finished or dropped");
        session.started();
    }

    /// The base URL for a client of `OpenAI`'s kind, which puts `/chat/completions` behind it:
    /// `http://127.0.0.1:PORT/session/TEST/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.root_url())
    }

    /// The base URL for a client that puts `/v1/…` behind it, as Anthropic's do:
    /// `http://127.0.0.1:PORT/session/TEST`.
    #[must_use]
    pub fn root_url(&self) -> String {
        format!("http://{}{}", self.address, self.prefix)
    }

    /// The address that it listens on. Whoever asks there without the path of [`Self::root_url`] is
    /// in the session that the header `x-nightreel-session` names.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came of the requests so far. Of the recordings that nobody asked for, it has those that
    /// are meant for this test.
    ///
    /// # Panics
    /// Panics where the recordings cannot be read any more.
    #[must_use]
    #[track_caller]
    pub fn report(&self) -> SessionReport {
        let (_, session) = self.running.as_ref().expect("it runs until it is finished or dropped");
        session.report().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends the server, brings what was recorded into the fixture, and says what came of it all.
    ///
    /// # Errors
    /// Fails where something could not be recorded, and where the fixture
    /// [must be used as a whole](Fixture::must_use_all) and was not.
    pub fn finish(mut self) -> Result<SessionReport, FinishError> {
        let (server, session) = self.running.take().expect("it runs until it is finished or dropped");
        self.end(server, session)
    }

    /// Finishes as [`FixtureServer::finish`] does, after requests under way have come to their end, for
    /// up to a minute in a test that records and two seconds in a replay. Meanwhile the runtime goes on,
    /// and with it clients that wait, and those that leave. Dropping the future drops the server.
    ///
    /// # Errors
    /// Fails where [`FixtureServer::finish`] does.
    pub async fn finish_async(self) -> Result<SessionReport, FinishError> {
        self.drain().await;
        self.finish()
    }

    /// Lets requests under way come to their end, and takes no new ones.
    pub(super) async fn drain(&self) {
        let (server, _) = self.running.as_ref().expect("it runs until it is finished or dropped");
        server.drain().await;
    }

    /// Notes that a request was refused before it was sent here: the report shows it.
    pub(super) fn note_refused(&self, refused: impl FnOnce(&str) -> Refused) {
        let (_, session) = self.running.as_ref().expect("it runs until it is finished or dropped");
        session.playback.note_refused(refused(session.name.as_str()));
    }

    /// Runs something on the server's thread, and waits for it.
    pub(super) fn run_there<F>(&self, work: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.worker.run(work)
    }

    fn end(&self, server: Server, session: Session) -> Result<SessionReport, FinishError> {
        match self.worker.run(stop(server, waits(&session))) {
            Ok(()) => session.finish(),
            Err(source) => Err(FinishError::Keep { source, recorded: session.abandon() }),
        }
    }
}

impl Drop for FixtureServer {
    fn drop(&mut self) {
        let Some((server, session)) = self.running.take() else { return };
        if thread::panicking() {
            // What was recorded goes to the disk; what else is said of it helps nobody now.
            _ = self.worker.try_run(stop(server, waits(&session)));
            ending::of_failed_test(session);
        } else {
            ending::of_test(self.end(server, session));
        }
    }
}

/// Whether the end of a test waits for what is under way. What is replayed can be asked for again,
/// while an answer that is being recorded is paid for.
fn waits(session: &Session) -> bool {
    session.mode() != Mode::Replay && !holds_up_clients()
}

/// Stops a server; where nobody waits, what is under way ends as if its client left.
async fn stop(server: Server, waits: bool) -> Result<(), KeepError> {
    if waits { server.stop().await } else { server.stop_unless(ready(())).await }
}

fn options(fixture: &Fixture, session: &Session, environment: &Environment) -> Result<Options, FixtureError> {
    let mode = session.mode();
    let upstream = session.recorded.clone().map(|recorded| {
        Ok::<_, FixtureError>(Upstream {
            gateway: Arc::new(fixture.http_gateway(mode, environment)?),
            store: recorded.store().clone(),
            job: JOB.to_owned(),
            description: "{}".to_owned(),
            simulated: false,
            prices: None,
            after_kept: Some(Arc::new(move || recorded.after_kept())),
            notice: None,
        })
    });
    let mut options = Options::new(Arc::clone(&session.playback));
    options.upstream = upstream.transpose()?;
    options.redactor = Arc::new(fixture.redactor(environment)?);
    options.explain = miss::explain(&options.playback, &options.redactor, fixture.record_with(environment));
    options.pace = fixture.chosen_pace()?;
    Ok(options)
}
