//! What a test says of its fixture.

use std::io;
use std::path::PathBuf;
use std::thread;

use super::chosen_mode::chosen;
use super::environment::{BASE_URL, Environment};
use super::gateway::FixtureGateway;
use super::record_with::RecordWith;
use super::server::FixtureServer;
use super::session_name::{SessionName, SessionNameError};
use crate::fixture::{Form, Place, PlaceError};
use crate::gateway::{BaseUrl, BaseUrlError, GatewayError, HttpGateway, Options, SecretError};
use crate::listener::LoopbackDown;
use crate::model::{IgnorePathError, KeyRules, Mode, Normaliser, UnknownMode};
use crate::record::{PlaybackOptions, Policy, RedactError, Redactor};
use crate::serve::{Pace, PaceError, StartError};
use crate::store::StoreError;

/// How the name of a store ends.
const STORE: &str = "db";

/// A fixture, and how a test uses it. [`Fixture::serve`] answers clients from it over HTTP,
/// [`Fixture::gateway`] answers those who use nightreel as a library.
#[derive(Debug, Clone)]
#[must_use = "it does nothing before serve() or gateway()"]
pub struct Fixture {
    path: PathBuf,
    session: Option<String>,
    mode: Option<Mode>,
    policy: Policy,
    ignore: Vec<String>,
    normalise: Vec<Normaliser>,
    pace: f64,
    upstream: Option<String>,
    api_key_env: Option<String>,
    redact: Vec<(String, String)>,
    must_use_all: bool,
}

/// Why a fixture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// There is none.
    #[error("there is no fixture {}; record it with: {record_with}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// How the test is recorded.
        record_with: String,
    },
    /// There is a directory, and no exchange in it.
    #[error(
        "the fixture {} holds no exchange: they lie in folders such as chat-completions/MODEL below it; record it with: \
         {record_with}",
        path.display()
    )]
    Empty {
        /// The directory.
        path: PathBuf,
        /// How the test is recorded.
        record_with: String,
    },
    /// It cannot be read, or what is recorded could not be written.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Its recordings cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No temporary directory can be made for what is recorded.
    #[error("cannot make a temporary directory: {0}")]
    Directory(#[source] io::Error),
    /// A variable names no mode.
    #[error("{variable}: {source}")]
    Mode {
        /// The variable.
        variable: &'static str,
        /// What it says.
        source: UnknownMode,
    },
    /// The session's name cannot be one.
    #[error(transparent)]
    Session(#[from] SessionNameError),
    /// A path to ignore is not understood.
    #[error("ignore: {0}")]
    Ignore(#[from] IgnorePathError),
    /// A pattern to strike is no regular expression.
    #[error("redact: pattern {} is not a regular expression: {}", .0.number, .0.problem)]
    Redact(#[from] RedactError),
    /// The pace is none.
    #[error("pace: {0}")]
    Pace(#[from] PaceError),
    /// A gateway has no pace.
    #[error("pace: gateway() gives its answers at once; serve() can take its time")]
    PacedGateway,
    /// Nobody says where requests are sent.
    #[error(
        "mode {mode} sends what is not recorded, and nothing says where to; set {BASE_URL}, such as \
         https://openrouter.ai/api/v1, or call upstream()",
        mode = .0.as_str()
    )]
    NoUpstream(Mode),
    /// Where requests are sent is no base URL.
    #[error("the upstream \"{url}\": {source}")]
    Upstream {
        /// The URL.
        url: String,
        /// What is wrong with it.
        source: BaseUrlError,
    },
    /// A credential cannot be sent.
    #[error("{variable} cannot be sent: {source}")]
    Credential {
        /// The variable that holds it.
        variable: String,
        /// What is wrong with it.
        source: SecretError,
    },
    /// The variable that was named for the key holds none.
    #[error(
        "api_key_env: {variable} is not set, so there is no key to send with; export {variable}=…, or leave the call out"
    )]
    NoKey {
        /// The variable.
        variable: String,
    },
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Nobody could reach the server.
    #[error(transparent)]
    Loopback(#[from] LoopbackDown),
    /// The server does not start.
    #[error(transparent)]
    Server(#[from] StartError),
    /// The server's thread does not start.
    #[error("cannot start a thread for the fixture's server: {0}")]
    Thread(#[source] io::Error),
}

impl Fixture {
    /// The fixture at a path, which is taken from the working directory of the moment that it is served:
    /// that of the package, in `cargo test`. A file is a store; a directory has the text form, one exchange a file. What is
    /// recorded for the first time becomes a store where the path ends in `.db`, and a directory
    /// otherwise.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            session: None,
            mode: None,
            policy: Policy::default(),
            ignore: Vec::new(),
            normalise: Vec::new(),
            pace: 0.0,
            upstream: None,
            api_key_env: None,
            redact: Vec::new(),
            must_use_all: false,
        }
    }

    /// Names the session, whose recordings no other session uses up. By default it is the test's own
    /// name: that of the thread, which test runners set. The thread `main` has the unnamed session;
    /// one without a name, and a worker of a runtime, must be given one here.
    ///
    /// Where a test starts the session a second time it is another one, `NAME#2`, as
    /// [the module says](super#sessions); a name that ends like that is refused.
    pub fn session(mut self, name: impl Into<String>) -> Self {
        self.session = Some(name.into());
        self
    }

    /// Says what the mode is where the variable `NIGHTREEL_MODE` does not: by default
    /// [`Mode::Replay`], and wherever `CI` is set. [`Mode::Replay`] given here holds whatever the
    /// variable says: a test that is to meet a miss never records.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Says what is answered where one request is asked several times. By default each recording is
    /// handed out once, in order.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Leaves a member of the body out of what recordings are found by, such as `$.user` or
    /// `$.messages[*].name`. It may be called several times.
    pub fn ignore(mut self, path: impl Into<String>) -> Self {
        self.ignore.push(path.into());
        self
    }

    /// Looks past something in the values of a body when a recording is looked for, such as
    /// [`Normaliser::Timestamps`]. It may be called several times.
    pub fn normalise(mut self, normaliser: Normaliser) -> Self {
        self.normalise.push(normaliser);
        self
    }

    /// Plays recordings slower than at once: 1 takes the time that they took, 0.5 half of it.
    pub fn pace(mut self, pace: f64) -> Self {
        self.pace = pace;
        self
    }

    /// Says where requests are sent to be recorded: any OpenAI-compatible base URL. The variable
    /// `NIGHTREEL_BASE_URL` goes before it.
    pub fn upstream(mut self, base_url: impl Into<String>) -> Self {
        self.upstream = Some(base_url.into());
        self
    }

    /// Names the variable of the environment whose key requests are sent with to be recorded, whatever
    /// service they go to; an empty name sends none. By default that is `OPENROUTER_API_KEY` for
    /// `OpenRouter` and `OPENAI_API_KEY` for api.openai.com; for others it is what the program under test
    /// sends, and one that asks by [`Fixture::gateway`] sends none. A replay needs none.
    pub fn api_key_env(mut self, variable: impl Into<String>) -> Self {
        self.api_key_env = Some(variable.into());
        self
    }

    /// Puts something else in the place of what a regular expression matches (`$1` is its first
    /// group), in all that is recorded and in what recordings are found by. It may be called several
    /// times. Credentials in the environment and in a client's headers are struck anyway.
    ///
    /// A pattern is looked for in the bytes of a body and, where a string of JSON has escapes, in what
    /// it stands for: `Zoë` is found in `Zo\u00eb` too, and `say "hi"` in `say \"hi\"`.
    pub fn redact(mut self, pattern: impl Into<String>, with: impl Into<String>) -> Self {
        self.redact.push((pattern.into(), with.into()));
        self
    }

    /// Fails the test at its end where a recording of its session was not asked for, or a request
    /// was answered by nothing. Where the session has no recordings of its own, those without a
    /// session count, and all where there are none of these. Of a request that [`Policy::First`] answers by
    /// its first recording alone, the later ones do not count.
    ///
    /// A test that returns an error drops its server before anybody has seen that error: what is told then
    /// is what was left unasked. Let such a test unwrap, or leave this out and look at the report of
    /// [`FixtureServer::finish`] at the test's end instead.
    pub fn must_use_all(mut self) -> Self {
        self.must_use_all = true;
        self
    }

    /// Serves the fixture over HTTP on a free port of this machine, until the server is dropped. What a
    /// server in a `static` records gets into the fixture too, as [the module says](super#recording).
    ///
    /// # Panics
    /// Panics where [`Fixture::try_serve`] fails, with its message.
    #[must_use = "the server ends when it is dropped"]
    #[track_caller]
    pub fn serve(&self) -> FixtureServer {
        match self.try_serve() {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        }
    }

    /// Serves the fixture over HTTP on a free port of this machine, until the server is dropped.
    ///
    /// # Errors
    /// Fails where the fixture is missing or cannot be read, where something that was said of it
    /// makes no sense, and where it is to be recorded and nothing says where requests go.
    pub fn try_serve(&self) -> Result<FixtureServer, FixtureError> {
        self.serve_in(&Environment::of_process())
    }

    /// Answers from the fixture in this process.
    ///
    /// # Panics
    /// Panics where [`Fixture::try_gateway`] fails, with its message.
    #[must_use = "the fixture is done with when it is dropped"]
    #[track_caller]
    pub fn gateway(&self) -> FixtureGateway {
        match self.try_gateway() {
            Ok(gateway) => gateway,
            Err(error) => panic!("{error}"),
        }
    }

    /// Answers from the fixture in this process.
    ///
    /// # Errors
    /// Fails where [`Fixture::try_serve`] does, and where a pace was given.
    pub fn try_gateway(&self) -> Result<FixtureGateway, FixtureError> {
        self.gateway_in(&Environment::of_process())
    }

    pub(super) fn serve_in(&self, environment: &Environment) -> Result<FixtureServer, FixtureError> {
        let mut server = FixtureServer::start(self, environment)?;
        server.started();
        Ok(server)
    }

    pub(super) fn gateway_in(&self, environment: &Environment) -> Result<FixtureGateway, FixtureError> {
        if self.pace != 0.0 {
            return Err(FixtureError::PacedGateway);
        }
        FixtureGateway::start(self, environment)
    }

    pub(super) const fn must_all_be_used(&self) -> bool {
        self.must_use_all
    }

    /// Where it lies: what is not there yet is a store where its name ends in `.db`.
    pub(super) fn place(&self) -> Result<Place, PlaceError> {
        let is_store = self.path.extension().is_some_and(|kind| kind == STORE);
        Place::of(&self.path, if is_store { Form::Store } else { Form::Text }).absolute()
    }

    pub(super) fn session_name(&self) -> Result<SessionName, SessionNameError> {
        match &self.session {
            Some(name) => SessionName::new(name),
            None => SessionName::of_thread(thread::current().name()),
        }
    }

    pub(super) fn playback_options(&self, environment: &Environment) -> Result<PlaybackOptions, FixtureError> {
        let ignore = self.ignore.iter().map(|path| path.parse()).collect::<Result<_, _>>()?;
        let mode = chosen(self.mode, environment.mode()?, environment.is_ci());
        let rules = KeyRules { ignore, normalise: self.normalise.clone() };
        let struck_as = self.redact.iter().map(|(_, with)| with.clone()).collect();
        Ok(PlaybackOptions { mode, rules, policy: self.policy, struck_as })
    }

    /// How the test of this thread is recorded.
    pub(super) fn record_with(&self, environment: &Environment) -> RecordWith {
        let secrets = environment.secrets(self.api_key_env.as_deref());
        RecordWith::of_thread(
            thread::current().name(),
            self.base_url_to_name(environment).as_deref(),
            self.mode == Some(Mode::Replay),
            &Redactor::default().with_secrets(secrets.iter().map(String::as_str)),
        )
    }

    /// What is wrong where there is no fixture.
    pub(super) fn missing(&self, environment: &Environment) -> FixtureError {
        FixtureError::Missing { path: self.path.clone(), record_with: self.record_with(environment).to_string() }
    }

    /// What is wrong where there is a directory, and nothing in it.
    pub(super) fn empty(&self, environment: &Environment) -> FixtureError {
        FixtureError::Empty { path: self.path.clone(), record_with: self.record_with(environment).to_string() }
    }

    /// The base URL that a command has to name that records: that of the environment, and what is to
    /// be filled in where neither that nor the code has one.
    fn base_url_to_name(&self, environment: &Environment) -> Option<String> {
        let is_plain = |text: &str| {
            text.chars().all(|character| character.is_ascii_alphanumeric() || "_%+=:,./-".contains(character))
        };
        match environment.base_url() {
            Some(url) if is_plain(&url) => Some(url),
            None if self.upstream.is_some() => None,
            Some(_) | None => Some("URL".to_owned()),
        }
    }

    pub(super) fn redactor(&self, environment: &Environment) -> Result<Redactor, FixtureError> {
        let secrets = environment.secrets(self.api_key_env.as_deref());
        let rules = self.redact.iter().map(|(pattern, with)| (pattern.as_str(), with.as_str()));
        Ok(Redactor::new(secrets.iter().map(String::as_str), rules)?)
    }

    pub(super) fn chosen_pace(&self) -> Result<Pace, PaceError> {
        Pace::new(self.pace)
    }

    /// What sends requests to be recorded.
    pub(super) fn http_gateway(&self, mode: Mode, environment: &Environment) -> Result<HttpGateway, FixtureError> {
        let url = environment.base_url().or_else(|| self.upstream.clone()).ok_or(FixtureError::NoUpstream(mode))?;
        let base_url: BaseUrl = url.parse().map_err(|source| FixtureError::Upstream { url: url.clone(), source })?;
        let credentials = environment.credentials(&base_url, self.api_key_env.as_deref())?;
        Ok(HttpGateway::new(Options::new(base_url, credentials))?)
    }
}
