//! Cassettes of Ruby's VCR.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::interchange::ImportFormat;
use crate::model::{Chunk, Class};

use super::*;

const CASSETTE: &str = r#"---
http_interactions:
- request:
    method: post
    uri: https://openrouter.ai/api/v1/chat/completions
    body:
      encoding: UTF-8
      string: '{"model":"a/b","messages":[{"role":"user","content":"What''s
        new?"}]}'
    headers:
      Authorization:
      - Bearer secret
  response:
    status:
      code: 200
      message: OK
    headers:
      Date:
      - Mon, 08 Jun 2026 18:47:47 GMT
      Content-Type:
      - application/json
      Set-Cookie:
      - id=secret
      X-Ratelimit-Limit:
      - '1'
      - '2'
    body:
      encoding: ASCII-8BIT
      string: "\n         \n{\"choices\":[{\"message\":{\"content\":\"not
        much\"},\"finish_reason\":\"stop\"}],\"usage\":{\"cost\":0.25,\"prompt_tokens\":1,\"completion_tokens\":2}}"
  recorded_at: Mon, 08 Jun 2026 18:47:48 GMT
- request:
    method: get
    uri: https://example.org/v1/files?key=secret
    body:
      encoding: US-ASCII
      string: ''
  response:
    status:
      code: 200
      message: OK
    headers: {}
    body:
      encoding: UTF-8
      string: x
  recorded_at: Mon, 08 Jun 2026 18:47:49 GMT
- request:
    method: post
    uri: https://openrouter.ai/api/v1/chat/completions
    body:
      encoding: UTF-8
      string: '{"model":"a/b","messages":[{"role":"user","content":"What''s new?"}]}'
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - text/event-stream
    body:
      encoding: UTF-8
      string: |+
        : OPENROUTER PROCESSING

        data: {"choices":[{"delta":{"content":"hé"}}]}

        data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

        data: [DONE]

  recorded_at: Mon, 08 Jun 2026 18:47:50 GMT
recorded_with: VCR 6.4.0
"#;

#[test]
fn a_cassette_is_taken_with_its_bytes() {
    let imported = imported("a.yml", CASSETTE);
    assert_eq!(imported.format, ImportFormat::Vcr);
    assert_eq!(left_out(&imported), ["interaction 2 (line 32), GET /v1/files: it is not a call that nightreel knows"]);
    let [first, second] = imported.exchanges.as_slice() else { panic!("{imported:?}") };
    assert_eq!(request_text(first), r#"{"model":"a/b","messages":[{"role":"user","content":"What's new?"}]}"#);
    assert_eq!(&*first.request.model, "a/b");
    assert_eq!(
        body_text(first),
        "\n         \n{\"choices\":[{\"message\":{\"content\":\"not much\"},\"finish_reason\":\"stop\"}],\
         \"usage\":{\"cost\":0.25,\"prompt_tokens\":1,\"completion_tokens\":2}}"
    );
    assert_eq!(
        headers(first),
        [
            ("date", "Mon, 08 Jun 2026 18:47:47 GMT"),
            ("content-type", "application/json"),
            ("x-ratelimit-limit", "1"),
            ("x-ratelimit-limit", "2"),
        ]
    );
    assert_eq!((first.attempt.class, first.attempt.cost_usd), (Class::Answered, Some(0.25)));
    assert_eq!(first.attempt.sent_at_ms, 1_780_944_468_000);
    assert_eq!(first.request.key, second.request.key);
    assert_eq!((first.occurrence, second.occurrence), (0, 1));
}

#[test]
fn a_stream_comes_event_by_event() {
    let imported = imported("a.yml", CASSETTE);
    let stream = reply(&imported.exchanges[1]);
    assert!(stream.body.starts_with(b": OPENROUTER PROCESSING\n\ndata: "));
    assert!(stream.body.ends_with("data: [DONE]\n\n".as_bytes()));
    let lengths: Vec<usize> = stream.chunks.iter().map(|chunk| chunk.length).collect();
    assert_eq!(lengths, [25, 49, 57, 14]);
    assert!(stream.chunks.iter().all(|chunk: &Chunk| chunk.offset_us == 0));
    assert_eq!(imported.exchanges[1].attempt.class, Class::Answered);
}

/// A cassette with one interaction, and so a body.
fn with_body(body: &str) -> String {
    format!(
        "http_interactions:\n- request:\n    method: post\n    uri: http://h/v1/chat/completions\n    body:\n      string: '{ASKED}'\n  \
         response:\n    status:\n      code: 200\n    headers: {{}}\n    body:\n{body}\n"
    )
}

/// The same with the date that VCR writes behind it.
fn dated(body: &str) -> String {
    with_body(body) + "  recorded_at: Mon, 08 Jun 2026 18:47:48 GMT\n"
}

#[test]
fn a_body_has_the_bytes_that_it_had_before_it_was_written_down() {
    for (body, expected) in [
        (
            "      encoding: ASCII-8BIT\n      string: !binary |-\n        /wD+\n        eA==",
            b"\xff\x00\xfex".as_slice(),
        ),
        ("      encoding: ASCII-8BIT\n      base64_string: |\n        /wD+\n        eA==", b"\xff\x00\xfex"),
        ("      encoding: UTF-8\n      string: \"h\\xE9 \\u2028\"", "hé \u{2028}".as_bytes()),
        ("      encoding: ISO-8859-1\n      string: hé", b"h\xe9"),
        ("      encoding: ISO-8859-1\n      string: h…", "h…".as_bytes()),
        ("      encoding: US-ASCII\n      string: ''", b""),
        ("      encoding: UTF-8\n      string: ", b""),
        ("      encoding: Shift_JIS\n      string: ascii alone", b"ascii alone"),
        ("      encoding: UTF-8\n      string: >\n        a\n        b\n\n        c", b"a b\nc\n"),
        ("      encoding: UTF-8\n      string: no", b"no"),
        ("      encoding: UTF-8\n      string: 12", b"12"),
    ] {
        let imported = imported("a.yml", dated(body));
        assert_eq!(left_out(&imported), [""; 0], "{body}");
        assert_eq!(reply(&imported.exchanges[0]).body.as_ref(), expected, "{body}");
    }
    for (body, why) in [
        ("      encoding: Shift_JIS\n      string: é", "its body is in the encoding SHIFT_JIS, which is not read"),
        ("      encoding: UTF-8\n      string: [1]", "its response body is a list, and no text"),
    ] {
        let imported = imported("a.yml", with_body(body));
        assert_eq!(left_out(&imported), [format!("interaction 1 (line 2), POST /v1/chat/completions: {why}")]);
    }
}

/// A cassette with one interaction whose body is the last that VCR writes of it, in a block.
fn in_a_block() -> String {
    with_body("      encoding: UTF-8\n      string: |+\n        data: {\"a\":1}\n\n        data: {\"b\"")
}

#[test]
fn what_may_have_lost_the_end_of_its_body_is_left_out() {
    let first = CASSETTE.split("- request:").nth(1).unwrap();
    let first = format!("- request:{first}");
    let cut = in_a_block();
    let list = cut.strip_prefix("http_interactions:\n").unwrap();
    let at = cut.find("        data: {\"b\"").unwrap();
    let body = cut.find("    body:\n      encoding").unwrap();
    for (cassette, taken, is_cut) in [
        (cut.clone(), 0, true),
        (cut[..at].to_owned(), 0, true),
        (cut[..body].to_owned(), 0, true),
        (cut[..body + "    body:\n      encoding: UTF-8\n".len()].to_owned(), 0, true),
        (with_body("      string: plain words"), 0, true),
        (format!("http_interactions:\n{first}{list}"), 1, true),
        // What stands behind the body says that it is whole.
        (format!("{cut}    http_version: \n"), 1, false),
        (format!("{cut}  recorded_at: Mon, 08 Jun 2026 18:47:48 GMT\n"), 1, false),
        (format!("{cut}recorded_with: VCR 6.4.0\n"), 1, false),
        (format!("{cut}    adapter_metadata: {{}}\n"), 1, false),
        (with_body("      string: |\n        whole\n      encoding: UTF-8"), 1, false),
        // So do quotes, and those who write by hand date nothing.
        (with_body("      string: 'quoted'"), 1, false),
        (with_body("      string: \"quoted\""), 1, false),
        (
            with_body("      string: 'quoted'").replace("    body:\n      string: 'quoted'", "    body: 'quoted'"),
            1,
            false,
        ),
        (format!("{cut}{list}"), 2, false),
        // Only the last interaction of a file can be cut.
        (format!("{cut}{first}"), 2, false),
    ] {
        let imported = imported("a.yml", &cassette);
        let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
        assert_eq!(imported.exchanges.len(), taken, "{cassette}{whys:?}");
        assert_eq!(whys.len(), usize::from(is_cut), "{cassette}");
        assert!(whys.iter().all(|why| why.starts_with("the file ends before its `recorded_at`")), "{whys:?}");
    }
}

#[test]
fn an_old_cassette_ends_early_where_its_last_response_lacks_what_all_others_have() {
    let one = |behind: &str| {
        format!(
            "- request:\n    method: :post\n    uri: http://h/v1/chat/completions\n    body: '{ASKED}'\n  response:\n    \
             status:\n      code: 200\n    headers: {{}}\n    body: |\n      data: 1\n{behind}"
        )
    };
    let (whole, cut) = (one("    http_version: '1.1'\n"), one(""));
    for (list, taken, left) in
        [([&*whole, &*whole], 2, 0), ([&*whole, &*cut], 1, 1), ([&*cut, &*cut], 2, 0), ([&*cut, ""], 1, 0)]
    {
        let imported = imported("a.yml", list.concat());
        assert_eq!((imported.exchanges.len(), imported.skipped.len()), (taken, left), "{list:?}");
    }
}

#[test]
fn what_speaks_against_a_body_and_what_nobody_has_filled_in_is_told() {
    let notes = |cassette: &str| -> Vec<String> {
        imported("a.yml", cassette).notes.into_iter().map(|note| note.what).collect()
    };
    let fine = with_body(&format!("      string: '{ANSWER}'"));
    assert_eq!(notes(&fine), [""; 0]);
    let length = |length: usize| fine.replace("headers: {}", &format!("headers: {{Content-Length: ['{length}']}}"));
    assert_eq!(notes(&length(ANSWER.len())), [""; 0]);
    let short = format!("its response body has {} bytes of the 500 of its content-length", ANSWER.len());
    assert_eq!(notes(&length(500)), [short]);
    let template = "it has ERB in it (<%= … %>), which is not run and stays as it is";
    assert_eq!(notes(&fine.replace("\"hi\"", "\"<%= greeting %>\"")), [template]);
    assert_eq!(notes(&fine.replace("http://h", "<%= host %>")), [template]);
    assert_eq!(notes(&fine.replace("\"hi\"", "\"5 <%= 3\"")), [""; 0]);
    let said = notes(&with_body("      string: '{\"choices\":[{\"mess'"));
    assert!(
        matches!(said.as_slice(), [one] if one.starts_with("its response is no answer: HTTP 200, but ")),
        "{said:?}"
    );
}

#[test]
fn a_cassette_may_be_json_compressed_old_or_several_documents() {
    let json = format!(
        "{{\"http_interactions\":[\n{{\"request\":{{\"method\":\"post\",\"uri\":\"http://h/chat/completions\",\"body\":\
         {{\"encoding\":\"UTF-8\",\"string\":{asked}}}}},\"response\":{{\"status\":{{\"code\":500,\"message\":\"x\"}},\
         \"headers\":{{\"Retry-After\":[\"3\"]}},\"body\":{{\"encoding\":\"UTF-8\",\"base64_string\":\"b29w\\ncw==\\n\"}}}},\
         \"recorded_at\":\"2026-01-02T03:04:05Z\"}}]}}",
        asked = serde_json::to_string(ASKED).unwrap()
    );
    let taken = imported("a.json", json);
    assert_eq!((taken.format, body_text(&taken.exchanges[0])), (ImportFormat::Vcr, "oops"));
    assert_eq!(headers(&taken.exchanges[0]), [("retry-after", "3")]);
    assert_eq!(taken.exchanges[0].attempt.class, Class::ServerError);
    assert_eq!(taken.exchanges[0].attempt.sent_at_ms, 1_767_323_045_000);

    let plain = dated("      string: x");
    assert_eq!(imported("a.yml.gz", gzip(plain.as_bytes())).exchanges.len(), 1);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(plain.as_bytes()).unwrap();
    assert_eq!(imported("a.zz", zlib.finish().unwrap()).exchanges.len(), 1);
    assert_eq!(imported("a.yml", format!("\u{feff}{plain}")).exchanges.len(), 1);

    let several = imported("a.yml", format!("---\n{plain}---\n{plain}---\n"));
    assert_eq!(several.exchanges.iter().map(|exchange| exchange.occurrence).collect::<Vec<_>>(), [0, 1]);

    let old = format!(
        "- !ruby/struct:VCR::HTTPInteraction\n  request: !ruby/struct:VCR::Request\n    method: :post\n    uri: \
         http://h:80/v1/chat/completions\n    body: '{ASKED}'\n    headers: \n  response: !ruby/struct:VCR::Response\n    \
         status: !ruby/struct:VCR::ResponseStatus\n      code: 200\n      message: OK\n    headers: {{}}\n    body: old\n"
    );
    let old = imported("a.yml", old);
    assert_eq!((old.format, body_text(&old.exchanges[0])), (ImportFormat::Vcr, "old"));
}

#[test]
fn what_is_wrong_with_an_interaction_leaves_it_out_alone() {
    let interaction = |request: &str, response: &str| {
        format!(
            "- request:\n    method: post\n    uri: http://h/v1/chat/completions\n    body:\n      string: {request}\n{response}"
        )
    };
    let fine = "  response:\n    status:\n      code: 200\n    body:\n      string: x\n";
    let list = [
        interaction("'{'", fine),
        interaction("", fine),
        interaction(&format!("'{ASKED}'"), ""),
        interaction(&format!("'{ASKED}'"), "  response:\n    status:\n      code: 1000\n"),
        interaction(&format!("'{ASKED}'"), "  response:\n    body: {}\n"),
        interaction(&format!("'{ASKED}'"), fine),
        "- 12\n".to_owned(),
    ];
    let imported = imported("a.yml", format!("http_interactions:\n{}", list.concat()));
    assert_eq!(imported.exchanges.len(), 1);
    let chat = "POST /v1/chat/completions";
    assert_eq!(
        left_out(&imported),
        [
            format!(
                "interaction 1 (line 2), {chat}: its request body is not JSON: a member's name was expected at byte 1"
            ),
            format!("interaction 2 (line 12), {chat}: it has no request body"),
            format!("interaction 3 (line 22), {chat}: it has no response"),
            format!("interaction 4 (line 27), {chat}: its response has the status 1000, which is none"),
            format!("interaction 5 (line 35), {chat}: its response has no status"),
            "interaction 7 (line 52): it is not a call that nightreel knows".to_owned(),
        ]
    );
}

#[test]
fn a_cassette_of_r_has_a_bare_status_and_may_have_its_bodies_in_files() {
    let response = |body: &str| {
        format!(
            "- request:\n    method: POST\n    uri: https://h/v1/chat/completions\n    body:\n      string: '{ASKED}'\n    \
             headers: []\n  response:\n    status: 200\n    headers:\n      content-type: application/json\n    body:\n      \
             {body}\n  recorded_at: 2025-05-06 13:04:11\n"
        )
    };
    let bodies = [
        &format!("string: '{ANSWER}'"),
        "{file: no, string: plain}",
        "{file: yes, string: fixtures/a.json}",
        "{on_disk: fixtures/b.json}",
    ];
    let interactions = bodies.map(response).concat();
    let imported = imported("a.yml", format!("http_interactions:\n{interactions}recorded_with: VCR-vcr/2.0.0\n"));
    assert_eq!(imported.format, ImportFormat::Vcr);
    let told: Vec<&str> = imported.exchanges.iter().map(body_text).collect();
    assert_eq!(told, [ANSWER, "plain"]);
    assert_eq!(headers(&imported.exchanges[0]), [("content-type", "application/json")]);
    let whys: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "its response body is in the file \"fixtures/a.json\", which is not read",
            "its response body is in the file \"fixtures/b.json\", which is not read",
        ]
    );
}
