//! How what did not come to its end is replayed.

use std::io;
use std::time::{Duration, Instant};

use super::client::{Connection, body, chat};
use super::stage::{exchange, replaying, stream, timed, whole};
use crate::model::{End, Fault, FaultKind, Reply, Timing};

const PIECES: [&str; 3] = ["data: a\n\n", "data: b\n\n", "da"];

fn fault(kind: FaultKind) -> Fault {
    Fault { kind, message: "127.0.0.1:9 refused the connection".to_owned() }
}

#[tokio::test]
async fn a_body_that_was_cut_is_cut_after_the_same_pieces() {
    for end in [End::Reset, End::GivenUp] {
        let stage = replaying(vec![
            exchange("stream", Ok(stream(&PIECES, end))),
            exchange("json", Ok(Reply { end, ..whole("{\"a\":") })),
            exchange("nothing", Ok(Reply { end, ..whole("") })),
        ])
        .await;
        let cut = chat(stage.address(), "stream").await;
        assert_eq!((cut.pieces(), cut.end), (PIECES.map(str::to_owned).to_vec(), Err(io::ErrorKind::UnexpectedEof)));
        let cut = chat(stage.address(), "json").await;
        assert_eq!((cut.text().as_str(), cut.end), ("{\"a\":", Err(io::ErrorKind::UnexpectedEof)));
        let cut = chat(stage.address(), "nothing").await;
        assert_eq!((cut.status(), cut.text().as_str(), cut.end), (200, "", Err(io::ErrorKind::UnexpectedEof)));
    }
}

#[tokio::test]
async fn nothing_of_a_long_body_is_lost_before_a_cut() {
    let body_text = "x".repeat(16 << 20);
    let stage = replaying(vec![exchange("a", Ok(Reply { end: End::Reset, ..whole(body_text.clone()) }))]).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    // Nothing is read until the server can write no more.
    let head = connection.head().await.unwrap();
    let cut = connection.rest(head).await;
    assert!(cut.text() == body_text);
    assert_eq!(cut.end, Err(io::ErrorKind::UnexpectedEof));
}

#[tokio::test]
async fn a_client_without_chunks_sees_a_cut_as_a_reset() {
    let stage = replaying(vec![
        exchange("cut", Ok(stream(&PIECES, End::Reset))),
        exchange("whole", Ok(stream(&PIECES, End::Complete))),
    ])
    .await;
    for (prompt, expected) in [("cut", Some(io::ErrorKind::ConnectionReset)), ("whole", None)] {
        let mut connection = Connection::open(stage.address()).await;
        let request = super::client::request("POST", "/v1/chat/completions", &[], &body(prompt));
        connection.write(request.replacen("HTTP/1.1", "HTTP/1.0", 1)).await;
        let head = connection.head().await.unwrap();
        assert_eq!((head.header("content-length"), head.header("transfer-encoding")), (None, None), "{prompt}");
        let (body, end) = connection.until_the_end().await;
        assert_eq!((body.as_slice(), end), (PIECES.concat().as_bytes(), expected), "{prompt}");
    }
}

#[tokio::test]
async fn a_stall_is_as_long_as_it_was_and_ends_with_a_cut() {
    let timing = Timing { queued_us: 0, first_byte_us: 5_000, total_us: 230_000 };
    let silent = Timing { total_us: 200_000, ..timing };
    let stage = replaying(vec![
        timed("body", Ok(stream(&PIECES, End::TimedOut)), timing),
        timed("nothing", Err(fault(FaultKind::TimedOut)), silent),
    ])
    .await;
    let begun = Instant::now();
    let stalled = chat(stage.address(), "body").await;
    // The pieces come at once, and were followed by 200 ms of silence.
    assert!(stalled.pieces.last().unwrap().1.elapsed() > Duration::from_millis(100));
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!((stalled.pieces().len(), stalled.end), (3, Err(io::ErrorKind::UnexpectedEof)));
    let begun = Instant::now();
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("nothing")).await;
    assert!(connection.receive().await.is_err());
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_got_no_reply_gets_none() {
    let stage = replaying(vec![
        exchange("reset", Err(fault(FaultKind::Reset))),
        exchange("connect", Err(fault(FaultKind::Connect))),
    ])
    .await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("reset")).await;
    assert_eq!(connection.receive().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    let refused = chat(stage.address(), "connect").await;
    assert_eq!((refused.status(), refused.header("x-nightreel")), (502, Some("replayed")));
    assert!(refused.message().ends_with("127.0.0.1:9 refused the connection"), "{}", refused.message());
}
