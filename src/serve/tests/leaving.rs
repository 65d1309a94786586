//! Clients that leave before the end.

use super::client::{Connection, body};
use super::stage::{only_reply, recording};
use super::upstream::Upstream;
use crate::model::{End, FaultKind};

#[tokio::test]
async fn a_client_that_leaves_within_a_body_ends_the_request() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    received.begin_stream().await;
    received.chunk("data: a\n\n").await;
    connection.head().await.unwrap();
    assert_eq!(connection.chunk().await.unwrap(), b"data: a\n\n");
    drop(connection);
    received.closed().await;
    let reply = only_reply(stage.stop().await).unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (&b"data: a\n\n"[..], End::GivenUp));
}

#[tokio::test]
async fn a_client_that_leaves_before_a_reply_ends_the_request() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    drop(connection);
    received.closed().await;
    let fault = only_reply(stage.stop().await).unwrap_err();
    assert_eq!(fault.kind, FaultKind::GivenUp);
}

#[tokio::test]
async fn a_client_that_leaves_after_the_last_event_has_had_all() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    received.begin_stream().await;
    received.chunk(events).await;
    connection.head().await.unwrap();
    assert_eq!(connection.chunk().await.unwrap(), events.as_bytes());
    drop(connection);
    let ended = tokio::spawn(received.end_stream());
    let reply = only_reply(stage.stop().await).unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (events.as_bytes(), End::Complete));
    ended.await.unwrap();
}
