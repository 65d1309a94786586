//! Clients that speak HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use reqwest::{Client, Version};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::Pace;
use super::super::reply_body::{BEFORE_RESET, Cutter, Flow, ReplyBody};
use super::super::score::Play;
use super::client::body;
use super::stage::{Stage, exchange, recording, replaying, stream, whole};
use super::upstream::Upstream;
use crate::listener::Link;
use crate::model::{End, Fault, FaultKind};

fn client() -> Client {
    // Another test may have installed it already.
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().http2_prior_knowledge().no_proxy().build().unwrap()
}

async fn post(client: &Client, stage: &Stage, prompt: &str) -> reqwest::Result<reqwest::Response> {
    client.post(format!("{}/chat/completions", stage.server.base_url())).body(body(prompt)).send().await
}

/// The body of a response, and whether it came to its end.
async fn read(mut response: reqwest::Response) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => read.extend_from_slice(&piece),
            Ok(None) => return (read, true),
            Err(_) => return (read, false),
        }
    }
}

#[tokio::test]
async fn many_streams_are_replayed_at_once_and_only_those_that_were_cut_are_reset() {
    let long = "x".repeat(300_000);
    let pieces = [long.as_str(), "b", &long, "c"];
    let exchanges = (0..40).map(|number: usize| {
        let end = if number.is_multiple_of(2) { End::Complete } else { End::Reset };
        exchange(&number.to_string(), Ok(stream(&pieces, end)))
    });
    let stage = replaying(exchanges.collect()).await;
    let client = client();
    let asked = (0..40_usize).map(|number| {
        let (client, stage) = (&client, &stage);
        async move {
            let response = post(client, stage, &number.to_string()).await.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            let (body, is_whole) = read(response).await;
            assert!(body == pieces.concat().as_bytes(), "{number}: {} bytes came", body.len());
            assert_eq!(is_whole, number.is_multiple_of(2), "{number}");
        }
    });
    futures_util::future::join_all(asked).await;
}

#[tokio::test]
async fn a_stream_without_a_reply_is_reset_and_leaves_its_connection_alone() {
    let fault = Fault { kind: FaultKind::Reset, message: "it".to_owned() };
    let stage = replaying(vec![exchange("a", Err(fault)), exchange("b", Ok(whole("1")))]).await;
    let client = client();
    assert!(post(&client, &stage, "a").await.is_err());
    assert_eq!(post(&client, &stage, "b").await.unwrap().text().await.unwrap(), "1");
}

#[tokio::test]
async fn a_stream_that_is_given_up_gives_the_request_up() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let client = client();
    let asked = async {
        let mut response = post(&client, &stage, "a").await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), ": a\n\n");
    };
    let answered = async {
        let mut received = upstream.receive().await;
        received.begin_stream().await;
        received.chunk(": a\n\n").await;
        received
    };
    let (mut received, ()) = tokio::join!(answered, asked);
    tokio::time::timeout(Duration::from_secs(10), received.closed()).await.unwrap();
    let [exchange] = <[_; 1]>::try_from(stage.stop().await).unwrap();
    let reply = exchange.attempt.reply.unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (&b": a\n\n"[..], End::GivenUp));
}

#[tokio::test(start_paused = true)]
async fn a_reset_comes_some_time_after_the_last_piece() {
    let recorded = exchange("a", Ok(stream(&["data: a\n\n", "data: b\n\n"], End::Reset))).attempt;
    let Play::Reply(score) = Play::of(recorded, Pace::default()) else { panic!("it is a reply") };
    let played = ReplyBody::played(score, Version::HTTP_2, Instant::now(), Link::default());
    let (pieces, flow) = mpsc::channel(2);
    pieces.send(Flow::Piece(Bytes::from_static(b"data: a\n\n"))).await.unwrap();
    drop(pieces);
    let passed_on = ReplyBody::passed_on(flow, None, Cutter::new(Link::default(), Version::HTTP_2));
    for (mut body, count) in [(played, 2), (passed_on, 1)] {
        for _ in 0..count {
            drop(body.frame().await.unwrap().unwrap());
        }
        let taken = Instant::now();
        assert!(body.frame().await.unwrap().is_err());
        assert!(taken.elapsed() >= BEFORE_RESET, "{:?}", taken.elapsed());
    }
}
