//! Recordings of Rust's httpmock.

use crate::interchange::ImportFormat;
use crate::model::Class;

use super::*;

#[test]
fn a_mock_may_leave_out_its_method_and_may_write_its_answer_as_json() {
    let yaml = format!(
        "when: {{path: /v1/chat/completions, body: '{ASKED}'}}\nthen: {{json_body: '{{\"a\":  1}}'}}\n---\nwhen: {{path: \
         /v1/models}}\nthen: {{body: x}}\n---\nwhen: {{path: /v1/responses, json_body: {{}}}}\nthen: {{json_body: {{id: x}}}}\n---\nwhen: \
         {{path: /v1/responses, body: '{{}}'}}\nthen: {{body: {{id: x}}}}\n---\nwhen: {{path: /other}}\nthen: {{}}\n"
    );
    let imported = imported("a.yaml", yaml);
    let bodies: Vec<&str> = imported.exchanges.iter().map(body_text).collect();
    assert_eq!(bodies, ["{\"a\":  1}", "x", "{\"id\": \"x\"}"]);
    assert_eq!(
        left_out(&imported),
        [
            "interaction 4 (line 10), POST /v1/responses: its response body is a map, and no text",
            "interaction 5 (line 13), /other: it is not a call that nightreel knows",
        ]
    );
}

#[test]
fn every_document_is_a_mock() {
    let yaml = format!(
        "when:\n  path: /v1/chat/completions\n  method: POST\n  header:\n  - name: authorization\n    value: Bearer secret\n  body: \
         '{ASKED}'\nthen:\n  status: 429\n  header:\n  - name: Retry-After\n    value: '7'\n  - name: set-cookie\n    value: a\n  \
         body: slow down\n  delay: 20\n---\nwhen:\n  path: /openai/v1/embeddings\n  method: POST\n  json_body:\n    model: e\n    input: \
         [a, 1]\nthen:\n  status: 200\n  body_base64: /wA=\n---\nwhen:\n  path: /v1/models\n  method: GET\n  query_param:\n  - name: q\n    \
         value: a b\nthen:\n  body: '{{}}'\n---\nwhen:\n  path: /v1/responses\n  method: POST\n  body_contains: [x]\nthen:\n  status: 200\n"
    );
    let imported = imported("a.yaml", yaml);
    assert_eq!(imported.format, ImportFormat::Httpmock);
    let [chat, embeddings, models] = imported.exchanges.as_slice() else { panic!("{imported:?}") };
    assert_eq!((request_text(chat), body_text(chat)), (ASKED, "slow down"));
    assert_eq!(headers(chat), [("retry-after", "7")]);
    assert_eq!((chat.attempt.class, chat.attempt.timing.total_us), (Class::RateLimited, 20_000));
    assert_eq!(request_text(embeddings), r#"{"model": "e", "input": ["a", 1]}"#);
    assert_eq!(reply(embeddings).body.as_ref(), b"\xff\0");
    assert_eq!((request_text(models), reply(models).status), (r#"{"q":"a b"}"#, 200));
    assert_eq!(
        left_out(&imported),
        [
            "interaction 4 (line 37), POST /v1/responses: it matches without a whole request body (`body`, `body_base64` or \
          `json_body`)"
        ]
    );
}

#[test]
fn a_body_in_json_with_a_part_that_cannot_be_read_is_left_out_with_its_place() {
    for (request, response, side) in [("[1e999]", "{}", "request"), ("{}", "{\"a\":[1e999]}", "response")] {
        let mock = format!(
            "{{\"when\":{{\"path\":\"/v1/responses\",\"json_body\":{request}}},\n\"then\":{{\"json_body\":{response}}}}}"
        );
        let imported = imported("a.json", mock);
        assert_eq!(imported.exchanges, []);
        let [left_out] = left_out(&imported).try_into().unwrap();
        assert!(left_out.contains(&format!(": its {side} body cannot be read: line ")), "{left_out}");
        assert!(left_out.ends_with(": a number out of range"), "{left_out}");
    }
}
