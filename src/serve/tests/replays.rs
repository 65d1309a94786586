//! What is replayed, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::super::{Options, Pace, Unanswered};
use super::client::{Connection, ask, body, chat};
use super::stage::{exchange, header, replaying, replaying_with, stream, timed, whole};
use crate::model::{End, Exchange, Reply, Timing};

/// An exchange in a session, at an occurrence.
fn at(session: &str, occurrence: u32, exchange: Exchange) -> Exchange {
    Exchange { session: (!session.is_empty()).then(|| session.into()), occurrence, ..exchange }
}

#[tokio::test]
async fn a_body_in_one_piece_is_replayed_with_its_status_headers_and_length() {
    let text = "{\"a\" : 1,\r\n\t\"b\":\"\\u00e9é\"}\n ";
    let headers = vec![
        header("x-ratelimit-limit", "1"),
        header("content-type", "application/json; charset=utf-8"),
        header("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
        header("x-ratelimit-limit", "2"),
        header("content-length", "1"),
        header("retry-after", "7"),
    ];
    let reply = Reply { status: 429, headers, ..whole(text) };
    let stage = replaying(vec![exchange("a", Ok(reply))]).await;
    let answered = chat(stage.address(), "a").await;
    assert_eq!((answered.status(), answered.text().as_str(), answered.end), (429, text, Ok(())));
    let lines: Vec<_> = answered.head.lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("x-ratelimit-limit", "1"),
            ("x-ratelimit-limit", "2"),
            ("content-type", "application/json; charset=utf-8"),
            ("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
            ("retry-after", "7"),
            ("x-nightreel", "replayed"),
            ("content-length", &text.len().to_string()),
        ]
    );
}

#[tokio::test]
async fn bytes_of_any_kind_and_number_are_replayed_as_they_were() {
    let binary: Vec<u8> = (0..=255).cycle().take(10 << 20).collect();
    let gzip = Reply { headers: vec![header("content-encoding", "gzip")], ..whole(&b"\x1f\x8b\x08\0\xff"[..]) };
    let empty = Reply { status: 500, ..whole("") };
    let stage = replaying(vec![
        exchange("binary", Ok(whole(binary.clone()))),
        exchange("gzip", Ok(gzip)),
        exchange("empty", Ok(empty)),
    ])
    .await;
    assert!(chat(stage.address(), "binary").await.body() == binary);
    let gzip = chat(stage.address(), "gzip").await;
    assert_eq!((gzip.header("content-encoding"), gzip.body().as_slice()), (Some("gzip"), &b"\x1f\x8b\x08\0\xff"[..]));
    let empty = chat(stage.address(), "empty").await;
    assert_eq!((empty.status(), empty.header("content-length"), empty.header("date")), (500, Some("0"), None));
}

#[tokio::test]
async fn a_stream_is_replayed_in_the_pieces_it_came_in() {
    let pieces = ["data: {\"a\":", "1}\n\n", ": comment\n\ndata: b\n\ndata", ": [DONE]\n\n"];
    let stage = replaying(vec![
        exchange("many", Ok(stream(&pieces, End::Complete))),
        exchange("one", Ok(stream(&["data: a\n\n"], End::Complete))),
    ])
    .await;
    let many = chat(stage.address(), "many").await;
    assert_eq!((many.pieces(), many.end), (pieces.map(str::to_owned).to_vec(), Ok(())));
    assert_eq!((many.header("transfer-encoding"), many.header("content-length")), (Some("chunked"), None));
    assert_eq!(chat(stage.address(), "one").await.header("transfer-encoding"), Some("chunked"));
}

#[tokio::test]
async fn answers_come_in_order_in_each_session_and_the_header_goes_before_the_path() {
    let recording = |session, occurrence, answer: &'static str| {
        at(session, occurrence, exchange("a", Ok(whole(Bytes::from_static(answer.as_bytes())))))
    };
    let stage =
        replaying(vec![recording("", 0, "1"), recording("", 1, "2"), recording("x y", 0, "3"), recording("z", 0, "4")])
            .await;
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let answered = ask(stage.address(), "POST", path, headers, body("a")).await;
        (answered.text(), answered.header("x-nightreel-session").map(str::to_owned))
    };
    let told = |text: &str, session: Option<&str>| (text.to_owned(), session.map(str::to_owned));
    assert_eq!(ask("/v1/chat/completions", &[]).await, told("1", None));
    assert_eq!(ask("/session/x%20y/chat/completions", &[]).await, told("3", Some("x y")));
    assert_eq!(ask("/session/x/v1/chat/completions", &[("x-nightreel-session", "z")]).await, told("4", Some("z")));
    assert_eq!(ask("/openrouter/v1/chat/completions", &[]).await, told("2", None));
}

#[tokio::test]
async fn what_is_not_recorded_is_told_with_a_status_that_nobody_retries() {
    let explain = |options: Options| Options {
        explain: std::sync::Arc::new(|session, request, recorded| Unanswered {
            body: format!("{session} {recorded}").into(),
            ..Unanswered::plain(session, request, recorded)
        }),
        ..options
    };
    let stage = replaying(vec![exchange("a", Ok(whole("1")))]).await;
    let explained = replaying_with(vec![exchange("a", Ok(whole("1")))], explain).await;
    for (prompt, code) in [("a", None), ("b", Some("not_recorded")), ("a", Some("exhausted"))] {
        let answered = chat(stage.address(), prompt).await;
        if let Some(code) = code {
            assert_eq!((answered.status(), &answered.json()["error"]["code"]), (400, &code.into()));
            assert_eq!(answered.header("x-should-retry"), Some("false"));
            assert_eq!(answered.header("x-nightreel"), Some("missed"));
        } else {
            assert_eq!(answered.text(), "1");
        }
    }
    let path = "/session/s/chat/completions";
    assert_eq!(ask(explained.address(), "POST", path, &[], body("b")).await.text(), "s 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn misses_are_explained_one_at_a_time() {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let explain = move |options: Options| Options {
        explain: Arc::new(move |session, request, recorded| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Long enough for another one to come in.
            (0..100_000).for_each(|_| std::thread::yield_now());
            inside.fetch_sub(1, Ordering::SeqCst);
            Unanswered::plain(session, request, recorded)
        }),
        ..options
    };
    let stage = replaying_with(vec![exchange("a", Ok(whole("1")))], explain).await;
    let asked = ["b", "c", "d", "e", "f"].map(|prompt| chat(stage.address(), prompt));
    for answered in futures_util::future::join_all(asked).await {
        assert_eq!(answered.status(), 400);
    }
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_has_closed_its_writing_half_is_answered() {
    // It is gone long before the reply comes.
    let timing = Timing { queued_us: 0, first_byte_us: 50_000, total_us: 60_000 };
    let exchanges =
        vec![timed("a", Ok(whole("1")), timing), timed("b", Ok(stream(&["2", "3"], End::Complete)), timing)];
    let stage = replaying_with(exchanges, |options| Options { pace: Pace::RECORDED, ..options }).await;
    for (prompt, text) in [("a", "1"), ("b", "23")] {
        let mut connection = Connection::open(stage.address()).await;
        connection.write_last(super::client::request("POST", "/v1/chat/completions", &[], &body(prompt))).await;
        assert_eq!(connection.receive().await.unwrap().text(), text);
    }
}

#[tokio::test]
async fn one_connection_takes_one_request_after_the_other_sent_at_once_or_not() {
    let exchanges = (0..3).map(|number| exchange(&number.to_string(), Ok(whole(number.to_string()))));
    let stage = replaying(exchanges.collect()).await;
    let mut connection = Connection::open(stage.address()).await;
    let requests = (0..3).map(|number| {
        let body = body(&number.to_string());
        super::client::request("POST", "/v1/chat/completions", &[], &body)
    });
    connection.write(requests.collect::<String>()).await;
    for number in 0..3 {
        assert_eq!(connection.receive().await.unwrap().text(), number.to_string());
    }
    connection.send("GET", "/nightreel/health", &[], "").await;
    assert_eq!(connection.receive().await.unwrap().json()["status"], "ok");
}
