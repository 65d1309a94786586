//! Chat bodies and `OpenAI` Batch.

use serde_json::json;

use super::super::Options;
use super::{message, of_format, read};
use crate::model::{Endpoint, Format};

#[test]
fn a_body_is_kept_byte_for_byte() {
    let written = " {\"model\" : \"m\",\t\"messages\":[ ],\"seed\":9007199254740993, \"t\":1.0,\"m\":{\"row\":7}} ";
    let content = format!("\u{feff}{written}\r\n{{\"input\":\"x\"}}");
    let rows = read(content.as_bytes(), Options { id: Some("m.row".to_owned()), ..of_format(Format::Requests) });
    let row = rows[0].as_ref().unwrap();
    let request = row.request.as_ref().unwrap();
    assert_eq!((row.id.as_str(), request.endpoint, request.body.as_ref()), ("7", None, written.as_bytes()));
    assert!(row.fields.is_empty());
    assert_eq!(rows[1], Err(r#"q:2: the id field "m.row" is missing; the fields are "input""#.to_owned()));
    assert_eq!(read(b"\n{\"prompt\":\"x\"}", of_format(Format::Requests))[0].as_ref().unwrap().id, "1");
}

#[test]
fn a_line_that_is_no_body_says_what_it_looks_like() {
    let cases = [
        (
            r#"{"question":"x"}"#,
            r#"messages is missing; this line looks like a row for a prompt; set format = "jsonl""#,
        ),
        (r#"{"messages":"x"}"#, "messages is a string, not a list"),
        (
            r#"{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{}}"#,
            r#"messages is missing; this line looks like OpenAI Batch; set format = "openai-batch""#,
        ),
        (
            r#"{"custom_id":"a","params":{}}"#,
            r#"messages is missing; this line looks like an Anthropic Message Batch; set format = "anthropic-batch""#,
        ),
        (
            r#"{"custom_id":"a","body":{}}"#,
            r#"messages is missing; OpenRouter's batch lines need "method": "POST" and a "url" to be OpenAI's"#,
        ),
        (
            r#"{"custom_id":"a","response":{},"error":null}"#,
            "messages is missing; this line looks like a batch's result, not like its input",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(message(line.as_bytes(), of_format(Format::Requests)), format!("q:1: {expected}"));
    }
}

#[test]
fn a_batch_line_brings_its_id_endpoint_and_body_byte_for_byte() {
    let content = concat!(
        r#"{"body": {"messages":[ ] , "n":1.0}, "url":"/v1/chat/completions","custom_id":"a b","method":"POST","note":5}"#,
        "\r\n",
        r#"{"custom_id":"e","method":"POST","url":"embeddings","body":{"input":"x"}}"#,
    );
    let rows = read(content.as_bytes(), of_format(Format::OpenaiBatch));
    let row = rows[0].as_ref().unwrap();
    let request = row.request.as_ref().unwrap();
    assert_eq!((row.id.as_str(), request.endpoint), ("a b", Some(Endpoint::ChatCompletions)));
    assert_eq!(request.body.as_ref(), br#"{"messages":[ ] , "n":1.0}"#);
    let fields = json!({"url": "/v1/chat/completions", "custom_id": "a b", "method": "POST", "note": 5});
    assert_eq!(json!(row.fields), fields);
    assert_eq!(rows[1].as_ref().unwrap().request.as_ref().unwrap().endpoint, Some(Endpoint::Embeddings));
}

#[test]
fn another_id_can_be_set_for_a_batch() {
    let line = br#"{"custom_id":"c","method":"POST","url":"/v1/responses","body":{"input":"x","metadata":{"row":3}}}"#;
    let options = Options { id: Some("body.metadata.row".to_owned()), ..of_format(Format::OpenaiBatch) };
    assert_eq!(read(line, options)[0].as_ref().unwrap().id, "3");
}

#[test]
fn a_batch_line_that_cannot_be_sent_says_why() {
    let line = |id: &str, method: &str, url: &str, body: &str| {
        format!(r#"{{"custom_id":{id},"method":{method},"url":{url},"body":{body}}}"#)
    };
    let (id, post, chat, body) = (r#""a""#, r#""POST""#, r#""/v1/chat/completions""#, r#"{"messages":[]}"#);
    let cases = [
        (line("7", post, chat, body), "custom_id is a number, not a string"),
        (line(r#""""#, post, chat, body), r#"the id "custom_id" is empty"#),
        (line(id, r#""GET""#, chat, body), r#"method is not POST, the only one there is: "GET""#),
        (
            line(id, post, r#""/v1/moderations""#, body),
            "url names no endpoint that can be sent to: \"/v1/moderations\"; known are /v1/chat/completions, \
             /v1/completions, /v1/embeddings, /v1/responses, /v1/messages",
        ),
        (line(id, post, "null", body), "url is null, not a string"),
        (line(id, post, chat, r#""{}""#), "body is a string, not an object"),
        (line(id, post, chat, r#"{"input":1}"#), "body.messages is missing"),
        (line(id, post, r#""/v1/embeddings""#, body), "body.input is missing"),
        (line(id, post, chat, r#"{"messages":{}}"#), "body.messages is an object, not a list"),
        (r#"{"custom_id":"a","method":"POST","url":"/v1/responses"}"#.to_owned(), "body is missing"),
        (body.to_owned(), "custom_id is missing; this line looks like a chat body; set format = \"requests\""),
        (
            r#"{"custom_id":"a","params":{"messages":[]}}"#.to_owned(),
            "method is missing; this line looks like an Anthropic Message Batch; set format = \"anthropic-batch\"",
        ),
        (
            r#"{"custom_id":"a","body":{}}"#.to_owned(),
            "method is missing; OpenRouter's batch lines need \"method\": \"POST\" and a \"url\" to be OpenAI's",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(message(line.as_bytes(), of_format(Format::OpenaiBatch)), format!("q:1: {expected}"));
    }
}
