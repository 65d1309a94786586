//! HTTP Archives, as browsers and proxies write them.

use serde_json::{Value, json};

use crate::interchange::ImportFormat;
use crate::model::Class;

use super::*;

fn entry(request: &Value, response: &Value) -> Value {
    json!({
        "startedDateTime": "2026-01-02T03:04:05.678+01:00",
        "time": 1234.5,
        "request": request,
        "response": response,
        "timings": {"blocked": 3.0, "dns": -1, "connect": -1, "send": 0.5, "wait": 1000.25, "receive": 200.0, "ssl": -1},
    })
}

fn asked(posted: &Value) -> Value {
    json!({
        "method": "POST",
        "url": "https://openrouter.ai/api/v1/chat/completions",
        "headers": [{"name": "authorization", "value": "Bearer secret"}],
        "cookies": [{"name": "session", "value": "secret"}],
        "postData": posted,
    })
}

fn answered(status: u16, content: &Value) -> Value {
    let headers = json!([
        {"name": "Content-Type", "value": "text/event-stream"},
        {"name": "content-encoding", "value": "br"},
        {"name": "X-RateLimit-Reset", "value": "1"},
        {"name": "Set-Cookie", "value": "secret"},
    ]);
    json!({"status": status, "statusText": "", "headers": headers, "content": content})
}

fn log(entries: &[Value]) -> String {
    serde_json::to_string_pretty(&json!({"log": {"version": "1.2", "entries": entries}})).unwrap()
}

#[test]
fn an_entry_is_taken_with_its_times() {
    let stream = "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n";
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let entries =
        [entry(&asked(&posted), &answered(200, &json!({"size": 34, "mimeType": "text/event-stream", "text": stream})))];
    let imported = imported("a.har", format!("\u{feff}{}", log(&entries)));
    assert_eq!(imported.format, ImportFormat::Har);
    let exchange = &imported.exchanges[0];
    assert_eq!((request_text(exchange), body_text(exchange)), (ASKED, stream));
    assert_eq!(headers(exchange), [("content-type", "text/event-stream"), ("x-ratelimit-reset", "1")]);
    assert_eq!(exchange.attempt.sent_at_ms, 1_767_319_445_678);
    assert_eq!((exchange.attempt.timing.first_byte_us, exchange.attempt.timing.total_us), (1_000_750, 1_200_750));
    let offsets: Vec<u64> = reply(exchange).chunks.iter().map(|chunk| chunk.offset_us).collect();
    assert_eq!(offsets, [1_000_750, 1_000_750, 1_200_750]);
}

#[test]
fn content_may_be_base64_and_its_type_may_stand_beside_it() {
    let posted = json!({"mimeType": "application/json", "text": "eyJtb2RlbCI6Im0ifQ==", "encoding": "base64"});
    let response = json!({"status": 500, "headers": [], "content": {"size": 2, "mimeType": "text/plain", "text": "/wA=", "encoding": "base64"}});
    let imported = imported("a.har", log(&[entry(&asked(&posted), &response)]));
    let exchange = &imported.exchanges[0];
    assert_eq!(request_text(exchange), "{\"model\":\"m\"}");
    assert_eq!(reply(exchange).body.as_ref(), b"\xff\0");
    assert_eq!(headers(exchange), [("content-type", "text/plain")]);
    assert_eq!(exchange.attempt.class, Class::ServerError);
}

#[test]
fn what_was_not_recorded_is_left_out() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let socket = json!({"method": "GET", "url": "wss://h/v1/realtime"});
    let form = json!({"mimeType": "x", "params": []});
    let lost = answered(200, &json!({"size": 10, "mimeType": "application/json"}));
    let empty = answered(204, &json!({"size": 0, "mimeType": "x-unknown"}));
    let entries = [
        entry(&asked(&posted), &lost),
        entry(&asked(&posted), &json!({"status": 0, "_error": "net::ERR_ABORTED", "content": {}})),
        entry(&asked(&form), &empty),
        entry(&asked(&Value::Null), &empty),
        entry(&socket, &empty),
        entry(&asked(&posted), &empty),
    ];
    let imported = imported("a.har", log(&entries));
    assert_eq!(imported.exchanges.len(), 1);
    let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "its response body was not recorded",
            "it has no response (net::ERR_ABORTED)",
            "its request body was not recorded",
            "it has no request body",
            "it is not a call that nightreel knows",
        ]
    );
    assert_eq!(imported.skipped[4].place.path, "/v1/realtime");
}
