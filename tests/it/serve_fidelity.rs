//! What is recorded through the server comes back as it was, with the upstream gone.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::support::{
    Answer, Ask, CANARY, Destination as _, Ending, Ends, FaultyGateway, Play, Received, Served, Test,
};

/// A chat request with a prompt.
fn prompt(text: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string()
}

/// A whole answer of bytes.
fn bytes(status: &str, headers: &str, body: &[u8]) -> Play {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Play::Raw([head.as_bytes(), body].concat())
}

fn json_bytes(body: &[u8]) -> Play {
    bytes("200 OK", "content-type: application/json\r\n", body)
}

/// What a client sees while a server records, and what it sees of the same requests once the
/// upstream is gone.
struct Twice {
    recorded: Vec<Answer>,
    replayed: Vec<Answer>,
}

impl Twice {
    fn new(script: impl Fn(&Received) -> Play + Send + Sync + 'static, bodies: &[String]) -> Self {
        let test = Test::new();
        let gateway = FaultyGateway::new(script);
        let server = Served::record(&test, &gateway);
        let recorded = ask(&server, bodies);
        assert_eq!(server.stop().status, Some(0));
        drop(gateway);
        let server = Served::replay(&test);
        let replayed = ask(&server, bodies);
        assert_eq!(server.stop().status, Some(0));
        Self { recorded, replayed }
    }

    /// Both are the same, and what is recorded is returned.
    fn same(self) -> Vec<Answer> {
        for (recorded, replayed) in self.recorded.iter().zip(&self.replayed) {
            assert_same(recorded, replayed);
        }
        self.recorded
    }
}

fn ask(server: &Served, bodies: &[String]) -> Vec<Answer> {
    bodies.iter().map(|body| server.chat(body.as_str()).answer()).collect()
}

fn assert_same(recorded: &Answer, replayed: &Answer) {
    assert_eq!(recorded.status, replayed.status, "{recorded:?}\n{replayed:?}");
    assert_eq!(headers(recorded), headers(replayed));
    assert_eq!(recorded.ending, replayed.ending, "{recorded:?}\n{replayed:?}");
    assert!(recorded.body() == replayed.body(), "{recorded:?}\n{replayed:?}");
    if recorded.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        assert_eq!(recorded.chunks(), replayed.chunks());
    }
}

/// The header lines, but those of the server's own, and of when it answered.
fn headers(answer: &Answer) -> Vec<String> {
    let others = ["x-nightreel", "date:"];
    let lines = answer.head.lines().skip(1).map(str::to_lowercase);
    let mut lines: Vec<_> = lines.filter(|line| !others.iter().any(|other| line.starts_with(other))).collect();
    lines.sort();
    lines
}

#[test]
fn json_comes_back_byte_for_byte() {
    let odd: [&[u8]; 7] = [
        b"\n         \n\n         \n{\"choices\":[{\"message\":{\"content\":\"padded\"}}]}\r\n",
        b"{ \"choices\" :\t[ {\"message\": {\"content\": \"spaced\"}} ] ,\n \"a\":1.0e0, \"a\": 1E+2, \"b\":-0.0 }",
        "{\"choices\":[{\"message\":{\"content\":\"\\u00fc\u{fc}\\/ \u{1f600}\\ud83d\\ude00\"}}]}".as_bytes(),
        b"\xef\xbb\xbf{\"choices\":[{\"message\":{\"content\":\"a mark\"}}]}",
        b"{\"choices\":[{\"message\":{\"content\":\"not UTF-8: \xff\xfe\"}}]}",
        b"{\"choices\":[{\"message\":{\"content\":\"cut",
        b"",
    ];
    let script = move |received: &Received| {
        let number: usize = received.text().chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
        json_bytes(odd[number])
    };
    let bodies: Vec<_> = (0..odd.len()).map(|number| prompt(&number.to_string())).collect();
    for (answer, sent) in Twice::new(script, &bodies).same().iter().zip(odd) {
        assert_eq!((answer.status, answer.body(), answer.ending), (200, sent.to_vec(), Ending::Whole));
    }
}

#[test]
fn temperature_zero_and_one_are_kept_apart() {
    let body = |temperature: &str| {
        format!(r#"{{"model":"m","temperature":{temperature},"messages":[{{"role":"user","content":"q"}}]}}"#)
    };
    let bodies = ["0", "1", "0.5"].map(body);
    let test = Test::new();
    let gateway = FaultyGateway::new(|received| json_bytes(&received.body));
    let server = Served::record(&test, &gateway);
    for answer in ask(&server, &bodies).iter().zip(&bodies).map(|(answer, body)| (answer.text(), body)) {
        assert_eq!(&answer.0, answer.1);
    }
    server.stop();
    drop(gateway);
    // The same value is the same request, however it is written and wherever it stands.
    let asked = [
        r#"{"messages":[{"content":"q","role":"user"}],"model":"m","temperature":1.0}"#.to_owned(),
        body("0.50"),
        body("0"),
    ];
    let replayed = ask(&Served::replay(&test), &asked);
    let [zero, one, half] = bodies;
    assert_eq!(replayed.iter().map(Answer::text).collect::<Vec<_>>(), [one, half, zero]);
}

#[test]
fn three_answers_to_one_prompt_come_back_in_order() {
    let script = |received: &Received| Play::good(&format!("answer {}", received.times));
    let bodies = vec![prompt("the same"); 3];
    let twice = Twice::new(script, &bodies);
    let texts: Vec<_> = twice.replayed.iter().map(Answer::text).collect();
    for (text, answer) in texts.iter().zip(["answer 1", "answer 2", "answer 3"]) {
        assert!(text.contains(answer), "{texts:?}");
    }
    twice.same();
}

#[test]
fn events_come_back_byte_for_byte_and_chunk_for_chunk() {
    let stream = "\u{feff}: OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\r\n\r\ndata: {\"choices\":[{\"index\":0,\
                  \"delta\":{\"content\":\"Ünï😀\"}}]}\n\nevent: odd\nid: 7\nretry: 10\ndata: {\"a\":\ndata: 1}\n\n\
                  data:{\"choices\":[]}\r\rdata: [DONE]\n\n";
    let sizes = [1, 60, 7, 3, 1, 1, 2, 90, 5, 1000];
    let mut rest = stream.as_bytes();
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(piece.to_vec());
        rest = behind;
    }
    pieces.retain(|piece| !piece.is_empty());
    let sent = pieces.clone();
    let answers = Twice::new(move |_| Play::Stream(pieces.clone(), Ends::Well), &[prompt("stream")]).same();
    assert_eq!(answers[0].chunks(), sent);
    assert_eq!(answers[0].header("content-type").as_deref(), Some("text/event-stream"));
}

#[test]
fn a_429_comes_back_with_its_retry_after() {
    let waits = [
        "retry-after: 7\r\n",
        "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-remaining: 1\r\n",
        "retry-after-ms: 1500\r\nx-ratelimit-reset: 1700000000000\r\n",
    ];
    let body = br#"{"error":{"message":"Rate limit exceeded","code":429}}"#;
    let script = move |received: &Received| {
        let headers = format!("content-type: application/json\r\n{}", waits[received.times - 1]);
        bytes("429 Too Many Requests", &headers, body)
    };
    let answers = Twice::new(script, &vec![prompt("busy"); 3]).same();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [429; 3]);
    assert_eq!(answers[0].header("retry-after").as_deref(), Some("7"));
    assert_eq!(answers[1].header("retry-after").as_deref(), Some("Wed, 21 Oct 2026 07:28:00 GMT"));
    assert_eq!(answers[1].head.matches("x-ratelimit-remaining: ").count(), 2);
    assert_eq!(answers[2].header("retry-after-ms").as_deref(), Some("1500"));
    assert_eq!(answers[0].body(), body);
}

#[test]
fn every_status_comes_back_as_it_was() {
    let statuses = [
        "204 No Content",
        "302 Found",
        "400 Bad Request",
        "401 Unauthorized",
        "404 Not Found",
        "408 Request Timeout",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "529 Overloaded",
    ];
    let script = move |received: &Received| {
        let status = statuses[received.times - 1];
        let body = if status.starts_with("204") { String::new() } else { format!("<p>{status}</p>") };
        bytes(status, "content-type: text/html\r\n", body.as_bytes())
    };
    let answers = Twice::new(script, &vec![prompt("any"); statuses.len()]).same();
    for (answer, status) in answers.iter().zip(statuses) {
        assert_eq!(answer.status.to_string(), status[..3]);
    }
}

#[test]
fn a_compressed_body_comes_back_as_it_was() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"{"choices":[{"message":{"content":"small"}}]}"#).unwrap();
    let zipped = encoder.finish().unwrap();
    let sent = zipped.clone();
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let script = move |_: &Received| bytes("200 OK", headers, &zipped);
    let test = Test::new();
    let gateway = FaultyGateway::new(script);
    let server = Served::record(&test, &gateway);
    let ask = |server: &Served| server.chat(prompt("zip")).header("accept-encoding", "gzip").answer();
    let recorded = ask(&server);
    server.stop();
    drop(gateway);
    let replayed = ask(&Served::replay(&test));
    assert_same(&recorded, &replayed);
    assert_eq!((recorded.body(), recorded.header("content-encoding").as_deref()), (sent, Some("gzip")));
}

#[test]
fn ten_megabytes_pass_both_ways() {
    let large = "x".repeat(10 << 20);
    let script = |received: &Received| json_bytes(&received.body);
    let body = prompt(&large);
    let answers = Twice::new(script, std::slice::from_ref(&body)).same();
    assert!(answers[0].body() == body.as_bytes());
}

#[test]
fn an_error_within_a_stream_comes_back_as_it_was() {
    let pieces: [&[u8]; 3] = [
        b": OPENROUTER PROCESSING\n\n",
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n",
        b"data: {\"error\":{\"code\":502,\"message\":\"it broke\"},\"choices\":[{\"index\":0,\"finish_reason\":\"error\"}]}\n\n",
    ];
    let script = move |_: &Received| Play::Stream(pieces.map(<[u8]>::to_vec).to_vec(), Ends::Well);
    let answers = Twice::new(script, &[prompt("break")]).same();
    assert_eq!((answers[0].chunks(), answers[0].ending), (pieces.to_vec(), Ending::Whole));
}

#[test]
fn a_connection_cut_after_some_chunks_is_cut_after_the_same_chunks() {
    let pieces: Vec<Vec<u8>> = (0..4).map(|number| format!("data: {{\"n\":{number}}}\n\n").into_bytes()).collect();
    let sent = pieces.clone();
    let script = move |received: &Received| Play::Stream(pieces[..received.times - 1].to_vec(), Ends::Cut);
    let answers = Twice::new(script, &vec![prompt("cut"); 5]).same();
    for (count, answer) in answers.iter().enumerate() {
        assert_eq!((answer.status, answer.ending), (200, Ending::Cut), "{count}");
        assert_eq!(answer.chunks(), sent[..count], "{count}");
    }
}

#[test]
fn json_that_was_cut_short_is_cut_short_again() {
    let answers = Twice::new(|_| Play::CutShort("{\"choices\":[".to_owned()), &[prompt("cut")]).same();
    assert_eq!((answers[0].text().as_str(), answers[0].ending), ("{\"choices\":[", Ending::Cut));
}

#[test]
fn a_connection_that_ended_before_an_answer_is_no_answer_again() {
    for play in [Play::Reset, Play::Raw(Vec::new())] {
        let answers = Twice::new(move |_| play.clone(), &[prompt("nothing")]).same();
        assert_ne!(answers[0].status, 200, "{answers:?}");
    }
}

#[test]
fn every_form_of_a_base_url_finds_the_same_recording() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("one"));
    let server = Served::record(&test, &gateway);
    let recorded = server.chat(prompt("q")).answer();
    server.stop();
    drop(gateway);
    let server = Served::start(test.serve("replay").and(["--policy", "repeat-last"]));
    for form in ["/v1", "/api/v1", "/v1/account/gateway/openrouter", "/v1/account/gateway/openrouter/v1", "/openrouter"]
    {
        let ask = Ask::post(format!("{}{form}/chat/completions", server.origin()), prompt("q"));
        assert_same(&recorded, &ask.answer());
    }
}

#[test]
fn a_key_reaches_the_upstream_and_nothing_else() {
    let test = Test::new();
    let clients_own = "sk-or-v1-0123456789abcdef-of-the-client";
    let gateway = FaultyGateway::new(|received| json_bytes(&received.body));
    let server = Served::record(&test, &gateway);
    let told = prompt(&format!("my keys are {CANARY} and {clients_own}"));
    let asked = server.chat(told.as_str()).header("authorization", &format!("Bearer {clients_own}"));
    let recorded = asked.answer();
    let said = server.stop();
    let received = &gateway.received()[0];
    let sent = received.head.lines().find(|line| line.to_lowercase().starts_with("authorization:")).unwrap().to_owned();
    assert!(sent.contains(CANARY) || sent.contains(clients_own), "{sent}");
    assert_eq!(recorded.text(), received.text());
    for entry in fs::read_dir(test.directory()).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        for key in [CANARY, clients_own] {
            let found = content.windows(key.len()).any(|window| window == key.as_bytes());
            assert!(!found, "{key} is in {}", path.display());
            assert!(!said.stderr.contains(key) && !said.stdout.contains(key), "{key} is shown");
        }
    }
    drop(gateway);
    // What was struck out is no part of the key either: the same request finds its recording.
    assert_eq!(asked_again(&test, &told, clients_own).status, 200);
}

fn asked_again(test: &Test, body: &str, key: &str) -> Answer {
    let server = Served::start(test.serve("replay").env("OPENROUTER_API_KEY", CANARY));
    server.chat(body).header("authorization", &format!("Bearer {key}")).answer()
}

#[test]
fn a_replay_opens_no_connection() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("one"));
    let server = Served::record(&test, &gateway);
    server.chat(prompt("q")).answer();
    server.stop();
    // Signals reach the server through strace.
    let trace = ["strace", "-I", "2", "-f", "-e", "trace=connect", "-o", "trace.txt"];
    let call = test.serve("replay").and(["--base-url", &gateway.base_url()]);
    let server = Served::start(call.env("OPENROUTER_API_KEY", CANARY).under(trace));
    assert_eq!(server.chat(prompt("q")).answer().status, 200);
    assert_eq!(server.chat(prompt("not recorded")).answer().status, 400);
    server.stop();
    assert!(!test.text("trace.txt").contains("connect("), "{}", test.text("trace.txt"));
    assert_eq!(gateway.received().len(), 1);
}
