//! What must not be kept is not kept, however it is written and split.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Class, End, Endpoint, Header, Streamed, Timing, events};

const CANARY: &str = "sk-or-v1/canary+5d1f7c2e9b==";

fn redactor() -> Redactor {
    Redactor::new([CANARY], [(r"user-(\d+)", "user-N")]).unwrap()
}

/// What is kept of a body that came in pieces of so many bytes, one a millisecond.
fn kept(body: &str, pieces: &[usize]) -> Reply {
    let mut offset_us = 0;
    let chunks = pieces.iter().map(|&length| {
        offset_us += 1_000;
        Chunk { offset_us, length }
    });
    let header = Header { name: "x-request-id".to_owned(), value: CANARY.to_owned() };
    let body = Bytes::copy_from_slice(body.as_bytes());
    let reply = Reply { status: 200, headers: vec![header], body, chunks: chunks.collect(), end: End::Complete };
    let mut attempt = Attempt {
        number: 1,
        sent_at_ms: 0,
        timing: Timing::default(),
        reply: Ok(reply),
        class: Class::Answered,
        cost_usd: None,
        assumed_cost_usd: None,
    };
    redactor().strike_attempt(&mut attempt);
    attempt.reply.unwrap()
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

#[test]
fn credentials_and_what_rules_match_are_struck() {
    let redactor = Redactor::new(["sk-or-v1-canary", "short"], [(r"user-(\d+)", "user-N")]).unwrap();
    let body = Bytes::from_static(b"key sk-or-v1-canary of user-42 is short");
    assert_eq!(redactor.strike(&body), "key [redacted] of user-N is short");
    let clean = Bytes::from_static(b"nothing here");
    assert_eq!(redactor.strike(&clean).as_ptr(), clean.as_ptr());
}

#[test]
fn a_rule_that_is_no_regular_expression_is_told_by_its_number() {
    let error = Redactor::new(["a-known-secret"], [("fine", ""), ("hidden(", "")]).unwrap_err();
    assert_eq!(error.to_string(), "record.redact: pattern 2 is not a regular expression: unclosed group");
}

#[test]
fn a_credential_is_struck_where_it_breaks_off() {
    let redactor = Redactor::new(["sk+or/v1-canary"], []).unwrap();
    for (body, struck) in [
        ("you sent sk+or/v1-canar", "you sent [redacted]"),
        ("you sent sk+or/v1-can", "you sent [redacted]"),
        ("\"sk+or/v1-canar\"…", "\"[redacted]\"…"),
        ("you sent sk+or/v1-ca", "you sent sk+or/v1-ca"),
        ("sk+or/v1-canarysk+or/v1-canary!", "[redacted][redacted]!"),
    ] {
        assert_eq!(redactor.strike(&Bytes::from(body)), struck, "{body}");
    }
    let long = "k".repeat(1_000);
    assert_eq!(Redactor::new([&*long], []).unwrap().strike(&Bytes::from(format!("<{long}>"))), "<[redacted]>");
    assert_eq!(format!("{redactor:?}"), "Redactor { rules: 1, .. }");
}

#[test]
fn a_credential_is_found_in_every_spelling() {
    for written in [
        CANARY,
        r"sk-or-v1\/canary+5d1f7c2e9b==",
        r"sk-or-v1\\/canary+5d1f7c2e9b==",
        r"sk-or-v1\u002fcanary\u002B5d1f7c2e9b\u003d\u003d",
        "sk-or-v1%2Fcanary%2B5d1f7c2e9b%3D%3D",
        "sk-or-v1%2fcanary%2b5d1f7c2e9b%3d=",
    ] {
        assert_eq!(redactor().strike_text(&format!("<{written}>")), "<[redacted]>", "{written}");
    }
    let escaped = |upper: bool| -> String {
        let digits = |byte: u8| if upper { format!("{byte:04X}") } else { format!("{byte:04x}") };
        CANARY.bytes().map(|byte| format!("\\u{}", digits(byte))).collect()
    };
    for written in [escaped(true), escaped(false), escaped(true).replace('\\', "\\\\"), escaped(false)[..90].to_owned()]
    {
        assert_eq!(redactor().strike_text(&format!("<{written}>")), "<[redacted]>", "{written}");
    }
    assert_eq!(
        redactor().strike_text(&format!(r"\u0041{}", &escaped(true)[6..])),
        format!(r"\u0041{}", &escaped(true)[6..])
    );
    let long = "k".repeat(5_000);
    let written = long.replace('k', r"\u006B");
    assert_eq!(Redactor::new([&*long], []).unwrap().strike_text(&format!("<{written}>")), "<[redacted]>");
    let quoted = Redactor::new([r#"pass"word\1"#], []).unwrap();
    for written in [r#"pass"word\1"#, r#"pass\"word\\1"#, r#"pass\\\"word\\\\1"#, "pass%22word%5C1"] {
        assert_eq!(quoted.strike_text(written), "[redacted]", "{written}");
    }
    assert_eq!(redactor().strike_text("sk-or-v1/cat-5d1f7c2e9b=="), "sk-or-v1/cat-5d1f7c2e9b==");
}

#[test]
fn nothing_is_left_of_credentials_that_share_characters() {
    const KEYS: [&str; 5] =
        ["teamkey1", "teamkey1-9f8e7d6c5b4a3210", "f8e7d6c5", "3210-of-another", "sk-ant-api03-one-1"];
    for (written, expected) in [
        ("teamkey1", "[redacted]"),
        ("teamkey1-9f8e7d6c5b4a3210", "[redacted]"),
        ("teamkey1-9f8e7d6c5b4a3210-of-another", "[redacted]"),
        ("9f8e7d6c5b4a3210-of-another", "9[redacted]b4a[redacted]"),
        ("teamkey1teamkey1", "[redacted][redacted]"),
        (r"teamkey1\u002d9f8e7d6c5b4a3210", "[redacted]"),
        // Beyond what both begin with, the one that is cut short tells nothing of the other.
        ("sk-ant-api03-two-2", "[redacted]two-2"),
    ] {
        for order in [KEYS.to_vec(), KEYS.into_iter().rev().collect()] {
            let (first, rest) = order.split_first().unwrap();
            let whole = Redactor::new(order.iter().copied(), [("x", "y")]).unwrap();
            let added = Redactor::new([*first], [("x", "y")]).unwrap().with_secrets(rest.iter().copied());
            for redactor in [whole, added] {
                assert_eq!(redactor.strike_text(&format!("<{written}x>")), format!("<{expected}y>"), "{order:?}");
            }
        }
    }
    let both = Redactor::new(["sk-ant-api03-one-1", "sk-ant-api03-two-2"], []).unwrap();
    assert_eq!(both.strike_text("<sk-ant-api03-two-2, sk-ant-api03-one-1>"), "<[redacted], [redacted]>");
    // What one of them would be made of by striking the other is none.
    let redactor = Redactor::new(["abcdefghi", "[redacted]xyz"], []).unwrap();
    assert_eq!(redactor.strike_text("abcdefghixyz"), "[redacted]xyz");
}

#[test]
fn credentials_that_share_characters_are_struck_from_deltas_whole() {
    let (short, long) = ("teamkey1", "teamkey1-9f8e7d6c5b4a3210");
    let delta = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    for cuts in [vec![], vec![3, 3], vec![1; 25], vec![8], vec![9, 9]] {
        let body = deltas(&format!("é {long} {short}!"), &cuts, delta);
        let mut reply = kept(&body, &[]);
        reply.chunks = vec![Chunk { offset_us: 1, length: body.len() }];
        Redactor::new([short, long], []).unwrap().strike_reply(&mut reply);
        assert_eq!(reassembled(&reply.body, "/choices/0/message/content"), "é [redacted] [redacted]!", "{cuts:?}");
        assert_eq!(reply.chunks.iter().map(|chunk| chunk.length).sum::<usize>(), reply.body.len());
    }
}

#[test]
fn what_is_told_of_an_answer_is_struck_too() {
    let told = |text: &str| Some(text.to_owned());
    let mut facts = Facts { served_model: told(CANARY), provider: told("p"), ..Facts::default() };
    redactor().strike_facts(&mut facts);
    assert_eq!(facts, Facts { served_model: told("[redacted]"), provider: told("p"), ..Facts::default() });
}

#[test]
fn the_pieces_of_a_struck_body_still_add_up_to_it() {
    let body = format!("abc{CANARY}def user-12345 ghi");
    for (pieces, expected) in [
        (vec![3, 28, 18], vec![(1_000, 3), (2_000, 10), (3_000, 14)]),
        // What is split counts with the piece that it ends in.
        (vec![10, 10, 29], vec![(1_000, 3), (3_000, 24)]),
        (vec![31, 6, 12], vec![(1_000, 13), (2_000, 4), (3_000, 10)]),
        (vec![49], vec![(1_000, 27)]),
        (vec![], vec![]),
    ] {
        let reply = kept(&body, &pieces);
        assert_eq!(text(&reply), "abc[redacted]def user-N ghi");
        let chunks: Vec<_> = reply.chunks.iter().map(|chunk| (chunk.offset_us, chunk.length)).collect();
        assert_eq!(chunks, expected, "{pieces:?}");
        assert_eq!(reply.headers[0].value, "[redacted]");
    }
}

/// The deltas of a text that is cut at some places.
fn deltas(text: &str, cuts: &[usize], delta: impl Fn(&str) -> Value) -> String {
    let (mut rest, mut body) = (text, String::new());
    for cut in cuts {
        let (piece, tail) = rest.split_at(rest.floor_char_boundary((*cut).min(rest.len())));
        body += &format!("data: {}\n\n", delta(piece));
        rest = tail;
    }
    body + &format!("data: {}\n\ndata: [DONE]\n\n", delta(rest))
}

/// Makes the delta of a text; the endpoint whose delta it is; and where the text stands in the body
/// that such deltas add up to.
type Carrier = (fn(&str) -> Value, Endpoint, &'static str);

/// Every way in which a delta carries a text.
fn carriers() -> Vec<Carrier> {
    vec![
        (
            |text| json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]}),
            Endpoint::ChatCompletions,
            "/choices/0/message/content",
        ),
        (
            |text| json!({"choices": [{"delta": {"reasoning": text, "content": null}}]}),
            Endpoint::ChatCompletions,
            "/choices/0/message/reasoning",
        ),
        (
            |text| json!({"choices": [{"delta": {"refusal": text}}]}),
            Endpoint::ChatCompletions,
            "/choices/0/message/refusal",
        ),
        (
            |text| json!({"choices": [{"delta": {"tool_calls": [{"index": 1, "id": "a", "function": {"name": "f", "arguments": text}}]}}]}),
            Endpoint::ChatCompletions,
            "/choices/0/message/tool_calls/0/function/arguments",
        ),
        (
            |text| json!({"choices": [{"delta": {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": text}]}}]}),
            Endpoint::ChatCompletions,
            "/choices/0/message/reasoning_details/0/text",
        ),
        (|text| json!({"choices": [{"index": 0, "text": text}]}), Endpoint::Completions, "/choices/0/text"),
        (
            |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
            Endpoint::Messages,
            "/content/0/text",
        ),
        (
            |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": text}}),
            Endpoint::Messages,
            "/content/0/thinking",
        ),
        (
            |text| json!({"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": text}),
            Endpoint::Responses,
            "/output/0/content/0/text",
        ),
    ]
}

fn reassembled(body: &[u8], place: &str) -> String {
    let body: Value = serde_json::from_slice(&Streamed::read(body).body).unwrap();
    body.pointer(place).unwrap_or_else(|| panic!("{place}: {body}")).as_str().unwrap().to_owned()
}

#[test]
fn what_is_split_over_deltas_is_struck_from_each_place_that_carries_texts() {
    let said = format!("é say {CANARY} and user-123 \"twice\": {CANARY}!");
    let expected = "é say [redacted] and user-N \"twice\": [redacted]!";
    for (delta, endpoint, place) in carriers() {
        for cuts in [vec![], vec![9], vec![12, 1, 1, 0, 8], vec![1; 80], vec![20, 20]] {
            let body = deltas(&said, &cuts, delta);
            assert_eq!(reassembled(body.as_bytes(), place), said);
            let lengths = events(body.as_bytes()).0.iter().map(|event| event.end - event.start).collect::<Vec<_>>();
            let reply = kept(&body, &lengths);
            assert_eq!(reassembled(&reply.body, place), expected, "{place} {cuts:?}");
            assert_eq!(Streamed::read(&reply.body).shape, endpoint);
            assert_eq!(reply.chunks.iter().map(|chunk| chunk.length).sum::<usize>(), reply.body.len());
            assert_eq!(reply.chunks.len(), lengths.len(), "{place} {cuts:?}");
        }
    }
}

#[test]
fn texts_of_different_choices_and_calls_are_not_taken_for_one() {
    let (one, other) = CANARY.split_at(9);
    let chunk = |index: u32, text: &str| json!({"choices": [{"index": index, "delta": {"content": text}}]});
    let body = format!("data: {}\n\ndata: {}\n\n", chunk(0, one), chunk(1, other));
    assert_eq!(text(&kept(&body, &[])), body);
    // The halves of one choice meet though the other one speaks in between.
    let body = format!("{body}data: {}\n\n", chunk(0, other));
    let kept = text(&kept(&body, &[]));
    assert_eq!(reassembled(kept.as_bytes(), "/choices/0/message/content"), "[redacted]");
    assert_eq!(reassembled(kept.as_bytes(), "/choices/1/message/content"), other);
}

#[test]
fn an_event_that_is_rewritten_keeps_all_but_its_text() {
    let (one, other) = CANARY.split_at(9);
    let event = |text: &str| {
        format!(
            ": c\r\nevent: e\r\nid: 7\r\ndata: {{\"seed\":18446744073709551617, \"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}],\"cost\":1e-7}}\r\n\r\n"
        )
    };
    let body = event("a") + &event(one) + &event(other) + &event("b");
    assert_eq!(text(&kept(&body, &[])), event("a") + &event("[redacted]") + &event("") + &event("b"));
}

proptest! {
    #[test]
    fn however_it_is_split_nothing_of_it_is_left(
        before in "[a-z é\"\\\\]{0,9}",
        after in "[a-z😀/]{0,9}",
        cuts in prop::collection::vec(0..9_usize, 0..12),
        carrier in 0..9_usize,
    ) {
        let (delta, _, place) = carriers()[carrier];
        let body = deltas(&format!("{before}{CANARY}{after}"), &cuts, delta);
        let pieces = vec![7; body.len() / 7 + 1];
        let reply = kept(&body, &pieces);
        prop_assert_eq!(reassembled(&reply.body, place), format!("{before}[redacted]{after}"));
        let total: usize = reply.chunks.iter().map(|chunk| chunk.length).sum();
        prop_assert!(total >= reply.body.len());
    }
}

#[test]
fn a_secret_in_a_compressed_body_is_struck_and_one_without_stays_as_it_came() {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let redactor = Redactor::new(["a-secret-of-mine"], []).unwrap();
    for (body, expected) in [("{\"a\":\"a-secret-of-mine\"}", Some("{\"a\":\"[redacted]\"}")), ("{\"a\":\"b\"}", None)]
    {
        let header = Header { name: "content-encoding".to_owned(), value: "gzip".to_owned() };
        let reply =
            Reply { status: 200, headers: vec![header], body: gzip(body).into(), chunks: vec![], end: End::Complete };
        let mut answer = Ok(reply.clone());
        redactor.strike_answer(&mut answer);
        let struck = answer.unwrap();
        match expected {
            Some(expected) => assert_eq!((text(&struck).as_str(), struck.headers.len()), (expected, 0)),
            None => assert_eq!(struck, reply),
        }
        // A body may be gzip though no header says so.
        let mut unnamed = Ok(Reply { headers: vec![], ..reply.clone() });
        redactor.strike_answer(&mut unnamed);
        let unnamed = unnamed.unwrap();
        assert_eq!(unnamed.body, expected.map_or(reply.body, Bytes::from));
    }
}

/// A text as gzip, as a zlib stream and as zstd.
fn compressed(text: &str) -> [(&'static str, Vec<u8>); 3] {
    use std::io::Read;
    let (mut gzip, mut zlib) = (Vec::new(), Vec::new());
    flate2::read::GzEncoder::new(text.as_bytes(), flate2::Compression::default()).read_to_end(&mut gzip).unwrap();
    flate2::read::ZlibEncoder::new(text.as_bytes(), flate2::Compression::default()).read_to_end(&mut zlib).unwrap();
    [("gzip", gzip), ("deflate", zlib), ("zstd", zstd::bulk::compress(text.as_bytes(), 1).unwrap())]
}

fn answer(encoding: Option<&str>, body: Vec<u8>) -> Reply {
    let header = |encoding: &str| Header { name: "content-encoding".to_owned(), value: encoding.to_owned() };
    let headers = encoding.map(header).into_iter().collect();
    Reply { status: 200, headers, body: body.into(), chunks: vec![], end: End::Complete }
}

#[test]
fn what_a_text_is_compressed_to_is_not_struck() {
    let redactor = Redactor::new([], [("(?s-u).", "x"), ("7", "N")]).unwrap();
    for (name, body) in compressed("") {
        let cut = body[..body.len() - 1].to_vec();
        for (encoding, body) in
            [(Some(name), body.clone()), (None, body.clone()), (Some("br"), body.clone()), (Some("br, gzip"), body)]
        {
            let mut reply = answer(encoding, body.clone());
            redactor.strike_reply(&mut reply);
            assert_eq!(reply.body, body, "{name} {encoding:?}");
        }
        let mut reply = answer(Some(name), cut.clone());
        redactor.strike_reply(&mut reply);
        assert!(reply.body == cut || name == "deflate", "{name}");
    }
    // A header may be left over from a body that somebody has unpacked.
    for (encoding, body) in [("br", "7é"), ("gzip", "7"), ("deflate", "7"), ("zstd", "x^7")] {
        let mut reply = answer(Some(encoding), body.into());
        redactor.strike_reply(&mut reply);
        assert!(reply.body.iter().all(|byte| *byte == b'x'), "{encoding}");
    }
    let redactor = Redactor::new([], [("br", "x")]).unwrap();
    let mut reply = answer(Some("br"), b"\x8b br".to_vec());
    redactor.strike_reply(&mut reply);
    assert_eq!((&reply.body[..], &*reply.headers[0].value), (&b"\x8b br"[..], "x"));
}

#[test]
fn what_can_be_read_of_a_compressed_body_is_struck() {
    let redactor = Redactor::new(["a-secret-of-mine"], []).unwrap();
    for (secret, expected) in [("a-secret-of-mine", Some("so: [redacted]!")), ("none", None)] {
        for (name, body) in compressed(&format!("so: {secret}!")) {
            for behind in [&b""[..], b"\0\0\0", b"\r\n"] {
                for encoding in [Some(name), None] {
                    let body = [&body, behind].concat();
                    let mut reply = answer(encoding, body.clone());
                    redactor.strike_reply(&mut reply);
                    assert_eq!(reply.body, expected.map_or(body, Vec::from), "{name} {behind:?}");
                    assert_eq!(reply.headers.is_empty(), expected.is_some() || encoding.is_none());
                }
            }
        }
    }
}

#[test]
fn what_takes_a_place_within_a_json_string_leaves_json() {
    let redactor = Redactor::new([], [(r"([0-9])[0-9]{3}", "\"nr\\ $1\"\n")]).unwrap();
    let request = Bytes::from_static(br#"{"model":"m-1234","n":"say \"5678\"","1234":[]}"#);
    let struck: Value = serde_json::from_slice(&redactor.strike(&request)).unwrap();
    assert_eq!(struck, json!({"model": "m-\"nr\\ 1\"\n", "n": "say \"\"nr\\ 5\"\n\"", "\"nr\\ 1\"\n": []}));
    assert_eq!(redactor.strike_text("no JSON: 1234"), "no JSON: \"nr\\ 1\"\n");
    let quoting = Redactor::new([], [("[0-9]{4}", "\"nr\"")]).unwrap();
    assert_eq!(quoting.strike(&Bytes::from_static(br#"{"a":1234}"#)), r#"{"a":"nr"}"#, "a number becomes a string");
    let whole = Redactor::new([], [(r#""ssn":"[^"]*""#, r#""ssn":"no""#)]).unwrap();
    assert_eq!(whole.strike(&Bytes::from_static(br#"{"ssn":"1-2","b":1}"#)), r#"{"ssn":"no","b":1}"#);
}

#[test]
fn what_takes_a_place_in_a_stream_leaves_its_events_json() {
    let redactor = Redactor::new([], [("[0-9]{4}", "\"nr\"")]).unwrap();
    let event = |model: &str, text: &str| {
        format!("data: {}\n\n", json!({"model": model, "choices": [{"index": 0, "delta": {"content": text}}]}))
    };
    let body = [event("m-1234", "12"), event("m-1234", "34")].concat();
    let length = body.len() / 2;
    let chunks = (1..3).map(|number| Chunk { offset_us: number, length }).collect();
    let header = Header { name: "content-type".to_owned(), value: "text/event-stream".to_owned() };
    let mut answer = Ok(Reply { status: 200, headers: vec![header], body: body.into(), chunks, end: End::Complete });
    redactor.strike_answer(&mut answer);
    let (events, _) = events(&answer.unwrap().body);
    let parsed: Vec<Value> = events.iter().map(|event| serde_json::from_slice(&event.data).unwrap()).collect();
    let texts = parsed.iter().map(|data| data["choices"][0]["delta"]["content"].as_str().unwrap());
    assert_eq!(texts.collect::<String>(), "\"nr\"");
    assert!(parsed.iter().all(|data| data["model"] == "m-\"nr\""), "{parsed:?}");
}

#[test]
fn json_that_deltas_add_up_to_is_struck_as_json() {
    let redactor = Redactor::new([], [("Zoë", "\"N\"")]).unwrap();
    for (said, expected) in [
        (r#"{"name":"Zo\u00eb"}"#, r#"{"name":"\"N\""}"#),
        (r#"{"name":"Zo\u00eb"#, r#"{"name":"\"N\""#),
        ("Zoë", r#""N""#),
        (r"Zo\u00eb", r#"\"N\""#),
    ] {
        for (delta, _, place) in carriers() {
            for cuts in [vec![], vec![11], vec![1; 20]] {
                let mut reply = kept(&deltas(said, &cuts, delta), &[]);
                redactor.strike_reply(&mut reply);
                assert_eq!(reassembled(&reply.body, place), expected, "{place} {cuts:?}");
            }
        }
    }
}
