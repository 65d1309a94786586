//! Starting and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::super::{Exposure, Options, Server, run};
use super::client::{Connection, PATIENCE, ask, body, chat, request, until};
use super::stage::{LOOPBACK, exchange, only_reply, options, recorded, recording, recording_with, replaying, whole};
use super::upstream::Upstream;
use crate::clock::now_ms;
use crate::model::{End, Mode};
use crate::record::{Playback, PlaybackOptions};
use crate::store::{Access, Store};

#[tokio::test]
async fn a_stopped_server_has_no_connection_and_takes_none() {
    let stage = replaying(vec![exchange("a", Ok(whole("1")))]).await;
    let address = stage.address();
    let mut idle = Connection::open(address).await;
    idle.send("GET", "/nightreel/health", &[], "").await;
    assert_eq!(idle.receive().await.unwrap().status(), 200);
    stage.server.stop().await.unwrap();
    assert!(idle.receive().await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_come_whole_holds_no_server_that_stops() {
    let upstream = Upstream::start().await;
    let grace = |options| Options { grace: PATIENCE, ..options };
    let stage = recording_with(&upstream.base_url(), grace, |gateway| gateway).await;
    let whole = request("POST", "/v1/chat/completions", &[], &body("a"));
    let nowhere = request("POST", "/nowhere", &[], &body("a"));
    let (head, but_its_end) = (whole.find("\r\n\r\n").unwrap(), |text: &str| text[..text.len() - 3].to_owned());
    let beginnings = [
        whole[..head].to_owned(),
        "PO".to_owned(),
        "PRI * HTTP/2.0\r\n".to_owned(),
        but_its_end(&whole),
        but_its_end(&nowhere),
    ];
    let mut connections = Vec::new();
    for beginning in beginnings {
        let mut connection = Connection::open(stage.address()).await;
        connection.write(beginning).await;
        connections.push(connection);
    }
    // One after the other is accepted and read: those before it are by now.
    assert_eq!(ask(stage.address(), "GET", "/nightreel/health", &[], "").await.status(), 200);
    let stopping = Instant::now();
    assert_eq!(stage.stop().await, []);
    assert!(stopping.elapsed() < PATIENCE / 2, "{:?}", stopping.elapsed());
    for mut connection in connections {
        assert!(connection.receive().await.is_err());
    }
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut_and_recorded_as_far_as_it_came() {
    let upstream = Upstream::start().await;
    let grace = |options| Options { grace: Duration::from_millis(50), ..options };
    let stage = recording_with(&upstream.base_url(), grace, |gateway| gateway).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    received.begin_stream().await;
    received.chunk(": a\n\n").await;
    connection.head().await.unwrap();
    connection.chunk().await.unwrap();
    let reply = only_reply(stage.stop().await).unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (&b": a\n\n"[..], End::GivenUp));
    assert!(connection.chunk().await.is_err());
    received.closed().await;
}

#[tokio::test]
async fn what_is_cut_at_the_end_is_counted_and_what_its_client_left_is_not() {
    let upstream = Upstream::start().await;
    let mut playback = None;
    let stage = recording_with(
        &upstream.base_url(),
        |options| {
            playback = Some(Arc::clone(&options.playback));
            options
        },
        |gateway| gateway,
    )
    .await;
    let playback = playback.unwrap();
    let mut connections = Vec::new();
    for prompt in ["left", "cut"] {
        let mut connection = Connection::open(stage.address()).await;
        connection.send("POST", "/v1/chat/completions", &[], &body(prompt)).await;
        let mut received = upstream.receive().await;
        received.begin_stream().await;
        connection.head().await.unwrap();
        connections.push((connection, received));
    }
    assert_eq!(stage.server.under_way(), 2);
    let (left, mut given_up) = connections.remove(0);
    drop(left);
    given_up.closed().await;
    until(|| stage.server.under_way() == 1).await;
    assert_eq!(playback.report().unwrap().cut, 0);
    // The grace is a minute, and nobody waits for it.
    stage.server.stop_unless(std::future::ready(())).await.unwrap();
    assert_eq!(playback.report().unwrap().cut, 1);
    let ends = recorded(&stage.directory).into_iter().map(|kept| kept.attempt.reply.unwrap().end);
    assert_eq!(ends.collect::<Vec<_>>(), [End::GivenUp; 2]);
}

#[tokio::test]
async fn what_comes_to_its_end_within_the_grace_is_answered() {
    let upstream = Upstream::start().await;
    let grace = |options| Options { grace: Duration::from_secs(20), ..options };
    let stage = recording_with(&upstream.base_url(), grace, |gateway| gateway).await;
    let address = stage.address();
    let asked = tokio::spawn(chat(address, "a"));
    let received = upstream.receive().await;
    let stopped = tokio::spawn(stage.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    received.answer("200 OK", "", "1").await;
    assert_eq!(asked.await.unwrap().text(), "1");
    assert_eq!(only_reply(stopped.await.unwrap()).unwrap().body, "1");
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    drop(stage.server);
    assert!(connection.receive().await.is_err());
    received.closed().await;
    until(|| recorded(&stage.directory).len() == 1).await;
}

#[tokio::test]
async fn a_server_that_replays_all_its_life_leaves_no_trace_and_one_that_sends_leaves_a_run() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let path = stage.directory.path().join("store.db");
    let runs = || Store::open(&path, Access::ReadOnly).unwrap().reader().unwrap().runs().unwrap();
    assert_eq!(runs(), []);
    let (_, ()) = tokio::join!(chat(stage.address(), "goes on in another protocol, which is not kept"), async {
        upstream.receive().await.answer("101 Switching Protocols", "connection: upgrade\r\nupgrade: x\r\n", "").await;
    });
    for prompt in ["a", "b"] {
        let (_, ()) = tokio::join!(chat(stage.address(), prompt), async {
            upstream.receive().await.answer("200 OK", "", "{}").await;
        });
    }
    stage.server.stop().await.unwrap();
    let [run] = <[_; 1]>::try_from(runs()).unwrap();
    assert_eq!((run.begun.job.as_str(), run.begun.row_count, run.begun.item_count), ("served", 2, 2));
    assert_eq!((run.begun.mode.as_str(), run.ended.as_deref()), ("auto", Some("complete")));
    let store = Store::open(&path, Access::ReadWrite).unwrap();
    store.lease("served", false, now_ms()).unwrap().release().unwrap();
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_kept() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let connection = rusqlite::Connection::open(stage.directory.path().join("store.db")).unwrap();
    connection.execute_batch("ALTER TABLE lease RENAME TO elsewhere").unwrap();
    let refused = chat(stage.address(), "a").await;
    assert_eq!((refused.status(), refused.header("x-should-retry")), (500, Some("false")));
    assert!(refused.message().starts_with("nothing was sent, because what came back could not be kept: "));
    connection.execute_batch("ALTER TABLE elsewhere RENAME TO lease").unwrap();
    let (answered, ()) = tokio::join!(chat(stage.address(), "a"), async {
        upstream.receive().await.answer("200 OK", "", "1").await;
    });
    assert_eq!(answered.text(), "1");
}

#[tokio::test]
async fn a_server_beside_another_records_under_a_name_of_its_own() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let path = stage.directory.path().join("store.db");
    let store = Store::open(&path, Access::ReadWrite).unwrap();
    let lease = store.lease("served", false, now_ms()).unwrap();
    let (answered, ()) = tokio::join!(chat(stage.address(), "a"), async {
        upstream.receive().await.answer("200 OK", "", "1").await;
    });
    assert_eq!(answered.text(), "1");
    stage.server.stop().await.unwrap();
    let jobs: Vec<String> = store.reader().unwrap().runs().unwrap().into_iter().map(|run| run.begun.job).collect();
    assert_eq!(jobs, ["served-2"]);
    lease.release().unwrap();
}

#[tokio::test]
async fn another_machine_is_answered_only_where_that_is_asked_for() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store.db"), Access::ReadWrite).unwrap();
    for (mode, exposure, expected) in [
        (Mode::Replay, Exposure::Loopback, Some("could read all that is recorded")),
        (Mode::Replay, Exposure::Replays, None),
        (Mode::Replay, Exposure::Everything, None),
        (Mode::Auto, Exposure::Loopback, Some("could read all that is recorded")),
        (Mode::Auto, Exposure::Replays, Some("could spend with the credentials of this one")),
        (Mode::Auto, Exposure::Everything, None),
    ] {
        let playback = PlaybackOptions { mode, ..PlaybackOptions::default() };
        let playback = Arc::new(Playback::new(vec![store.clone()], playback).unwrap());
        let sending = options(&directory, "http://127.0.0.1:9/v1", |gateway| gateway);
        let started = Server::start(Options { playback, exposure, ..sending }, everywhere).await;
        let told = started.as_ref().err().map(ToString::to_string);
        assert_eq!(told.is_some(), expected.is_some(), "{mode:?} {exposure:?}: {told:?}");
        assert!(told.unwrap_or_default().ends_with(expected.unwrap_or_default()));
        if let Ok(server) = started {
            assert!(server.base_url().starts_with("http://127.0.0.1:"));
        }
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store.db"), Access::ReadWrite).unwrap();
    let playback = Arc::new(Playback::new(vec![store], PlaybackOptions::default()).unwrap());
    let error = Server::start(Options::new(playback), LOOPBACK.into()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a server of mode auto sends what is not recorded, and there is nothing to send with"
    );
    let first = replaying(Vec::new()).await;
    let playback = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    let playback = Arc::new(Playback::new(Vec::new(), playback).unwrap());
    let error = Server::start(Options::new(playback), first.address()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {}: ", first.address())), "{error}");
}

#[tokio::test]
async fn a_server_runs_on_a_listener_until_it_is_told_to_stop() {
    let playback = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    let playback = Arc::new(Playback::new(Vec::new(), playback).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { _ = stopped.await };
    let asked = async {
        assert_eq!(chat(address, "a").await.status(), 400);
        stop.send(()).unwrap();
    };
    let (ran, ()) = tokio::join!(run(Options::new(playback), listener, shutdown), asked);
    ran.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
