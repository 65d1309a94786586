//! Clients that leave before the end.

use super::client::{Connection, body, chat, until};
use super::stage::{Stage, only_reply, recording, replaying};
use super::upstream::{Received, Upstream};
use crate::model::{End, FaultKind};

#[tokio::test]
async fn a_client_that_leaves_within_a_body_ends_the_request() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    received.begin_stream().await;
    received.chunk(": a\n\n").await;
    connection.head().await.unwrap();
    assert_eq!(connection.chunk().await.unwrap(), b": a\n\n");
    drop(connection);
    received.closed().await;
    let reply = only_reply(stage.stop().await).unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (&b": a\n\n"[..], End::GivenUp));
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

/// The events of a stream at which clients leave, and what came before them.
const LAST_EVENTS: [&str; 6] = [
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},\"choices\":[]}\n\n",
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
    "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}\n\n",
    "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\"}\n\n",
];
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"cost\":0.5}}\n\n";

/// A client that has had some events, and leaves.
async fn leave_after(stage: &Stage, upstream: &Upstream, prompt: &str, events: &str) -> Received {
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body(prompt)).await;
    let mut received = upstream.receive().await;
    received.begin_stream().await;
    received.chunk(events).await;
    connection.head().await.unwrap();
    assert_eq!(connection.chunk().await.unwrap(), events.as_bytes());
    received
}

#[tokio::test]
async fn a_client_that_leaves_after_the_last_event_has_had_all() {
    for events in LAST_EVENTS {
        let upstream = Upstream::start().await;
        let stage = recording(&upstream.base_url()).await;
        let mut received = leave_after(&stage, &upstream, "a", events).await;
        // What follows costs nothing more, and says what it cost.
        received.chunk(USAGE).await;
        let ended = tokio::spawn(received.end_stream());
        let [exchange] = <[_; 1]>::try_from(stage.stop().await).unwrap();
        ended.await.unwrap();
        let attempt = &exchange.attempt;
        let told = (!events.contains("[DONE]")).then_some(0.5);
        assert_eq!((attempt.stands(), attempt.cost_usd), (true, told), "{events}");
        let reply = attempt.reply.as_ref().unwrap();
        assert_eq!((reply.body.as_ref(), reply.end), ([events, USAGE].concat().as_bytes(), End::Complete));
    }
}

#[tokio::test]
async fn an_error_within_an_answer_has_a_cost_that_nobody_knows() {
    for (begun, unpriced) in [("", 0), ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", 1)] {
        let upstream = Upstream::start().await;
        let stage = recording(&upstream.base_url()).await;
        let received = leave_after(&stage, &upstream, "a", &[begun, LAST_EVENTS[2]].concat()).await;
        let ended = tokio::spawn(received.end_stream());
        until(|| stage.server.under_way() == 0).await;
        assert_eq!(stage.playback.report().unwrap().unpriced_live, unpriced, "{begun}");
        let replay = replaying(stage.stop().await).await;
        chat(replay.address(), "a").await;
        assert_eq!(replay.playback.report().unwrap().unpriced_hits, unpriced, "{begun}");
        ended.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_goes_on_after_the_last_event_does_not_make_it_another_stream() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut going_on = Vec::new();
    for (number, events) in LAST_EVENTS.into_iter().enumerate() {
        going_on.push(leave_after(&stage, &upstream, &number.to_string(), events).await);
    }
    for received in &mut going_on {
        received.closed().await;
    }
    let exchanges = stage.stop().await;
    assert_eq!(exchanges.len(), LAST_EVENTS.len());
    for (exchange, events) in exchanges.iter().zip(LAST_EVENTS) {
        let reply = exchange.attempt.reply.as_ref().unwrap();
        assert_eq!((reply.body.as_ref(), reply.end), (events.as_bytes(), End::Complete));
        assert!(exchange.attempt.stands(), "{:?}", exchange.attempt);
    }
}
