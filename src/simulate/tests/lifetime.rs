//! Starting, stopping, and what can be seen meanwhile.

use std::time::Duration;

use tokio::net::TcpStream;

use super::super::{Faults, JournalLine, Options, OptionsError, SimulateError, Simulator};
use super::client::{Connection, ask, ask_chat, chat, start, try_ask, until};

#[tokio::test]
async fn a_stopped_simulator_has_no_connection_and_takes_none() {
    let simulator = start(Options::default()).await;
    let address = simulator.address();
    let mut idle = Connection::open(address).await;
    idle.send("POST", "/v1/chat/completions", &[], &chat("a")).await;
    assert_eq!(idle.receive().await.unwrap().status, 200);
    let stats = simulator.stop().await;
    assert_eq!((stats.requests, stats.in_flight, stats.answered[&200]), (1, 0, 1));
    assert!(idle.receive().await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_dropped_simulator_ends_its_connections() {
    let simulator = start(Options { faults: Faults { hang: 1.0, ..Faults::default() }, ..Options::default() }).await;
    let mut connection = Connection::open(simulator.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &chat("a")).await;
    drop(simulator);
    assert!(tokio::time::timeout(Duration::from_secs(5), connection.receive()).await.unwrap().is_err());
}

#[tokio::test]
async fn the_stats_are_served_and_do_not_count_themselves() {
    let simulator = start(Options { token: Some("secret".to_owned()), ..Options::default() }).await;
    let headers = [("cf-aig-authorization", "Bearer secret")];
    let answered = try_ask(&simulator, "/v1/chat/completions", &headers, &chat("a")).await.unwrap();
    ask_chat(&simulator, &chat("a")).await;
    let stats = ask(&simulator, "/simulator/stats", "").await.json();
    assert_eq!((&stats["requests"], &stats["billed"]), (&2.into(), &1.into()));
    assert_eq!(stats["answered"], serde_json::json!({"200": 1, "401": 1}));
    assert_eq!(stats["cost_usd"], answered.json()["usage"]["cost"]);
    assert_eq!(stats["completion_tokens"], answered.json()["usage"]["completion_tokens"]);
}

#[tokio::test]
async fn the_journal_has_a_line_for_each_request_and_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    for _ in 0..2 {
        let faults = Faults { reset: 1.0, ..Faults::default() };
        let simulator = start(Options { journal: Some(journal.clone()), faults, ..Options::default() }).await;
        try_ask(&simulator, "/v1/chat/completions?a=b", &[], &chat("a")).await.unwrap_err();
        ask(&simulator, "/v1/chat/completions", "not json").await;
        ask(&simulator, "/simulator/stats", "").await;
        assert_eq!(simulator.stop().await.journal_error, None);
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<JournalLine> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    let [first, second, ..] = lines.as_slice() else { unreachable!() };
    assert_eq!((first.status, first.fault.as_deref(), first.attempt), (None, Some("reset"), 1));
    assert_eq!((first.method.as_str(), first.in_flight, first.body_sha256.len()), ("POST", 1, 64));
    assert_eq!(first.path, "/v1/chat/completions?a=b");
    assert_eq!((second.status, second.fault.as_deref()), (Some(400), None));
    assert!(second.monotonic_us >= first.monotonic_us && second.unix_ms > 1_700_000_000_000);
    assert_eq!(lines[2].body_sha256, first.body_sha256);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_journal_that_cannot_be_written_is_told_and_does_not_stop_the_answers() {
    let simulator = start(Options { journal: Some("/dev/full".into()), ..Options::default() }).await;
    for _ in 0..3 {
        assert_eq!(ask_chat(&simulator, &chat("a")).await.status, 200);
    }
    let error = simulator.stop().await.journal_error.unwrap();
    assert!(error.starts_with("cannot write the journal /dev/full: "), "{error}");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let start = async |options| Simulator::start(options, ([127, 0, 0, 1], 0).into()).await.unwrap_err();
    let faults = Faults { reset: 2.0, ..Faults::default() };
    let error = start(Options { faults, ..Options::default() }).await;
    assert!(matches!(error, SimulateError::Options(OptionsError::Faults(_))), "{error}");
    let error = start(Options { requests_per_minute: Some(0), ..Options::default() }).await;
    assert!(matches!(error, SimulateError::Options(OptionsError::NoRoom("requests per minute"))), "{error}");
    let error = start(Options { journal: Some("/no/such/folder/journal".into()), ..Options::default() }).await;
    assert!(error.to_string().starts_with("cannot open the journal /no/such/folder/journal: "), "{error}");
    let error = start(Options { reply_bytes: Some(usize::MAX), ..Options::default() }).await;
    assert!(error.to_string().ends_with("write 268435456 at most"), "{error}");
    let error = start(Options { retry_after: Duration::MAX, ..Options::default() }).await;
    assert!(matches!(error, SimulateError::Options(OptionsError::RetryAfter(_))), "{error}");
    let first = super::client::start(Options::default()).await;
    let error = Simulator::start(Options::default(), first.address()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {}: ", first.address())), "{error}");
}

#[tokio::test]
async fn a_request_that_hangs_is_in_the_journal_and_in_flight_until_its_client_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let faults = Faults { hang: 1.0, ..Faults::default() };
    let simulator = start(Options { journal: Some(journal.clone()), faults, ..Options::default() }).await;
    let mut connection = Connection::open(simulator.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &chat("a")).await;
    until(|| std::fs::read_to_string(&journal).unwrap().contains("\"fault\":\"hang\"")).await;
    assert_eq!(simulator.stats().in_flight, 1);
    drop(connection);
    until(|| simulator.stats().in_flight == 0).await;
    assert_eq!(simulator.stats().peak_in_flight, 1);
}

#[test]
fn options_are_shown_without_credentials() {
    let secret = Some("secret".to_owned());
    let options = Options { token: secret.clone(), api_key: secret, ..Options::default() };
    let shown = format!("{options:?}");
    assert!(!shown.contains("secret") && shown.contains("has_token: true"), "{shown}");
}

#[tokio::test]
async fn an_unspecified_address_is_told_as_one_that_can_be_reached() {
    let simulator = Simulator::start(Options::default(), ([0, 0, 0, 0], 0).into()).await.unwrap();
    let port = simulator.address().port();
    assert_eq!(simulator.base_url(), format!("http://127.0.0.1:{port}/v1/simulated/simulated/openrouter"));
}

#[tokio::test]
async fn http_2_is_spoken_and_its_hanging_streams_end_with_the_simulator() {
    // Another test may have installed it already.
    _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let faults = Faults { hang: 0.3, reset: 0.3, ..Faults::default() };
    let simulator = start(Options { faults, ..Options::default() }).await;
    let url = format!("{}/chat/completions", simulator.base_url());
    let asked: Vec<_> =
        (0..40).map(|number| tokio::spawn(client.post(&url).body(chat(&number.to_string())).send())).collect();
    until(|| {
        let stats = simulator.stats();
        stats.answered.values().sum::<u64>() + stats.faults.values().sum::<u64>() == 40
    })
    .await;
    let stats = simulator.stats();
    assert!(stats.faults["hang"] > 0 && stats.faults["reset"] > 0);
    assert_eq!(simulator.stop().await.in_flight, 0);
    let mut answered = 0;
    for asked in asked {
        answered += u64::from(asked.await.unwrap().is_ok());
    }
    assert_eq!(answered, stats.answered[&200], "a reset stream leaves the others of its connection alone");
}
