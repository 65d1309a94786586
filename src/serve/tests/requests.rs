//! Requests of every kind, and what is said of those that are wrong.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::super::Options;
use super::super::request_body::LONGEST_BODY;
use super::client::{Answered, Connection, ask, body};
use super::stage::{Stage, exchange, recording, recording_with, replaying, replaying_with, whole};
use super::upstream::Upstream;
use crate::model::Mode;
use crate::record::{Playback, PlaybackOptions};

async fn stage() -> Stage {
    replaying(vec![exchange("a", Ok(whole("1")))]).await
}

async fn post(stage: &Stage, headers: &[(&str, &str)], body: &str) -> Answered {
    ask(stage.address(), "POST", "/v1/chat/completions", headers, body).await
}

#[tokio::test]
async fn every_form_of_a_base_url_is_answered() {
    for base in
        ["/v1", "/api/v1", "/v1/account/gateway/openrouter", "/v1/a/g/openrouter/v1", "/openrouter", "", "/v1/v1"]
    {
        let stage = stage().await;
        let path = format!("{base}/chat/completions/?api-version=1");
        assert_eq!(ask(stage.address(), "POST", &path, &[], body("a")).await.text(), "1", "{path}");
    }
}

#[tokio::test]
async fn a_body_may_come_encoded_in_chunks_or_after_a_hundred_continue() {
    let stage = replaying(
        (0..3).map(|occurrence| crate::model::Exchange { occurrence, ..exchange("a", Ok(whole("1"))) }).collect(),
    )
    .await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body("a").as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";

    let mut connection = Connection::open(stage.address()).await;
    let zipped = format!("{head}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", gzip.len());
    connection.write([zipped.as_bytes(), &gzip].concat()).await;
    assert_eq!(connection.receive().await.unwrap().text(), "1");

    let (first, second) = (&body("a")[..9], &body("a")[9..]);
    connection.write(format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n", first.len())).await;
    connection.write(format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len())).await;
    assert_eq!(connection.receive().await.unwrap().text(), "1");

    let expecting = format!("{head}expect: 100-continue\r\ncontent-length: {}\r\n\r\n", body("a").len());
    connection.write(expecting).await;
    assert_eq!(connection.head().await.unwrap().status, 100);
    connection.write(body("a")).await;
    assert_eq!(connection.receive().await.unwrap().text(), "1");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_by_place_and_cause() {
    let stage = stage().await;
    for (headers, body, status, expected) in [
        (&[][..], "{\"model\":\n  oops}", 400, "the body of the request is not JSON: "),
        (&[], "", 400, "the body of the request is not JSON: "),
        (&[("content-encoding", "gzip")], "{}", 400, "the body of the request is not what its header says"),
        (&[("content-encoding", "br")], "{}", 415, "the body of the request comes in an encoding that is not read"),
    ] {
        let refused = post(&stage, headers, body).await;
        assert_eq!((refused.status(), refused.header("x-should-retry")), (status, Some("false")), "{body}");
        assert!(refused.message().starts_with(expected), "{}", refused.message());
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
    }
    let refused = post(&stage, &[], "{\"model\":\n  oops}").await;
    assert!(refused.message().ends_with(" at line 2, column 3"), "{}", refused.message());
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_to_clients_that_look_first_and_to_those_that_do_not() {
    let stage = stage().await;
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", LONGEST_BODY + 1);
    let mut connection = Connection::open(stage.address()).await;
    connection.write(format!("{head}expect: 100-continue\r\n\r\n")).await;
    let refused = connection.receive().await.unwrap();
    assert_eq!(refused.status(), 413);
    assert!(refused.message().ends_with("longer than 67108864 bytes, the most that is taken"), "{}", refused.message());
    let mut connection = Connection::open(stage.address()).await;
    connection.write(format!("{head}\r\n")).await;
    connection.write(vec![b' '; LONGEST_BODY + 1]).await;
    assert_eq!(connection.receive().await.unwrap().status(), 413);
    // The connection has come to the end of the body, and goes on.
    connection.send("GET", "/nightreel/health", &[], "").await;
    assert_eq!(connection.receive().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_there_is_not_is_told_with_what_there_is() {
    let stage = stage().await;
    let refused = ask(stage.address(), "POST", "/v1/audio/speech", &[], "{}").await;
    assert_eq!(refused.status(), 404);
    assert!(refused.message().contains("POST /v1/audio/speech; there is POST /v1/chat/completions"));
    let refused = ask(stage.address(), "GET", "/v1/chat/completions", &[], "").await;
    assert_eq!((refused.status(), refused.header("allow")), (405, Some("POST, OPTIONS")));
    let session = "s".repeat(257);
    let refused = post(&stage, &[("x-nightreel-session", &session)], "{}").await;
    assert_eq!((refused.status(), refused.message().as_str()), (400, "a session's name has 256 bytes at most"));
    for (path, headers) in [
        ("/session//v1/chat/completions", &[][..]),
        ("/v1/chat/completions", &[("x-nightreel-session", "")]),
        ("/session/p/v1/chat/completions", &[("x-nightreel-session", " ")]),
    ] {
        let refused = ask(stage.address(), "POST", path, headers, body("a")).await;
        assert_eq!((refused.status(), refused.message().starts_with("the session has no name: ")), (400, true));
    }
}

#[tokio::test]
async fn what_is_refused_or_missed_can_be_read_by_the_clients_of_the_service_that_is_asked() {
    let stage = stage().await;
    let nowhere = Upstream::start().await.base_url();
    let sending = recording(&nowhere).await;
    let version = ("anthropic-version", "2023-06-01");
    for (to, method, path, headers, asked, status, kind) in [
        (&stage, "POST", "/v1/messages", &[][..], body("b"), 400, "invalid_request_error"),
        (&stage, "POST", "/v1/messages", &[], "{".to_owned(), 400, "invalid_request_error"),
        (&stage, "POST", "/v1/messages/count_tokens", &[], body("a"), 404, "not_found_error"),
        (&stage, "GET", "/v1/models/none", &[version], String::new(), 404, "not_found_error"),
        (&sending, "POST", "/v1/messages", &[], body("a"), 502, "api_error"),
    ] {
        let answered = ask(to.address(), method, path, headers, asked).await;
        let said = answered.json();
        assert_eq!((answered.status(), &said["type"]), (status, &json!("error")), "{path}: {said}");
        assert_eq!(said["error"]["type"], kind, "{path}: {said}");
    }
    for (to, path, asked, status, word) in [
        (&stage, "/api/v1/chat/completions", body("b"), 400, "not_recorded"),
        (&stage, "/openrouter/v1/chat/completions", "{".to_owned(), 400, "bad_json"),
        (&stage, "/session/s/api/v1/credits", body("a"), 404, "unknown_url"),
        (&sending, "/api/v1/chat/completions", body("a"), 502, "upstream_unreachable"),
    ] {
        let answered = ask(to.address(), "POST", path, &[], asked).await;
        let error = &answered.json()["error"];
        assert_eq!((answered.status(), &error["code"]), (status, &json!(status)), "{path}: {error}");
        assert_eq!(error["metadata"]["error_type"], word, "{path}: {error}");
        assert!(error["message"].is_string(), "{path}: {error}");
    }
}

#[tokio::test]
async fn two_headers_name_one_session_or_none() {
    let stage = stage().await;
    let two = |name| [("x-nightreel-session", "a"), ("x-nightreel-session", name)];
    let refused = post(&stage, &two("b"), &body("a")).await;
    assert_eq!((refused.status(), &refused.json()["error"]["code"]), (400, &"several_sessions".into()));
    let answered = post(&stage, &two("a"), &body("a")).await;
    assert_eq!((answered.status(), answered.header("x-nightreel-session")), (200, Some("a")));
}

#[tokio::test]
async fn what_is_refused_for_another_reason_is_reported_apart() {
    let stage = stage().await;
    let long = "s".repeat(300);
    for (headers, body) in [
        (&[][..], "{bad"),
        (&[], ""),
        (&[("content-encoding", "gzip")], "{}"),
        (&[("content-encoding", "br")], "{}"),
        (&[("x-nightreel-session", long.as_str())], "{}"),
        (&[("x-nightreel-session", "")], "{}"),
        (&[], ""),
        (&[], "{\"a\":"),
    ] {
        assert!(matches!(post(&stage, headers, body).await.status(), 400 | 415), "{headers:?} {body}");
    }
    let report = stage.playback.report().unwrap();
    let shown = report.refused.shown.iter();
    let told: Vec<_> = shown.map(|refused| (refused.status, refused.code.as_str(), refused.count)).collect();
    assert_eq!(
        told,
        [
            (400, "bad_json", 1),
            (400, "bad_json", 2),
            (400, "bad_encoding", 1),
            (415, "bad_encoding", 1),
            (400, "session_too_long", 1),
            (400, "session_without_name", 1),
            (400, "bad_json", 1),
        ]
    );
    for (refused, column) in [(0, 2), (1, 1), (6, 6)] {
        let message = &report.refused.shown[refused].message;
        assert!(message.ends_with(&format!("line 1, column {column}")), "{message}");
    }
}

#[tokio::test]
async fn what_is_refused_is_reported_unless_nothing_was_asked() {
    let mut playback = None;
    let keep = |options: Options| {
        playback = Some(Arc::clone(&options.playback));
        options
    };
    let stage = replaying_with(vec![exchange("a", Ok(whole("1")))], keep).await;
    let bearer = [("authorization", "Bearer sk-client-0123456789")];
    for (method, path, body, status) in [
        ("POST", "/v1/moderations", "{}", 404),
        ("POST", "/v1/moderations", "[]", 404),
        ("POST", "/session/s/v1/chat/completions", "{oops", 400),
        ("GET", "/v1/chat/completions", "", 405),
        ("GET", "/v1/models/other?key=1", "", 404),
        ("POST", "/v1/sk-client-0123456789", "{}", 404),
        // Nothing is asked by these.
        ("GET", "/", "", 404),
        ("HEAD", "/v1", "", 404),
        ("GET", "/nightreel/else", "", 404),
        ("OPTIONS", "/v1/moderations", "", 204),
    ] {
        let mut connection = Connection::open(stage.address()).await;
        connection.send(method, path, &bearer, body).await;
        assert_eq!(connection.head().await.unwrap().status, status, "{method} {path}");
    }
    let report = playback.unwrap().report().unwrap();
    assert_eq!((report.refusals, report.unanswered(), report.asked()), (6, 6, 6));
    let told: Vec<_> = report
        .refused
        .shown
        .iter()
        .map(|refused| (refused.method.as_str(), refused.path.as_str(), refused.status, refused.count))
        .collect();
    assert_eq!(
        told,
        [
            ("POST", "/v1/moderations", 404, 2),
            ("POST", "/session/s/v1/chat/completions", 400, 1),
            ("GET", "/v1/chat/completions", 405, 1),
            ("GET", "/v1/models/other", 404, 1),
            ("POST", "/v1/[redacted]", 404, 1),
        ]
    );
    assert_eq!(report.refused.shown[1].session, "s");
}

#[tokio::test]
async fn models_that_are_not_recorded_are_those_that_something_is_recorded_of() {
    let stage = stage().await;
    let model = json!({"id": "test/model", "object": "model", "created": 0, "owned_by": "test"});
    let get = async |path: &str| ask(stage.address(), "GET", path, &[], "").await;
    let listed = get("/v1/models").await;
    assert_eq!(listed.json(), json!({"object": "list", "data": [model]}));
    assert_eq!(listed.header("x-nightreel"), Some("derived"));
    assert_eq!(get("/api/v1/models?supported_parameters=tools").await.status(), 200);
    for path in ["/v1/models/test/model", "/v1/models/test%2Fmodel"] {
        let one = get(path).await;
        assert_eq!((one.json(), one.header("x-nightreel")), (model.clone(), Some("derived")));
    }
    let report = stage.playback.report().unwrap();
    assert_eq!((report.derived, report.hits, report.misses), (4, 0, 0));
    let refused = get("/v1/models/other").await;
    assert_eq!((refused.status(), &refused.json()["error"]["code"]), (404, &"model_not_found".into()));
    for path in ["/v1/models", "/v1/models/test/model"] {
        assert_eq!(head(&stage, path).await, (200, Some("derived".to_owned())));
    }
    assert_eq!(stage.playback.report().unwrap().derived, 6);
}

/// The status of a reply without a body, and where it comes from.
async fn head(stage: &Stage, path: &str) -> (u16, Option<String>) {
    let mut connection = Connection::open(stage.address()).await;
    connection.send("HEAD", path, &[], "").await;
    let head = connection.head().await.unwrap();
    (head.status, head.header("x-nightreel").map(str::to_owned))
}

#[tokio::test]
async fn what_asks_for_the_head_of_models_alone_is_never_sent_and_counted_as_what_answers_it() {
    for mode in [Mode::Auto, Mode::Record] {
        let upstream = Upstream::start().await;
        let stage = recording_with(&upstream.base_url(), |options| in_mode(mode, options), |gateway| gateway).await;
        let counts = || {
            let report = stage.playback.report().unwrap();
            (report.live, report.derived, report.hits, report.refusals)
        };
        assert_eq!(head(&stage, "/v1/models").await, (200, Some("derived".to_owned())));
        assert_eq!(head(&stage, "/v1/models/a").await.0, 404);
        assert_eq!(counts(), (0, 2, 0, 0), "{mode:?}");
        let get = async |path: &str, reply: &str| {
            tokio::join!(ask(stage.address(), "GET", path, &[], ""), async {
                upstream.receive().await.answer("200 OK", "", reply).await;
            });
        };
        get("/v1/models", r#"{"data":[{"id":"a"}]}"#).await;
        get("/v1/models/b", r#"{"id":"b"}"#).await;
        for path in ["/v1/models", "/v1/models/a", "/v1/models/b"] {
            assert_eq!(head(&stage, path).await, (200, Some("replayed".to_owned())), "{mode:?} {path}");
        }
        assert_eq!(counts(), (2, 2, 3, 0), "{mode:?}");
        if mode == Mode::Record {
            get("/v1/models/a", r#"{"id":"a"}"#).await;
            assert_eq!(counts().0, 3, "all but a head is sent");
        }
    }
}

fn in_mode(mode: Mode, options: Options) -> Options {
    let store = options.upstream.as_ref().unwrap().store.clone();
    let playback = Playback::new(vec![store], PlaybackOptions { mode, ..PlaybackOptions::default() });
    Options { playback: Arc::new(playback.unwrap()), ..options }
}

#[tokio::test]
async fn scripts_can_ask_how_the_server_does() {
    let report = |options| Options { report: Arc::new(|| json!({"hits": 3})), ..options };
    let stage = replaying_with(Vec::new(), report).await;
    let health = ask(stage.address(), "GET", "/nightreel/health", &[], "").await.json();
    assert_eq!((&health["status"], &health["mode"]), (&"ok".into(), &"replay".into()));
    assert_eq!(ask(stage.address(), "GET", "/nightreel/report", &[], "").await.json(), json!({"hits": 3}));
}
