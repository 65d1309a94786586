//! What a client is told of a body's length, now and in a replay, and when it has all of it.

use std::io;

use super::client::{Answered, Connection, body, chat};
use super::stage::{recorded, recording, replaying};
use super::upstream::Upstream;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// The lines that tell where a body ends.
fn framing(answered: &Answered) -> [Option<&str>; 2] {
    ["content-length", "transfer-encoding"].map(|name| answered.header(name))
}

#[tokio::test]
async fn a_length_is_told_where_it_was_told_now_and_in_a_replay() {
    let cut = Err(io::ErrorKind::UnexpectedEof);
    let chunked = [None, Some("chunked")];
    for (head, sent, expected, end) in [
        (format!("{OK}content-length: 2\r\n\r\n"), "{}", [Some("2"), None], Ok(())),
        (format!("{OK}content-length: 0\r\n\r\n"), "", [Some("0"), None], Ok(())),
        (format!("{OK}content-length: 9\r\n\r\n"), "{\"a\":", [Some("9"), None], cut),
        (format!("{OK}content-length: 9\r\n\r\n"), "", [Some("9"), None], cut),
        (format!("{OK}transfer-encoding: chunked\r\n\r\n"), "2\r\n{}\r\n0\r\n\r\n", chunked, Ok(())),
        (format!("{OK}transfer-encoding: chunked\r\n\r\n"), "0\r\n\r\n", chunked, Ok(())),
        (format!("{OK}transfer-encoding: chunked\r\n\r\n"), "2\r\n{}\r\n", chunked, cut),
        // Only its end tells where the body ends.
        (format!("{OK}\r\n"), "{}", chunked, Ok(())),
        (format!("{OK}\r\n"), "", chunked, Ok(())),
        ("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n".to_owned(), "", [None; 2], Ok(())),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "", [None; 2], Ok(())),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n".to_owned(), "", [None; 2], Ok(())),
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_owned(), "", [Some("0"), None], Ok(())),
    ] {
        let upstream = Upstream::start().await;
        let stage = recording(&upstream.base_url()).await;
        let (live, ()) = tokio::join!(chat(stage.address(), "a"), async {
            upstream.receive().await.write([head.as_bytes(), sent.as_bytes()].concat()).await;
        });
        let replay = replaying(stage.stop().await).await;
        let replayed = chat(replay.address(), "a").await;
        for answered in [&live, &replayed] {
            assert_eq!((framing(answered), answered.end), (expected, end), "{head}{sent}: {answered:?}");
        }
        assert_eq!((replayed.status(), replayed.body()), (live.status(), live.body()), "{head}{sent}");
    }
}

#[tokio::test]
async fn the_pieces_of_a_body_whose_length_is_told_go_out_while_the_last_has_not_come() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let mut connection = Connection::open(stage.address()).await;
    connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
    let mut received = upstream.receive().await;
    let [first, last] = [r#"{"choices":[{"message":{"content":"a"},"#, r#""finish_reason":"stop"}]}"#];
    let length = first.len() + last.len();
    received.write(format!("{OK}content-length: {length}\r\n\r\n{first}")).await;
    let head = connection.head().await.unwrap();
    assert_eq!(head.header("content-length"), Some(length.to_string().as_str()));
    connection.fill(first.len()).await.unwrap();
    received.write(last).await;
    let answered = connection.rest(head).await;
    assert_eq!((answered.text(), answered.end), ([first, last].concat(), Ok(())));
    // Whoever has the end has it on record: nothing has been stopped.
    let exchanges = recorded(&stage.directory);
    let replayed = chat(replaying(exchanges).await.address(), "a").await;
    assert_eq!((framing(&replayed), replayed.body()), (framing(&answered), answered.body()));
}

#[tokio::test]
async fn nobody_has_a_whole_answer_that_could_not_be_kept() {
    for (answer, expected) in [
        ("content-length: 2\r\n\r\n{}", Some("")),
        ("content-length: 0\r\n\r\n", None),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", Some("{}")),
        ("transfer-encoding: chunked\r\n\r\n0\r\n\r\n", Some("")),
    ] {
        let upstream = Upstream::start().await;
        let stage = recording(&upstream.base_url()).await;
        let mut connection = Connection::open(stage.address()).await;
        connection.send("POST", "/v1/chat/completions", &[], &body("a")).await;
        let mut received = upstream.receive().await;
        let store = rusqlite::Connection::open(stage.directory.path().join("store.db")).unwrap();
        store.execute_batch("ALTER TABLE exchange RENAME TO elsewhere").unwrap();
        received.write(format!("{OK}{answer}")).await;
        let came = connection.receive().await.ok().map(|answered| (answered.text(), answered.end));
        let expected = expected.map(|text| (text.to_owned(), Err(io::ErrorKind::UnexpectedEof)));
        assert_eq!(came, expected, "{answer}");
    }
}
