//! Answers for the tests of a program that asks an LLM: recorded once, offline from then on.
//!
//! A test names a fixture, and gets a base URL that answers from it. The program under test is the
//! one that people use; nothing in it is mocked.
//!
//! ```
//! use nightreel::testing::Fixture;
//! use serde_json::{Value, json};
//!
//! /// The program under test.
//! async fn ask(base_url: &str, question: &str) -> Result<String, Box<dyn std::error::Error>> {
//!     let body = json!({"model": "openai/gpt-5-mini", "messages": [{"role": "user", "content": question}]});
//!     let sent = client().post(format!("{base_url}/chat/completions")).body(body.to_string()).send();
//!     let answer: Value = serde_json::from_slice(&sent.await?.bytes().await?)?;
//!     Ok(answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned())
//! }
//!
//! # fn client() -> reqwest::Client {
//! #     _ = rustls::crypto::ring::default_provider().install_default();
//! #     reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
//! # }
//! // In a test: #[tokio::test]
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let server = Fixture::at("fixtures/quickstart.db").serve();
//! let question = "Does water boil at a lower temperature on a high mountain than at sea level?";
//! let answer = ask(&server.base_url(), question).await.unwrap();
//! assert!(answer.starts_with("Simulated answer"));
//!
//! // What is not recorded is no answer, and no call: the message says what comes nearest.
//! ask(&server.base_url(), "Does water boil?").await.unwrap();
//! assert_eq!(server.report().missed.shown[0].reason, "prompt_changed");
//! # }
//! ```
//!
//! A program that asks by [`crate::gateway::Gateway`] is given [`Fixture::gateway`], and a test that
//! is not async asks that one itself:
//!
//! ```
//! use nightreel::model::Endpoint;
//! use nightreel::testing::Fixture;
//!
//! let gateway = Fixture::at("fixtures/quickstart.db").gateway();
//! let question = "Does water boil at a lower temperature on a high mountain than at sea level?";
//! let body = serde_json::json!({
//!     "model": "openai/gpt-5-mini",
//!     "messages": [{"role": "user", "content": question}],
//! });
//! let reply = gateway.ask(Endpoint::ChatCompletions, body.to_string()).unwrap();
//! assert_eq!(reply.status, 200);
//! ```
//!
//! The repository has a whole program with its tests in `tests/example`: structured output, tools,
//! streams, rate limits, refusals and answers that break off.
//!
//! # Recording
//!
//! `NIGHTREEL_MODE=record cargo test` sends what the tests ask, and records it into their fixtures.
//! `NIGHTREEL_MODE=auto cargo test` sends what is not recorded, and adds it. Without the variable
//! nothing is sent. Where `CI` is set, a mode that stands in a test's code counts for nothing.
//!
//! Requests go to `NIGHTREEL_BASE_URL`, or to what [`Fixture::upstream`] says. What the program sends
//! to show who it is goes with them, unless a key of the environment is for that service:
//! `OPENROUTER_API_KEY` for `OpenRouter`, alone and behind a gateway of Cloudflare's, with
//! `CF_AIG_TOKEN` for that gateway; `OPENAI_API_KEY` for api.openai.com; and what
//! [`Fixture::api_key_env`] names for whatever service. No credential is recorded, and
//! [`Fixture::redact`] strikes more.
//!
//! The fixture is changed at the end of each test, when its server or gateway is dropped or
//! finished: in mode `record`, what the test's session had goes, and what it has recorded now comes
//! in its place; in mode `auto` that comes beside it. Other tests may do the same at that moment,
//! in this process or another one: a lock makes them take turns. A fixture is the same bytes where
//! nothing was recorded. A test that panics does not change it, and says where what it recorded is
//! left and by which command it is added; of one that is killed the next test says so that records into
//! the fixture; one that returns an error has dropped its server before, and
//! changes it. Where a request could not be sent, the test fails and the fixture stays as it was.
//!
//! A directory of texts is read anew for each server: some hundred milliseconds for 1,000 exchanges,
//! without optimisation. A store opens at once.
//!
//! A server or gateway in a `static` is never dropped. So whatever outlives the thread that started
//! it brings what was recorded into the fixture when that thread ends, and each later exchange
//! before its reply has ended, whether or not a test fails. [`Fixture::must_use_all`] is not held
//! then: nobody says when the last test is done. Name its session by [`Fixture::session`], as it is
//! else that of whichever test comes first. In mode `record` it replaces the requests that are asked
//! of it, and no others of its session: only some of the tests that share it may be run. The temporary
//! directory that is left behind is removed by the next test that needs one.
//!
//! # Where there is no network
//!
//! A test opens a port of 127.0.0.1. In a network namespace without any route, such as that of
//! `unshare -rn cargo test`, the loopback device is down; the first server brings it up, and says so
//! on standard error. [`Fixture::gateway`] replays without a socket.
//!
//! # What is still under way at the end
//!
//! Whoever records may have clients that wait, in other threads or tasks, when the server or gateway is
//! dropped or finished. As long as they can go on, they are waited for, up to a minute, and one that
//! leaves ends its request. In a `#[tokio::test]` they cannot: a runtime of one thread stands still
//! until the drop is over, and so does the thread of a task that was spawned. There everything ends at
//! once, and is recorded as given up by its client, such as by a time-out. A replay, where nothing is
//! lost, ends at once everywhere. [`FixtureServer::finish_async`] and [`FixtureGateway::finish_async`]
//! let clients of every runtime go on, and wait for them.
//!
//! # Sessions
//!
//! A test has a session of its own, by its name. A request that is asked several times in it is
//! given its recordings in order, whatever other tests ask. A session without recordings of a
//! request is lent those that were recorded without one, else those of another session: so one
//! fixture does for tests that ask the same. [`Fixture::session`] gives another name: to tests of
//! the same name in several binaries, to threads and tasks that a test starts, and to cases of a test
//! that is run several times over. A session is one test's: where two of them record the same request
//! in one, the later answer stays.
//!
//! A test may start its session several times, one after the other or at once, as one does whose
//! program runs twice. Each time but the first has a session of its own, `NAME#2`, `NAME#3`, in the
//! order in which they are started, with what was recorded the so-manieth time. In a replay one without
//! recordings is given those of the first, and need not use them.

mod chosen_mode;
mod ending;
mod environment;
mod fixture;
mod gateway;
mod hold_up;
mod left;
mod merge;
mod miss;
mod notice;
mod record_with;
mod recorded;
mod server;
mod session;
mod session_name;
mod shortfall;
#[cfg(test)]
mod tests;
mod thread_end;
mod turns;
mod worker;

pub use fixture::{Fixture, FixtureError};
pub use gateway::{AskError, FixtureGateway};
pub use left::Left;
pub use server::FixtureServer;
pub use session::FinishError;
pub use session_name::SessionNameError;
pub use shortfall::Shortfall;

pub use crate::fixture::PlaceError;
pub use crate::model::{Endpoint, Mode, Normaliser, Reply};
pub use crate::record::{Policy, SessionReport};
