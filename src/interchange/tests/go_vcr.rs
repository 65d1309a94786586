//! Cassettes of Go's go-vcr.

use crate::interchange::ImportFormat;

use super::*;

#[test]
fn a_body_that_is_no_text_is_left_out_and_not_taken_as_an_empty_one() {
    let interaction = |request: &str, response: &str| {
        format!(
            "- request: {{body: {request}, url: 'https://h/v1/responses', method: POST}}\n  response: {{body: {response}, code: 200}}\n"
        )
    };
    let list = [interaction("{model: b}", "x"), interaction("'{}'", "{id: x}"), interaction("'{}'", "null")];
    let imported = imported("a.yaml", format!("version: 2\ninteractions:\n{}", list.concat()));
    assert_eq!(imported.exchanges.len(), 1);
    let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(whys, ["its request body is a map, and no text", "its response body is a map, and no text"]);
}

#[test]
fn both_versions_are_read() {
    let second = format!(
        "---\nversion: 2\ninteractions:\n    - id: 0\n      request:\n        proto: HTTP/1.1\n        content_length: 3\n        \
         host: openrouter.ai\n        body: |-\n            {ASKED}\n        form: {{}}\n        headers:\n            Authorization:\n                \
         - Bearer secret\n        url: https://openrouter.ai/api/v1/chat/completions\n        method: POST\n      response:\n        \
         proto: HTTP/2.0\n        uncompressed: true\n        body: \"data: 1\\n\\ndata: [DONE]\\n\\n\"\n        headers:\n            \
         Content-Type:\n                - text/event-stream\n            Cf-Ray: [a, b]\n        status: 200 OK\n        code: 200\n        \
         duration: 1.25s\n"
    );
    let first = format!(
        "---\nversion: 1\ninteractions:\n- request:\n    body: '{ASKED}'\n    form: {{}}\n    headers: {{}}\n    url: \
         http://h/chat/completions\n    method: POST\n  response:\n    body: !!binary 3q0=\n    headers: {{}}\n    status: 502 Bad \
         Gateway\n    code: 502\n    duration: \"\"\n"
    );
    let (second, first) = (imported("a.yaml", second), imported("a.yaml", first));
    assert_eq!((second.format, first.format), (ImportFormat::GoVcr, ImportFormat::GoVcr));
    let exchange = &second.exchanges[0];
    assert_eq!(request_text(exchange), ASKED);
    assert_eq!(headers(exchange), [("content-type", "text/event-stream"), ("cf-ray", "a"), ("cf-ray", "b")]);
    assert_eq!(exchange.attempt.timing.total_us, 1_250_000);
    assert_eq!(
        reply(exchange).chunks.iter().map(|chunk| (chunk.offset_us, chunk.length)).collect::<Vec<_>>(),
        [(1_250_000, 9), (1_250_000, 14)]
    );
    assert_eq!(
        (reply(&first.exchanges[0]).status, reply(&first.exchanges[0]).body.as_ref()),
        (502, b"\xde\xad".as_slice())
    );
}
