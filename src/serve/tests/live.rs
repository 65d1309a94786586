//! What is passed on while it comes, and recorded.

use std::sync::Arc;

use super::client::{Connection, ask, body, chat};
use super::stage::{only_reply, recorded, recording, replaying};
use super::upstream::Upstream;
use crate::model::{Class, End, Endpoint};

#[tokio::test]
async fn a_piece_goes_out_while_the_next_one_has_not_come() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    assert_eq!(received.body, body("a"));
    let pieces = [
        ": PROCESSING\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    ];
    received.begin_stream().await;
    let head = connection.head().await.unwrap();
    assert_eq!((head.status, head.header("x-nightreel")), (200, Some("live")));
    for piece in pieces {
        received.chunk(piece).await;
        assert_eq!(connection.chunk().await.unwrap(), piece.as_bytes());
    }
    let ended = tokio::spawn(received.end_stream());
    assert_eq!(connection.chunk().await.unwrap(), b"");
    // Whoever has the end has it on record: nothing has been stopped.
    let exchanges = recorded(&stage.directory);
    let attempt = &exchanges[0].attempt;
    let reply = attempt.reply.as_ref().unwrap();
    assert_eq!((reply.body.as_ref(), reply.end), (pieces.concat().as_bytes(), End::Complete));
    assert_eq!(reply.chunks.iter().map(|chunk| chunk.length).collect::<Vec<_>>(), pieces.map(str::len));
    assert!(reply.chunks.is_sorted_by_key(|chunk| chunk.offset_us));
    assert!(attempt.timing.first_byte_us <= reply.chunks[0].offset_us);
    assert!(attempt.timing.total_us >= reply.chunks[2].offset_us);
    assert_eq!((exchanges[0].occurrence, &exchanges[0].session, attempt.class), (0, &None, Class::Answered));
    let offline = replaying(exchanges).await;
    assert_eq!(chat(offline.address(), "a").await.pieces(), pieces);
    stage.stop().await;
    ended.await.unwrap();
}

#[tokio::test]
async fn what_a_server_says_is_passed_on_and_recorded_whatever_it_is() {
    let gzip: &[u8] = b"\x1f\x8b\x08\0{}";
    for (status, headers, answer) in [
        (
            "429 Too Many Requests",
            "retry-after: 7\r\nx-ratelimit-limit: 1\r\nx-ratelimit-limit: 2\r\n",
            &b"{\"error\":{}}"[..],
        ),
        ("500 Internal Server Error", "x-should-retry: false\r\nset-cookie: a=b\r\n", b""),
        ("200 OK", "content-encoding: gzip\r\ncontent-type: application/json\r\n", gzip),
        ("302 Found", "location: https://x/y?z\r\n", b"<html>"),
    ] {
        let upstream = Upstream::start().await;
        let stage = recording(&upstream.base_url()).await;
        let (live, ()) = tokio::join!(chat(stage.address(), "a"), async {
            upstream.receive().await.answer(status, headers, answer).await;
        });
        assert_eq!((live.status().to_string().as_str(), live.body().as_slice()), (&status[..3], answer));
        assert_eq!(live.header("set-cookie"), None);
        let replay = replaying(stage.stop().await).await;
        let replayed = chat(replay.address(), "a").await;
        assert_eq!((replayed.status(), replayed.body()), (live.status(), live.body()));
        let location = ["https://x/y?z", "https://x/y"].map(|url| status.starts_with("302").then_some(url));
        assert_eq!([live.header("location"), replayed.header("location")], location, "a query is passed on, not kept");
        let own = ["x-nightreel", "location"];
        let lines = |answered: super::client::Answered| {
            let lines = answered.head.lines.into_iter();
            lines.filter(|(name, _)| !own.contains(&name.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(lines(replayed), lines(live), "{status}");
    }
}

#[tokio::test]
async fn each_request_is_an_occurrence_and_serves_whoever_asks_without_a_session() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let answer = r#"{"choices":[{"message":{"content":"1"},"finish_reason":"stop"}]}"#;
    let path = "/session/s/v1/chat/completions";
    for (status, answer) in [("503 Busy", "{}"), ("200 OK", answer)] {
        let (live, ()) = tokio::join!(ask(stage.address(), "POST", path, &[], body("a")), async {
            upstream.receive().await.answer(status, "", answer).await;
        });
        assert_eq!((live.text().as_str(), live.header("x-nightreel")), (answer, Some("live")));
    }
    // The failure too: what comes of a retry is what came of it.
    for (text, status) in [("{}", 503), (answer, 200)] {
        let replayed = ask(stage.address(), "POST", "/v1/chat/completions", &[], body("a")).await;
        assert_eq!((replayed.status(), replayed.text().as_str()), (status, text));
        assert_eq!(replayed.header("x-nightreel"), Some("replayed"));
    }
    let exchanges = stage.stop().await;
    let told: Vec<_> = exchanges.iter().map(|kept| (kept.occurrence, kept.session.as_deref())).collect();
    assert_eq!(told, [(0, Some("s")), (1, Some("s"))]);
}

#[tokio::test]
async fn models_are_asked_for_with_their_query_but_for_a_key_in_it() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let path = "/v1/models?supported_parameters=tools&api_key=sk-secret";
    let playback = Arc::clone(&stage.playback);
    let (live, request) = tokio::join!(ask(stage.address(), "GET", path, &[], ""), async {
        let received = upstream.receive().await;
        let line = received.head.lines().next().unwrap().to_owned();
        received.answer("200 OK", "content-type: application/json\r\n", r#"{"data":[]}"#).await;
        line
    });
    assert_eq!(
        (live.text().as_str(), request.as_str()),
        (r#"{"data":[]}"#, "GET /v1/models?supported_parameters=tools HTTP/1.1")
    );
    let [kept] = <[_; 1]>::try_from(stage.stop().await).unwrap();
    assert_eq!(kept.request.endpoint, Endpoint::Models);
    assert_eq!(kept.request.body, r#"{"supported_parameters":"tools"}"#);
    // No reply says what it cost, and it costs nothing.
    assert_eq!((kept.attempt.cost_usd, playback.report().unwrap().unpriced_live), (Some(0.0), 0));
}

#[tokio::test]
async fn a_query_goes_on_and_a_deployment_is_a_model_of_its_own() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let path = |name: &str| format!("/openai/deployments/{name}/chat/completions?api-version=2024-10-21&api-key=sk");
    let asked = r#"{"messages":[]}"#;
    for name in ["gpt-a", "gpt-b"] {
        let answer = format!(r#"{{"choices":[{{"message":{{"content":"{name}"}},"finish_reason":"stop"}}]}}"#);
        let path = path(name);
        let (live, request) = tokio::join!(ask(stage.address(), "POST", &path, &[], asked), async {
            let received = upstream.receive().await;
            let told = (received.head.lines().next().unwrap().to_owned(), received.body.clone());
            received.answer("200 OK", "content-type: application/json\r\n", &answer).await;
            told
        });
        assert_eq!(live.text(), answer);
        assert_eq!(request.0, "POST /v1/chat/completions?api-version=2024-10-21 HTTP/1.1");
        assert_eq!(request.1, asked, "it is sent as it came");
    }
    let replay = replaying(stage.stop().await).await;
    for name in ["gpt-b", "gpt-a"] {
        let path = path(name).replace("2024", "2025");
        assert!(ask(replay.address(), "POST", &path, &[], asked).await.text().contains(name), "{name}");
    }
}

const LIST: &str = r#"{"data": [{"id":"author/large"}, {"id": "author/small", "context_length": 1e3}]}"#;

#[tokio::test]
async fn a_list_of_models_is_never_used_up_and_each_of_it_can_be_asked_for() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let headers = "content-type: application/json\r\n";
    tokio::join!(ask(stage.address(), "GET", "/v1/models", &[], ""), async {
        upstream.receive().await.answer("200 OK", headers, LIST).await;
    });
    let replay = replaying(stage.stop().await).await;
    for _ in 0..3 {
        let list = ask(replay.address(), "GET", "/v1/models", &[], "").await;
        assert_eq!((list.text().as_str(), list.header("x-nightreel")), (LIST, Some("replayed")));
        let one = ask(replay.address(), "GET", "/v1/models/author%2Fsmall", &[], "").await;
        assert_eq!(one.text(), r#"{"id": "author/small", "context_length": 1e3}"#);
    }
    assert_eq!(ask(replay.address(), "GET", "/v1/models/author/else", &[], "").await.status(), 404);
}

#[tokio::test]
async fn one_model_is_asked_for_where_no_list_has_it_and_recorded() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let path = "/v1/models/author/new%20one";
    let (live, request) = tokio::join!(ask(stage.address(), "GET", path, &[], ""), async {
        let received = upstream.receive().await;
        let line = received.head.lines().next().unwrap().to_owned();
        received.answer("200 OK", "content-type: application/json\r\n", r#"{"id":"x"}"#).await;
        line
    });
    assert_eq!((live.text().as_str(), request.as_str()), (r#"{"id":"x"}"#, "GET /v1/models/author/new%20one HTTP/1.1"));
    assert_eq!(live.header("x-nightreel"), Some("live"));
    assert_eq!(ask(stage.address(), "GET", path, &[], "").await.header("x-nightreel"), Some("replayed"));
    let exchanges = stage.stop().await;
    assert_eq!(exchanges[0].request.body, r#""author/new one""#);
    let replay = replaying(exchanges).await;
    for _ in 0..2 {
        assert_eq!(ask(replay.address(), "GET", path, &[], "").await.text(), r#"{"id":"x"}"#);
    }
}

#[tokio::test]
async fn ten_megabytes_pass_through_as_they_are() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let answer: Vec<u8> = (0..=255).cycle().take(10 << 20).collect();
    let (live, ()) = tokio::join!(chat(stage.address(), "a"), async {
        upstream.receive().await.answer("200 OK", "", &answer).await;
    });
    assert!(live.body() == answer);
    assert!(only_reply(stage.stop().await).unwrap().body == answer);
}
