//! Faults of what the server sends to: the client sees them now, and again in a replay.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::client::{Connection, body, chat};
use super::stage::{only_reply, recording, recording_with, replaying, stream};
use super::upstream::Upstream;
use crate::gateway::{Gateway, Response, Tag};
use crate::model::{Chunk, End, Fault, FaultKind, Reply, Request, Timing};

#[tokio::test]
async fn a_connection_that_breaks_within_a_body_is_cut_after_the_same_pieces() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let (live, ()) = tokio::join!(chat(stage.address(), "a"), async {
        let mut received = upstream.receive().await;
        received.begin_stream().await;
        received.chunk("data: a\n\n").await;
        received.chunk("data: b").await;
    });
    assert_eq!((live.text().as_str(), live.end), ("data: a\n\ndata: b", Err(io::ErrorKind::UnexpectedEof)));
    let exchanges = stage.stop().await;
    assert_eq!(only_reply(exchanges.clone()).unwrap().end, End::Reset);
    let replay = replaying(exchanges).await;
    let replayed = chat(replay.address(), "a").await;
    assert_eq!((replayed.pieces(), replayed.end), (live.pieces(), live.end));
}

#[tokio::test]
async fn a_client_without_chunks_sees_a_broken_stream_as_a_reset() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    for (ends, expected) in [(false, Some(io::ErrorKind::ConnectionReset)), (true, None)] {
        let mut connection = Connection::open(stage.address()).await;
        let prompt = if ends { "whole" } else { "cut" };
        let request = super::client::request("POST", "/v1/chat/completions", &[], &body(prompt));
        connection.write(request.replacen("HTTP/1.1", "HTTP/1.0", 1)).await;
        let mut received = upstream.receive().await;
        received.begin_stream().await;
        received.chunk("data: a\n\n").await;
        assert_eq!(connection.head().await.unwrap().header("content-length"), None);
        if ends {
            tokio::spawn(received.end_stream());
        } else {
            drop(received);
        }
        let (body, end) = connection.until_the_end().await;
        assert_eq!((body.as_slice(), end), (&b"data: a\n\n"[..], expected), "{prompt}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_a_reply_leaves_the_client_without_one() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    drop(upstream.receive().await);
    assert!(connection.receive().await.is_err());
    assert_eq!(only_reply(stage.stop().await).unwrap_err().kind, FaultKind::Reset);
}

#[tokio::test]
async fn a_silence_that_is_too_long_ends_with_a_cut() {
    let upstream = Upstream::start().await;
    let patience = Duration::from_millis(100);
    let stage = recording_with(
        &upstream.base_url(),
        |options| options,
        |gateway| crate::gateway::Options { idle_timeout: patience, ..gateway },
    )
    .await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let silent = upstream.receive().await;
    assert!(connection.receive().await.is_err());
    let (live, silent_too) = tokio::join!(chat(stage.address(), "b"), async {
        let mut received = upstream.receive().await;
        received.begin_stream().await;
        received.chunk("data: a\n\n").await;
        received
    });
    assert_eq!((live.text().as_str(), live.end), ("data: a\n\n", Err(io::ErrorKind::UnexpectedEof)));
    drop((silent, silent_too));
    let exchanges = stage.stop().await;
    assert_eq!(exchanges[0].attempt.reply.as_ref().unwrap_err().kind, FaultKind::TimedOut);
    assert_eq!(exchanges[1].attempt.reply.as_ref().unwrap().end, End::TimedOut);
    let replay = replaying(exchanges).await;
    let begun = std::time::Instant::now();
    assert_eq!(chat(replay.address(), "b").await.text(), "data: a\n\n");
    assert!(begun.elapsed() >= patience.mul_f64(0.9), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_by_name_and_leaves_nothing_on_record() {
    let nowhere = Upstream::start().await.base_url();
    let stage = recording(&nowhere).await;
    let refused = chat(stage.address(), "a").await;
    assert_eq!((refused.status(), refused.header("x-nightreel"), refused.header("x-should-retry")), (502, None, None));
    let authority = nowhere.trim_start_matches("http://").trim_end_matches("/v1");
    assert!(refused.message().contains(authority), "{}", refused.message());
    assert_eq!(stage.stop().await, []);
}

#[tokio::test]
async fn what_goes_on_in_another_protocol_is_told_and_leaves_nothing_on_record() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let switches = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let (refused, _received) = tokio::join!(chat(stage.address(), "a"), async {
        let mut received = upstream.receive().await;
        received.write(switches).await;
        received
    });
    assert_eq!((refused.status(), refused.header("x-should-retry")), (502, Some("false")));
    assert!(refused.message().contains("in another protocol (status 101)"), "{}", refused.message());
    assert_eq!(stage.stop().await, []);
}

/// Answers with a body that is longer than what is taken, its first piece apart.
struct Endless(&'static str);

impl Gateway for Endless {
    fn send<'a>(&'a self, _: &'a Request, _: &'a Tag) -> BoxFuture<'a, Result<Response, Fault>> {
        let mut body = vec![0; Response::LONGEST_BODY + 1];
        body[..self.0.len()].copy_from_slice(self.0.as_bytes());
        let chunks = vec![Chunk { offset_us: 1, length: self.0.len() }];
        let reply = Reply { body: Bytes::from(body), chunks, ..stream(&[], End::Complete) };
        async move { Ok(Response::replayed(reply, Timing::default())) }.boxed()
    }
}

#[tokio::test]
async fn a_reply_that_is_too_long_is_cut_and_whoever_runs_the_server_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = Arc::clone(&told);
    let stage = recording_with(
        "http://127.0.0.1:9/v1",
        |mut options| {
            let upstream = options.upstream.as_mut().unwrap();
            upstream.gateway = Arc::new(Endless("data: a\n\n"));
            upstream.notice = Some(Arc::new(move |notice: &str| notices.lock().unwrap().push(notice.to_owned())));
            options
        },
        |gateway| gateway,
    )
    .await;
    let cut = chat(stage.address(), "a").await;
    assert_eq!((cut.text().as_str(), cut.end), ("data: a\n\n", Err(io::ErrorKind::UnexpectedEof)));
    let reply = only_reply(stage.stop().await).unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (&b"data: a\n\n"[..], End::Reset));
    let [notice] = <[String; 1]>::try_from(std::mem::take(&mut *told.lock().unwrap())).unwrap();
    assert!(notice.starts_with("a reply to chat/completions test/model was cut"), "{notice}");
    assert!(notice.contains("longer than 134217728 bytes"), "{notice}");
}
