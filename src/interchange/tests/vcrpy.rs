//! Cassettes of Python's vcrpy.

use base64::Engine;
use flate2::write::ZlibEncoder;

use crate::interchange::ImportFormat;
use crate::interchange::body::BASE64;
use crate::model::Class;

use super::*;

/// A cassette with one interaction: what the request and the response have for a body.
fn with(request: &str, response: &str, headers: &str) -> String {
    format!(
        "interactions:\n- request:\n{request}\n    headers:\n      authorization:\n      - Bearer secret\n    method: POST\n    \
         uri: https://api.openai.com/v1/chat/completions\n  response:\n{response}\n    headers:{headers}\n    status:\n      \
         code: 200\n      message: OK\nversion: 1\n"
    )
}

#[test]
fn a_body_is_taken_whichever_way_it_is_written() {
    let text = format!("    body: '{ASKED}'");
    for (request, response, expected_request, expected) in [
        (text.as_str(), "    body:\n      string: '{\"a\": 1}'", ASKED, "{\"a\": 1}"),
        (&text, "    body: {string: \"a\\u2028b\"}", ASKED, "a\u{2028}b"),
        (&text, "    body:\n      string: !!binary |\n        w6kK", ASKED, "é\n"),
        (&text, "    body:\n      string: !!python/unicode 'old'", ASKED, "old"),
        (&text, "    body: {string: null}", ASKED, ""),
        (&text, "    body: null", ASKED, ""),
        (&text, "    content: httpx of old", ASKED, "httpx of old"),
        (
            "    parsed_body:\n      messages:\n      - content: |-\n          é\n          x\n        n: 1.0\n        b: true\n      model: 'yes'",
            "    parsed_body:\n      a: null\n      cost: 6.0e-05\n      id: '12'\n      t: 1e3",
            "{\"messages\": [{\"content\": \"\\u00e9\\nx\", \"n\": 1.0, \"b\": true}], \"model\": \"yes\"}",
            "{\"a\": null, \"cost\": 6e-05, \"id\": \"12\", \"t\": \"1e3\"}",
        ),
        (
            "    body: !!python/object/new:_io.BytesIO\n      state: !!python/tuple\n      - !!binary |\n        eyJtb2RlbCI6Im0ifQ==\n      - 0\n      - null",
            "    body: {string: x}",
            "{\"model\":\"m\"}",
            "x",
        ),
        (
            "    body: !!python/object/apply:builtins.iter\n      args:\n      - - '{\"model\":'\n        - '\"m\"}'",
            "    body: {string: x}",
            "{\"model\":\"m\"}",
            "x",
        ),
    ] {
        let imported = imported("a.yaml", with(request, response, " {}"));
        assert_eq!(imported.format, ImportFormat::Vcrpy);
        assert_eq!(left_out(&imported), [""; 0], "{request}\n{response}");
        assert_eq!(request_text(&imported.exchanges[0]), expected_request);
        assert_eq!(body_text(&imported.exchanges[0]), expected);
    }
}

#[test]
fn a_body_in_gzip_keeps_its_bytes_and_is_the_answer_that_it_is() {
    let packed = gzip(ANSWER.as_bytes());
    let response = format!("    body:\n      string: !!binary |\n        {}", BASE64.encode(&packed));
    let asked = format!("    body: '{ASKED}'");
    let encoded = "\n      Content-Encoding: [gzip]\n      content-type: [application/json]";
    let taken = imported("a.yaml.gz", gzip(with(&asked, &response, encoded).as_bytes()));
    let exchange = &taken.exchanges[0];
    assert_eq!(reply(exchange).body.as_ref(), packed);
    assert_eq!(headers(exchange), [("content-encoding", "gzip"), ("content-type", "application/json")]);
    assert_eq!(exchange.attempt.class, Class::Answered);
    assert_eq!(exchange.answer().unwrap().text(), Some("hi"));

    // Decoded by the tool, which has left the header.
    let plain = imported("a.yaml", with(&asked, &format!("    body:\n      string: '{ANSWER}'"), encoded));
    assert_eq!(headers(&plain.exchanges[0]), [("content-type", "application/json")]);
    assert_eq!(plain.exchanges[0].attempt.class, Class::Answered);
}

#[test]
fn a_deflated_body_keeps_its_bytes_and_is_the_answer_that_it_is() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(ANSWER.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let response = format!("    body:\n      string: !!binary |\n        {}", BASE64.encode(&packed));
    let text = with(&format!("    body: '{ASKED}'"), &response, "\n      Content-Encoding: [deflate]");
    let taken = imported("a.yaml", text);
    let exchange = &taken.exchanges[0];
    assert_eq!((reply(exchange).body.as_ref(), exchange.attempt.class), (packed.as_slice(), Class::Answered));
    assert_eq!(exchange.answer().unwrap().text(), Some("hi"));
    assert!(taken.notes.is_empty(), "{:?}", taken.notes);
}

#[test]
fn a_request_in_gzip_is_read() {
    let request = format!("    body: !!binary |\n      {}", BASE64.encode(gzip(ASKED.as_bytes())));
    let imported = imported("a.yaml", with(&request, "    body: {string: x}", " {}"));
    assert_eq!(request_text(&imported.exchanges[0]), ASKED);
}

#[test]
fn what_is_the_same_twice_is_an_alias() {
    let yaml = format!(
        "version: 1\ninteractions:\n- request: &id001\n    body: '{ASKED}'\n    method: POST\n    uri: http://h/v1/responses\n    \
         headers: &id002 {{}}\n  response: {{status: {{code: 429, message: x}}, headers: *id002, body: {{string: slow}}}}\n\
         - request: *id001\n  response: {{status: {{code: 200, message: x}}, headers: *id002, body: {{string: fast}}}}\n"
    );
    let imported = imported("a.yaml", yaml);
    let bodies: Vec<_> = imported.exchanges.iter().map(body_text).collect();
    assert_eq!(bodies, ["slow", "fast"]);
    assert_eq!(imported.exchanges[0].attempt.class, Class::RateLimited);
}

#[test]
fn a_cassette_in_json_is_read() {
    let json = serde_json::json!({
        "version": 1,
        "interactions": [{
            "request": {"method": "GET", "uri": "https://openrouter.ai/api/v1/models?supported=tools&key=secret", "body": null, "headers": {}},
            "response": {"status": {"code": 200, "message": "OK"}, "headers": {"content-type": ["application/json"]},
                         "body": {"string": "{\"data\": []}"}},
        }, {
            "request": {"method": "PUT", "uri": "https://h/v1/embeddings", "body": "{}", "headers": {}},
            "response": {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": ""}},
        }],
    });
    let imported = imported("a.json", serde_json::to_string_pretty(&json).unwrap());
    assert_eq!(imported.format, ImportFormat::Vcrpy);
    assert_eq!(request_text(&imported.exchanges[0]), "{\"supported\":\"tools\"}");
    assert_eq!(imported.exchanges[0].request.endpoint.path(), "models");
    assert_eq!(imported.exchanges[0].attempt.class, Class::Answered);
    assert_eq!(left_out(&imported), ["interaction 2 (line 26), PUT /v1/embeddings: it is no POST"]);
}

/// A request and a response as they stand in lists of their own.
fn apart(prompt: &str) -> (String, String) {
    let body = BASE64.encode(format!("{{\"model\":\"m\",\"prompt\":\"{prompt}\"}}"));
    let request = format!(
        "- body: !!binary |\n    {body}\n  headers:\n    authorization:\n    - '**REDACTED**'\n  method: POST\n  \
         uri: https://api.openai.com/v1/completions\n"
    );
    let response = format!(
        "- body:\n    string: !!binary |\n      {}\n  headers:\n    Content-Type:\n    - text/plain\n  status:\n    \
         code: 200\n    message: OK\n",
        BASE64.encode(format!("answer to {prompt}"))
    );
    (request, response)
}

#[test]
fn requests_and_responses_in_lists_of_their_own_belong_together_by_their_places() {
    let pairs: Vec<(String, String)> = ["one", "two", "three"].map(apart).into();
    for (requests, responses, why) in [
        (3, 3, vec![]),
        (3, 2, vec!["POST /v1/completions: the list `responses` has none in its place: it is shorter than `requests`"]),
        (1, 2, vec!["the list `requests` has none in its place: it is shorter than `responses`"]),
        (0, 0, vec![]),
    ] {
        let list = |name: &str, parts: String| {
            if parts.is_empty() { format!("{name}: []\n") } else { format!("{name}:\n{parts}") }
        };
        let text = list("requests", pairs[..requests].iter().map(|(request, _)| request.as_str()).collect())
            + &list("responses", pairs[..responses].iter().map(|(_, response)| response.as_str()).collect());
        let imported = imported("a.yaml.gz", gzip(text.as_bytes()));
        assert_eq!(imported.format, ImportFormat::Vcrpy);
        let told: Vec<&str> = imported.exchanges.iter().map(body_text).collect();
        let expected = ["answer to one", "answer to two", "answer to three"];
        assert_eq!(told, expected[..requests.min(responses)]);
        let left_out = left_out(&imported);
        assert_eq!(left_out.len(), why.len(), "{left_out:?}");
        assert!(left_out.iter().zip(why).all(|(told, why)| told.ends_with(why)), "{left_out:?}");
    }
}

/// A cassette in JSON: what the request and the response have beside their other members.
fn in_json(request: &str, response: &str) -> String {
    format!(
        "{{\"version\":1,\"interactions\":[\n{{\"request\":{{\"method\":\"POST\",\"uri\":\"https://h/v1/chat/completions\",\"headers\":{{}},\n{request}}},\
         \"response\":{{\"status\":{{\"code\":200}},\"headers\":{{}},\n{response}}}}}]}}"
    )
}

#[test]
fn half_of_a_surrogate_pair_in_a_parsed_body_stays_what_it_is() {
    let request = r#""parsed_body":{"model":"m","messages":[{"role":"user","content":"half \udc00"}]}"#;
    let response = r#""parsed_body":{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"cut emoji \ud83d"}}]}"#;
    let taken = imported("a.json", in_json(request, response));
    assert_eq!(left_out(&taken), [""; 0]);
    assert_eq!(
        request_text(&taken.exchanges[0]),
        r#"{"model": "m", "messages": [{"role": "user", "content": "half \udc00"}]}"#
    );
    assert_eq!(
        body_text(&taken.exchanges[0]),
        r#"{"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "cut emoji \ud83d"}}]}"#
    );
}

#[test]
fn a_parsed_body_with_a_part_that_cannot_be_read_is_left_out_with_its_place() {
    let asked = format!("\"body\":{}", serde_json::Value::from(ASKED));
    let answered = "\"parsed_body\":{\"choices\":[]}".to_owned();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (bad, why) in [
        ("1e999", "a number out of range"),
        ("{\"\\ud83d\":1}", "half of a surrogate pair, which is no character"),
        (&nested(150), "nested too deeply"),
        (&nested(100_000), "nested too deeply"),
    ] {
        let parsed = format!("\"parsed_body\":{{\"model\":\"m\",\"a\":[{{\"b\":{bad}}}]}}");
        for (request, response, side) in [(&asked, &parsed, "response"), (&parsed, &answered, "request")] {
            let taken = imported("a.json", in_json(request, response));
            assert_eq!(taken.exchanges, [], "{why}");
            let [left_out] = left_out(&taken).try_into().unwrap();
            let place = format!("POST /v1/chat/completions: its {side} body cannot be read: line ");
            assert!(left_out.contains(&place) && left_out.ends_with(why), "{left_out}");
        }
    }
}

#[test]
fn a_request_body_that_is_a_mapping_is_the_json_of_it() {
    let value = "{model: m, messages: [{role: user, content: hié}], n: 1.0}";
    let text = |member: &str| format!("    {member}: {value}");
    let answer = format!("    body: {{string: '{ANSWER}'}}");
    let [taken, parsed] = ["body", "parsed_body"].map(|member| imported("a.yaml", with(&text(member), &answer, " {}")));
    assert_eq!(
        request_text(&taken.exchanges[0]),
        r#"{"model": "m", "messages": [{"role": "user", "content": "hi\u00e9"}], "n": 1.0}"#
    );
    assert_eq!(taken.exchanges, parsed.exchanges);
    let json = in_json(r#""body":{"model":"m","messages":[]}"#, &format!("\"parsed_body\":{ANSWER}"));
    assert_eq!(request_text(&imported("a.json", json).exchanges[0]), r#"{"model": "m", "messages": []}"#);
    for (request, response, why) in [
        (text("body"), text("body"), "its response body is an object that is not read"),
        (
            "    body: !!python/object/apply:io.BytesIO\n      args: [x]".to_owned(),
            answer,
            "its request body is an object that is not read",
        ),
    ] {
        let [left_out] = left_out(&imported("a.yaml", with(&request, &response, " {}"))).try_into().unwrap();
        assert!(left_out.ends_with(why), "{left_out}");
    }
}

#[test]
fn of_members_with_one_name_the_last_one_counts() {
    let asked = format!("    body: '{ASKED}'");
    let parsed = "    parsed_body:\n      a: 1\n      b: {c: 1, c: 2}\n      a: 3";
    let twice =
        "\n      Retry-After: ['1']\n      x-request-id: [r]\n      Retry-After: ['2', '3']\n      retry-after: ['4']";
    let json = r#""body":"{}","parsed_body":{"a":1,"b":{"c":1,"c":2},"a":3},"headers":{"Retry-After":"1","x-request-id":"r","Retry-After":["2","3"],"retry-after":"4"}"#;
    let json = in_json(&format!("\"body\":{}", serde_json::Value::from(ASKED)), json);
    for taken in [imported("a.yaml", with(&asked, parsed, twice)), imported("a.json", json)] {
        let exchange = &taken.exchanges[0];
        assert_eq!(body_text(exchange), r#"{"a": 3, "b": {"c": 2}}"#);
        let waits: Vec<_> = headers(exchange).into_iter().filter(|(name, _)| *name == "retry-after").collect();
        assert_eq!(waits, ["2", "3", "4"].map(|seconds| ("retry-after", seconds)));
    }
}
