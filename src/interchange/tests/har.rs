//! HTTP Archives, as browsers and proxies write them.

use serde_json::{Value, json};

use crate::interchange::{HarWriter, ImportFormat};
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
fn a_body_that_is_not_all_there_is_left_out() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    for (status, content, why) in [
        (200, json!({"size": -1, "mimeType": "x-unknown"}), "its response body was not recorded"),
        (200, json!({"size": 4711, "text": ""}), "its response body was not recorded"),
        (200, json!({"mimeType": "text/plain"}), "its response body was not recorded"),
        (200, json!({"text": {"id": "x"}}), "its response body is a map, and no text"),
        (
            200,
            json!({"size": 1_000_000, "text": "{\"a\":1}"}),
            "its response body was cut short: 7 of 1000000 bytes are there",
        ),
        (200, json!({"size": 9, "text": "{\"a\":1"}), "its response body was cut short: 6 of 9 bytes are there"),
        (
            200,
            json!({"size": 4, "text": "@@@@", "encoding": "base64"}),
            "its response body is no base64: Invalid symbol 64, offset 0.",
        ),
        (103, json!({"size": 2, "text": "{}"}), "its response has the status 103, which only announces one"),
        (1000, json!({"size": 2, "text": "{}"}), "its response has the status 1000, which is none"),
        (204, json!({}), ""),
        (200, json!({"size": 0}), ""),
        (200, json!({"size": 9, "text": "{\"a\":1}"}), ""),
        (200, json!({"size": 3, "text": "{\"a\":1}"}), ""),
    ] {
        let imported = imported("a.har", log(&[entry(&asked(&posted), &answered(status, &content))]));
        let said = imported.skipped.first().map_or("", |skipped| skipped.why.as_str());
        assert_eq!((said, imported.exchanges.len()), (why, usize::from(why.is_empty())), "{content}");
    }
}

#[test]
fn what_stands_for_no_text_leaves_out_its_entry_alone() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let fine = answered(200, &json!({"size": 2, "text": "{}"}));
    let mut other = asked(&posted);
    other["url"] = "https://h/analytics".into();
    other["postData"]["text"] = "HALF".into();
    let lost = answered(200, &json!({"size": 3, "text": "HALF"}));
    let entries = [entry(&asked(&posted), &lost), entry(&other, &lost), entry(&asked(&posted), &fine)];
    let text = log(&entries).replace("HALF", "\\ud83d");
    let line = text.lines().position(|line| line.contains("ud83d")).unwrap() + 1;
    let imported = imported("a.har", text);
    assert_eq!(imported.exchanges.len(), 1);
    let why = imported.skipped[0].why.as_str();
    let expected = format!("its response body cannot be read: line {line}, column ");
    assert!(why.starts_with(&expected) && why.ends_with(": half of a surrogate pair, which is no character"), "{why}");
    assert_eq!(imported.skipped[1].why, "it is not a call that nightreel knows");
}

#[test]
fn a_body_in_a_file_is_read_from_beside_the_archive_and_from_nowhere_else() {
    let posted = json!({"mimeType": "application/json", "_file": "q.json"});
    let names = ["body.json", "sub/body.json", "missing.json", "../outside.json", "/etc/passwd", "link.json", "sub"];
    let entries: Vec<Value> =
        names.iter().map(|name| entry(&asked(&posted), &answered(200, &json!({"size": 4, "_file": name})))).collect();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let file = File::new("a.har", log(&entries));
    let beside = |name: &str| file.directory.path().join(name);
    std::fs::write(beside("q.json"), ASKED).unwrap();
    std::fs::write(beside("body.json"), "body").unwrap();
    std::fs::create_dir(beside("sub")).unwrap();
    std::fs::write(beside("sub/body.json"), "deep").unwrap();
    std::os::unix::fs::symlink(outside.path(), beside("link.json")).unwrap();
    let imported = file.read().unwrap();
    assert_eq!(imported.exchanges.iter().map(body_text).collect::<Vec<_>>(), ["body", "deep"]);
    let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    for (why, expected) in whys.iter().zip([
        "its response body is in the file \"missing.json\", which cannot be read: No such file",
        "its response body is in the file \"../outside.json\", which cannot be read: it lies outside of the archive's directory",
        "its response body is in the file \"/etc/passwd\", which cannot be read: it lies outside",
        "its response body is in the file \"link.json\", which cannot be read: it lies outside",
        "its response body is in the file \"sub\", which cannot be read: it is no file",
    ]) {
        assert!(why.starts_with(expected), "{why}\n{expected}");
    }
    let unplaced = read(Source::of_bytes("stdin", log(&entries[..1]).into_bytes()), None).unwrap();
    assert!(unplaced.skipped[0].why.ends_with("what names it came from no directory"), "{unplaced:?}");
}

#[test]
fn an_archive_shows_bodies_as_they_were_before_they_were_compressed_and_keeps_their_bytes() {
    let packed = [gzip(ANSWER.as_bytes()), zstd::encode_all(ANSWER.as_bytes(), 0).unwrap()];
    for (encoding, packed) in ["gzip", "zstd"].into_iter().zip(packed) {
        let base64 = crate::interchange::body::Written::of(&packed);
        let base64 = serde_json::to_value(base64).unwrap()["base64"].clone();
        let posted = json!({"mimeType": "application/json", "text": ASKED});
        let mut response = answered(200, &json!({"text": base64, "encoding": "base64"}));
        response["headers"][1]["value"] = encoding.into();
        let mut models = asked(&Value::Null);
        models["method"] = "GET".into();
        models["url"] = "https://h/v1/models?a=b&c=d%20e&api_key=secret".into();
        let taken = imported("a.har", log(&[entry(&asked(&posted), &response), entry(&models, &response)]));
        let mut writer = HarWriter::new(Vec::new()).unwrap();
        taken.exchanges.iter().for_each(|exchange| writer.write(exchange).unwrap());
        let written: Value = serde_json::from_slice(&writer.finish().unwrap()).unwrap();
        let content = &written["log"]["entries"][0]["response"]["content"];
        let lengths = [ANSWER.len(), packed.len()].map(|length| i64::try_from(length).unwrap());
        assert_eq!((content["text"].as_str(), content.get("encoding")), (Some(ANSWER), None));
        assert_eq!(
            (content["size"].as_i64(), content["compression"].as_i64()),
            (Some(lengths[0]), Some(lengths[0] - lengths[1]))
        );
        let request = &written["log"]["entries"][1]["request"];
        assert_eq!(request["method"], "GET");
        assert_eq!(request["url"], "https://nightreel.invalid/v1/models?a=b&c=d+e");
        assert_eq!(request["queryString"], json!([{"name": "a", "value": "b"}, {"name": "c", "value": "d e"}]));
        assert_eq!(request.get("postData"), None);
        assert_eq!(imported("a.har", written.to_string()).exchanges, taken.exchanges);

        // What somebody has changed counts, and is not compressed.
        let changed = written.to_string().replace("hi", "ho");
        let changed = imported("a.har", changed);
        assert_eq!(left_out(&changed), [""; 0]);
        assert_eq!(body_text(&changed.exchanges[0]), ANSWER.replace("hi", "ho"));
    }
}

#[test]
fn an_entry_of_nightreels_own_that_cannot_be_read_is_left_out_with_its_place() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let taken = imported("a.har", log(&[entry(&asked(&posted), &answered(200, &json!({"text": ANSWER})))]));
    let own = Exchange { session: Some("a session".into()), ..taken.exchanges[0].clone() };
    let mut writer = HarWriter::new(Vec::new()).unwrap();
    writer.write(&own).unwrap();
    let written = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert_eq!(imported("a.har", &written).exchanges, [own]);
    let damaged = imported("a.har", written.replace("a session", "a \\ud83d"));
    assert_eq!(damaged.exchanges, []);
    let [left_out] = left_out(&damaged).try_into().unwrap();
    assert!(left_out.contains(": its member `_nightreel` cannot be read: line 2, column "), "{left_out}");
    assert!(left_out.ends_with(": half of a surrogate pair, which is no character"), "{left_out}");
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

#[test]
fn a_body_in_the_chunks_that_it_came_in_is_joined() {
    let packed = gzip(ANSWER.as_bytes());
    let pieces: [&[u8]; 2] = [&packed[..7], &packed[7..]];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let base64 = |bytes: &[u8]| base64::Engine::encode(&crate::interchange::body::BASE64, bytes);
    let array = |written: &dyn Fn(&[u8]) -> String| json!(pieces.map(written)).to_string();
    let whole: Option<&[u8]> = Some(&packed);
    let half = "its response body is in pieces, of which one is neither hexadecimal digits nor base64";
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    for (encoding, content, expected, why) in [
        ("gzip", json!({"size": 4711, "text": array(&hex), "_isBinary": true}), whole, ""),
        ("gzip", json!({"size": 4711, "text": array(&base64), "encoding": "base64"}), whole, ""),
        ("gzip", json!({"size": 4711, "text": array(&hex)}), whole, ""),
        ("", json!({"size": 2, "text": "ff00", "_isBinary": true}), Some(b"\xff\0".as_slice()), ""),
        ("gzip", json!({"size": 9, "text": "[\"1f8\", \"*\"]", "_isBinary": true}), None, half),
        ("", json!({"size": 3, "text": "{}?", "_isBinary": true}), None, half),
        (
            "gzip",
            json!({"text": "[\"*\"]", "encoding": "base64"}),
            None,
            "its response body is in pieces, of which one is no base64",
        ),
        // What is no such array is what it always was.
        ("gzip", json!({"size": 3, "text": "[1]"}), Some(b"[1]"), ""),
        ("", json!({"size": 6, "text": "[\"ff\"]"}), Some(b"[\"ff\"]"), ""),
        ("gzip", json!({"text": base64(&packed), "encoding": "base64"}), whole, ""),
    ] {
        let headers = json!([{"name": "Content-Encoding", "value": encoding}]);
        let headers = if encoding.is_empty() { json!([]) } else { headers };
        let response = json!({"status": 200, "headers": headers, "content": content});
        let imported = imported("a.har", log(&[entry(&asked(&posted), &response)]));
        let body = imported.exchanges.first().map(|exchange| reply(exchange).body.as_ref());
        let said = imported.skipped.first().map_or("", |skipped| skipped.why.as_str());
        assert_eq!((body, said), (expected, why), "{content}");
    }
}

#[test]
fn what_was_sent_and_has_no_text_was_not_recorded() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let lost = "its response body was not recorded";
    for (status, body_size, content, why) in [
        (200, 812, json!({"size": 0}), lost),
        (200, 812, json!({}), lost),
        (204, 812, json!({}), ""),
        (200, 20, json!({"size": 0, "text": ""}), ""),
        (200, 0, json!({"size": 0}), ""),
        (200, -1, json!({"size": 0}), ""),
    ] {
        let mut response = answered(status, &content);
        response["bodySize"] = body_size.into();
        let imported = imported("a.har", log(&[entry(&asked(&posted), &response)]));
        let said = imported.skipped.first().map_or("", |skipped| skipped.why.as_str());
        assert_eq!(said, why, "{status} {body_size} {content}");
    }
}

#[test]
fn what_the_sizes_of_a_response_say_of_an_empty_body_is_heard() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let lost = "its response body was not recorded";
    let (none, empty) = (json!({"size": 0, "mimeType": "text/event-stream"}), json!({"size": 0, "text": ""}));
    for (status, sizes, length, content, why) in [
        // Browsers count what was transferred with its headers, and may say nothing else of a stream.
        (200, json!({"bodySize": -1, "_transferSize": 4312}), None, &none, lost),
        (200, json!({"bodySize": 4000, "_transferSize": 4312}), None, &empty, lost),
        (200, json!({"headersSize": 4300, "_transferSize": 4312}), None, &none, lost),
        (200, json!({"headersSize": 312, "bodySize": -1, "_transferSize": 312}), None, &none, ""),
        (200, json!({"bodySize": -1, "_transferSize": 30}), None, &none, ""),
        (200, json!({"bodySize": 0, "_transferSize": 4312}), None, &none, ""),
        (200, json!({"bodySize": -1}), Some("500"), &none, lost),
        (200, json!({"bodySize": -1}), Some("500"), &empty, lost),
        (200, json!({"bodySize": -1, "_transferSize": 4312}), Some("0"), &empty, ""),
        (204, json!({"bodySize": -1, "_transferSize": 4312}), Some("500"), &none, ""),
    ] {
        let mut response = json!({"status": status, "headers": [{"name": "date", "value": "Mon"}], "content": content});
        for (name, size) in sizes.as_object().unwrap() {
            response[name] = size.clone();
        }
        if let Some(length) = length {
            response["headers"][0] = json!({"name": "Content-Length", "value": length});
        }
        let imported = imported("a.har", log(&[entry(&asked(&posted), &response)]));
        let said = imported.skipped.first().map_or("", |skipped| skipped.why.as_str());
        assert_eq!((said, imported.exchanges.len()), (why, usize::from(why.is_empty())), "{response}");
    }
}

#[test]
fn a_stream_that_ends_within_an_event_short_of_its_size_was_cut() {
    let posted = json!({"mimeType": "application/json", "text": ASKED});
    let stream = "data: {\"a\": \"b\"}\n\n".repeat(9) + "data: [DONE]";
    let size = stream.len() + 2;
    for (kept, size, length, is_cut) in [
        (size - 2, size, 0, false),
        (size - 4, size, 0, true),
        (size - 4, size - 4, 0, false),
        (size - 4, 0, size, true),
        (9 * 18, size, 0, false),
        (8 * 18 - 1, size, 0, true),
        (8 * 18 - 1, 8 * 18 - 1, size, true),
        (4 * 18, size, 0, true),
    ] {
        let content = json!({"size": size, "mimeType": "text/event-stream; charset=utf-8", "text": stream[..kept]});
        let headers = json!([{"name": "content-length", "value": length.to_string()}]);
        let response = json!({"status": 200, "headers": headers, "content": content});
        let imported = imported("a.har", log(&[entry(&asked(&posted), &response)]));
        let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
        let size = size.max(length);
        let cut = format!("its response body was cut short: {kept} of {size} bytes are there");
        assert_eq!(whys, if is_cut { vec![cut] } else { vec![] }, "{response}");
    }
}
