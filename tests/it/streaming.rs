//! Streamed answers, from the wire to the results and back.

use std::collections::BTreeMap;

use nightreel::simulate::{Faults, Options};
use serde_json::{Value, json};

use crate::support::{CANARY, Ends, FaultyGateway, Gateway, Play, Received, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\nstream = true\n";

fn chunk(content: &str, finish: &Value) -> String {
    let choice = json!({"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish});
    let chunk = json!({"id": "gen-1", "object": "chat.completion.chunk", "model": "served/model", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

fn text(content: &str) -> String {
    chunk(content, &Value::Null)
}

fn stop() -> String {
    chunk("", &json!("stop"))
}

fn usage() -> String {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 20, "cost": 0.25});
    format!("data: {}\n\n", json!({"id": "gen-1", "provider": "Nobody", "choices": [], "usage": usage}))
}

const DONE: &str = "data: [DONE]\n\n";
const COMMENT: &str = ": OPENROUTER PROCESSING\n\n";

fn pieces(pieces: &[&str]) -> Vec<Vec<u8>> {
    pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect()
}

fn well(given: &[&str]) -> Play {
    Play::Stream(pieces(given), Ends::Well)
}

fn good() -> Play {
    well(&[COMMENT, &text("It is "), &text("fine"), &(stop() + &usage()), DONE])
}

/// Runs the job of some rows, replays it, and gives the results; both must be the same bytes.
fn run_and_replay(test: &Test, gateway: &FaultyGateway, status: i32) -> Vec<Value> {
    test.run_job().to(gateway).output("results.jsonl").status(status).run();
    test.replay_job().output("replay.jsonl").status(status).run();
    assert_eq!(test.text("replay.jsonl"), test.text("results.jsonl"));
    test.json_lines("results.jsonl")
}

#[test]
fn every_endpoint_streams_through_the_simulated_gateway_and_replays_to_the_same_bytes() {
    let rows: String = (0..20).map(|row| format!("question {row}\n")).collect();
    for (endpoint, params) in
        [("chat/completions", "{}"), ("completions", "{}"), ("responses", "{}"), ("messages", "{ max_tokens = 90 }")]
    {
        let test = Test::new()
            .job(&format!("{JOB}endpoint = \"{endpoint}\"\nparams = {params}\n"))
            .file("rows.csv", format!("q\n{rows}"));
        let gateway = Gateway::with(Options { latency: "60ms".parse().unwrap(), ..Options::default() });
        test.run_job().to(&gateway).output("results.jsonl").run();
        let lines = test.json_lines("results.jsonl");
        assert_eq!(lines.len(), 20);
        for line in &lines {
            let (first, all) = (line["ttft_ms"].as_f64().unwrap(), line["latency_ms"].as_f64().unwrap());
            assert!(first > 0.0 && first <= all, "{line}");
            assert!(line["tokens_per_second"].as_f64().unwrap() > 0.0, "{line}");
            assert!(line["completion_tokens"].as_u64().unwrap() > 0, "{line}");
            assert!(!line["response"].as_str().unwrap().is_empty(), "{line}");
        }
        assert_eq!(test.store().count("SELECT count(*) FROM attempts WHERE class = 'answered'"), 20);
        for (format, name) in [("jsonl", "jsonl"), ("csv", "csv"), ("openai-batch", "batch")] {
            let format = ["--format", format];
            test.args(["export", "latest"]).and(format).output(&format!("export.{name}")).run();
            test.replay_job().and(format).output(&format!("replay.{name}")).run();
            assert_eq!(test.text(&format!("replay.{name}")), test.text(&format!("export.{name}")), "{endpoint}");
        }
        assert_eq!(test.text("export.jsonl"), test.text("results.jsonl"));
        assert!(test.text("export.csv").lines().next().unwrap().ends_with(",latency_ms,ttft_ms,tokens_per_second"));
        // A batch file holds the body that the answer would have been in one piece.
        for (batch, line) in test.json_lines("export.batch").iter().zip(&lines) {
            let body = batch["response"]["body"].to_string();
            assert!(body.contains(&line["response"].to_string()), "{batch}");
            assert_eq!(batch["error"], Value::Null);
        }
    }
}

#[test]
fn a_stream_is_asked_for_in_the_body_and_is_a_part_of_the_key() {
    let test = Test::new().job(JOB).file("rows.csv", "q\nx\n");
    let gateway = FaultyGateway::new(|_| good());
    let line = &run_and_replay(&test, &gateway, 0)[0];
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}"#;
    assert_eq!(gateway.received()[0].text(), body);
    assert_eq!((&line["response"], &line["finish_reason"]), (&json!("It is fine"), &json!("stop")));
    assert_eq!((&line["completion_tokens"], &line["cost_usd"]), (&json!(20), &json!(0.25)));
    // 20 tokens from the second piece to the third.
    let (first, rate) = (line["ttft_ms"].as_f64().unwrap(), line["tokens_per_second"].as_f64().unwrap());
    assert!(first >= 30.0 && rate > 0.0 && rate <= 20.0 / 0.010, "{line}");
    let sql = "SELECT served_model || ' ' || provider || ' ' || finish_reason FROM attempts";
    assert_eq!(test.store().value::<String>(sql), "served/model Nobody stop");
    test.run_job().to(&gateway).and(["--set", "request.stream=false"]).run();
    assert_eq!(gateway.received().len(), 2, "what is not streamed is another request");
}

fn row_of(received: &Received) -> String {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// A whole stream that looks odd, by the row that asks for it.
fn odd(row: &str) -> Play {
    let plain = [COMMENT, &text("It is "), &text("fine"), &stop(), &usage(), DONE].concat();
    let split_behind_returns = |body: &str| body.split_inclusive('\r').map(|piece| piece.as_bytes().to_vec()).collect();
    match row {
        "split code points" => {
            // Every byte of the text by itself.
            let body = plain.replace("fine", "Ünï😀").into_bytes();
            let at = body.windows(2).position(|two| two == "Ü".as_bytes()).unwrap();
            let (before, rest) = body.split_at(at);
            let (split, behind) = rest.split_at("Ünï😀".len());
            let pieces = std::iter::once(before).chain(split.chunks(1)).chain([behind]).map(<[u8]>::to_vec);
            Play::Stream(pieces.collect(), Ends::Well)
        }
        "crlf" => well(&[&plain.replace('\n', "\r\n")]),
        "crlf split" => Play::Stream(split_behind_returns(&plain.replace('\n', "\r\n")), Ends::Well),
        "comments" => well(&[&plain.replace("\n\n", "\n\n: comment\n\n"), COMMENT]),
        "empty choices" => well(&["data: {\"choices\":[],\"debug\":{}}\n\n", &plain]),
        "usage with the end" => {
            let used = "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":20}";
            well(&[&text("It is "), &text("fine"), &stop().replace("}\n", &format!(",{used}}}\n")), DONE])
        }
        "no done" => well(&[&plain.replace(DONE, "")]),
        "no blank line" => well(&[plain.trim_end()]),
        "one piece" => well(&[&plain]),
        "cut behind its end" => Play::Stream(pieces(&[&plain]), Ends::Cut),
        "json" => Play::good("It is fine"),
        other => panic!("no row is called {other}"),
    }
}

#[test]
fn a_whole_stream_is_an_answer_however_it_comes() {
    let rows = [
        "split code points",
        "crlf",
        "crlf split",
        "comments",
        "empty choices",
        "usage with the end",
        "no done",
        "no blank line",
        "one piece",
        "cut behind its end",
        "json",
    ];
    let test = Test::new().job(JOB).file("rows.csv", format!("q\n{}\n", rows.join("\n")));
    let gateway = FaultyGateway::new(|received| odd(&row_of(received)));
    let lines = run_and_replay(&test, &gateway, 0);
    for (row, line) in rows.iter().zip(&lines) {
        let expected = match *row {
            "split code points" => "It is Ünï😀",
            _ => "It is fine",
        };
        assert_eq!((&line["outcome"], &line["attempts"]), (&json!("ok"), &json!(1)), "{row}: {line}");
        assert_eq!(line["response"], expected, "{row}");
        let is_stream = *row != "json";
        assert_eq!(line["completion_tokens"], json!(if is_stream { 20 } else { 2 }), "{row}");
        assert_eq!(line.get("ttft_ms").is_some_and(Value::is_number), is_stream, "{row}: {line}");
        assert_eq!(line.get("tokens_per_second").is_some(), is_stream, "{row}: {line}");
    }
}

/// A stream that fails, by the row that asks for it.
fn fail(row: &str) -> Play {
    let error = |code: &str| {
        let end = json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]);
        format!("data: {{\"error\":{{\"code\":{code},\"message\":\"it broke\"}},\"choices\":{end}}}\n\n")
    };
    let half = [COMMENT.to_owned(), text("It is "), text("half")].concat();
    match row {
        "numeric code" => well(&[&half, &error("502")]),
        "string code" => well(&[&half, &error("\"server_error\"")]),
        "rate limited" => well(&[&half, &error("429"), DONE]),
        "error before a cut" => Play::Stream(pieces(&[&half, &error("503")]), Ends::Cut),
        "cut" => Play::Stream(pieces(&[&half]), Ends::Cut),
        "cut within an event" => Play::Stream(pieces(&[&half, &text("more")[..20]]), Ends::Cut),
        "no end" => well(&[&half]),
        "comments alone" => well(&[COMMENT, COMMENT]),
        "unreadable" => well(&[&half, "data: {oops\n\n", &stop(), DONE]),
        "empty" => well(&[&stop(), "data: {\"choices\":[],\"usage\":{\"completion_tokens\":0}}\n\n", DONE]),
        "no choices" => well(&[DONE]),
        other => panic!("no row is called {other}"),
    }
}

const FAILURES: [(&str, &str, &str); 11] = [
    ("numeric code", "server_error", "with error 502 inside): it broke"),
    ("string code", "server_error", "it broke"),
    ("rate limited", "rate_limited", "with error 429 inside): it broke"),
    ("error before a cut", "server_error", "with error 503 inside): it broke"),
    ("cut", "bad_body", "the stream broke off after 2 events with 10 characters of text"),
    ("cut within an event", "bad_body", "the stream broke off after 3 events with 10 characters of text"),
    ("no end", "bad_body", "the stream ended without a finish_reason after 2 events with 10 characters"),
    ("comments alone", "bad_body", "the stream has no event in it, and 2 comments"),
    ("unreadable", "bad_body", "event 3 of the stream cannot be read"),
    ("empty", "bad_body", "no content and cost no tokens"),
    ("no choices", "bad_body", "the body has no choices"),
];

fn failing_rows() -> Test {
    let rows: Vec<&str> = FAILURES.iter().map(|(row, ..)| *row).collect();
    Test::new().job(&format!("{JOB}[limits]\nin_flight = 1\n")).file("rows.csv", format!("q\n{}\n", rows.join("\n")))
}

#[test]
fn a_stream_that_fails_once_costs_an_attempt_and_no_item() {
    let gateway = FaultyGateway::new(|received| if received.times == 1 { fail(&row_of(received)) } else { good() });
    let test = failing_rows();
    let lines = run_and_replay(&test, &gateway, 0);
    for line in &lines {
        assert_eq!(
            (&line["outcome"], &line["attempts"], &line["response"]),
            (&json!("ok"), &json!(2), &json!("It is fine"))
        );
    }
    let sql = "SELECT class FROM attempts WHERE number = 1 ORDER BY position";
    let classes = test.store().rows(sql, |row| row.get::<_, String>(0));
    assert_eq!(classes, FAILURES.map(|(_, class, _)| class));
}

#[test]
fn a_stream_that_fails_for_good_is_told_with_its_cause_and_keeps_what_came() {
    let gateway = FaultyGateway::new(|received| fail(&row_of(received)));
    let test = failing_rows();
    test.run_job().to(&gateway).and(["--set", "retry.attempts=1"]).output("results.jsonl").status(1).run();
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.text("replay.jsonl"), test.text("results.jsonl"));
    for ((row, class, says), line) in FAILURES.iter().zip(test.json_lines("results.jsonl")) {
        assert_eq!(line["outcome"], *class, "{row}");
        assert!(line["error"].as_str().unwrap().contains(says), "{row}: {line}");
        assert!(line["response"].is_null() && line.get("ttft_ms").is_none(), "{row}: {line}");
    }
    let shown = test.args(["show", "latest", "5"]).run().stdout;
    let expected = "the text of the stream, as far as it came\nIt is half\n";
    assert!(
        shown.contains(expected) && shown.contains("a stream of 2 events and 1 comment; first token after "),
        "{shown}"
    );
    let shown: Value = serde_json::from_str(&test.args(["show", "latest", "5", "--json"]).run().stdout).unwrap();
    let stream = &shown["items"][0]["exchanges"][0]["attempts"][0]["stream"];
    assert_eq!((&stream["whole"], &stream["text"]), (&json!(false), &json!("It is half")));
    let raw = test.args(["show", "latest", "5", "--raw", "response"]).run().stdout;
    assert_eq!(raw, [COMMENT.to_owned(), text("It is "), text("half")].concat());
}

#[test]
fn a_stream_that_stalls_times_out_and_keeps_what_came() {
    let gateway = FaultyGateway::new(|received| {
        if received.times == 1 { Play::Stream(pieces(&[&text("It is "), &text("half")]), Ends::Never) } else { good() }
    });
    let test = Test::new().job(JOB).file("rows.csv", "q\nx\n");
    test.run_job().to(&gateway).and(["--set", "timeouts.idle=300ms"]).output("results.jsonl").run();
    assert_eq!(test.json_lines("results.jsonl")[0]["attempts"], 2);
    let sql = "SELECT class || ' ' || ended FROM attempts ORDER BY number";
    assert_eq!(test.store().rows(sql, |row| row.get::<_, String>(0)), ["timed_out timed_out", "answered complete"]);
    let shown = test.args(["show", "latest", "1", "--attempt", "1"]).run().stdout;
    assert!(shown.contains("as far as it came\nIt is half\n"), "{shown}");
}

#[test]
fn a_conversation_streams_turn_by_turn() {
    let job = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nturns = [\"{{ q }}\", \"and then?\"]\nstream = true\n";
    let test = Test::new().job(job).file("rows.csv", "q\nx\n");
    let gateway = FaultyGateway::new(|_| good());
    let line = &run_and_replay(&test, &gateway, 0)[0];
    assert_eq!(line["responses"], json!(["It is fine", "It is fine"]));
    assert!(line["ttft_ms"].is_number());
    let second: Value = serde_json::from_slice(&gateway.received()[1].body).unwrap();
    assert_eq!(second["messages"][1], json!({"role": "assistant", "content": "It is fine"}));
    assert_eq!(second["stream"], true);
}

#[test]
fn a_tool_call_and_reasoning_are_put_together() {
    let call =
        |call: Value| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}));
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Look it up.\"}}]}\n\n".to_owned();
    let body = [
        thought,
        call(json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}})),
        call(json!({"index": 0, "function": {"arguments": "{\"q\":"}})),
        call(json!({"index": 0, "function": {"arguments": "1}"}})),
        chunk("", &json!("tool_calls")),
        DONE.to_owned(),
    ];
    let test = Test::new().job(JOB).file("rows.csv", "q\nx\n");
    let gateway = FaultyGateway::new(move |_| well(&body.each_ref().map(String::as_str)));
    let line = &run_and_replay(&test, &gateway, 0)[0];
    let expected = json!([{"index": 0, "id": "call_1", "type": "function",
                           "function": {"name": "look", "arguments": "{\"q\":1}"}}]);
    assert_eq!((&line["tool_calls"], &line["response"]), (&expected, &Value::Null));
    assert!(line["ttft_ms"].as_f64().unwrap() > 0.0);
    let shown = test.args(["show", "latest", "1"]).run().stdout;
    assert!(shown.contains("the reasoning of the stream, put together\nLook it up.\n"), "{shown}");
}

#[test]
fn lines_of_a_file_of_requests_stream_where_they_ask_for_it() {
    let line = |text: &str, stream: bool| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        let mut body = body.as_object().unwrap().clone();
        if stream {
            body.insert("stream".to_owned(), json!(true));
        }
        Value::Object(body).to_string() + "\n"
    };
    let test = Test::new()
        .job("[input]\npath = \"rows.jsonl\"\nformat = \"requests\"\n")
        .file("rows.jsonl", line("whole", false) + &line("stream", true));
    let gateway =
        FaultyGateway::new(
            |received| if received.text().contains("\"stream\":true") { good() } else { Play::good("whole") },
        );
    let lines = run_and_replay(&test, &gateway, 0);
    assert_eq!(lines[1]["response"], "It is fine");
    assert!(lines[0].get("ttft_ms").is_none() && lines[1]["ttft_ms"].is_number());
    test.args(["export", "latest"]).output("export.csv").run();
    test.replay_job().output("replay.csv").run();
    assert_eq!(test.text("export.csv"), test.text("replay.csv"));
    let mut csv = csv::Reader::from_path(test.path("export.csv")).unwrap();
    let header = csv.headers().unwrap().clone();
    let column = header.iter().position(|name| name == "ttft_ms").unwrap();
    let times: Vec<String> = csv.records().map(|row| row.unwrap()[column].to_owned()).collect();
    assert!(times[0].is_empty() && times[1].parse::<f64>().unwrap() > 0.0, "{times:?}");
    // Without a stream among them the columns are what they always were.
    test.write("rows.jsonl", line("whole", false));
    test.run_job().to(&gateway).output("plain.csv").run();
    assert!(test.text("plain.csv").lines().next().unwrap().ends_with(",latency_ms"));
}

#[test]
fn a_key_that_is_split_over_deltas_is_kept_nowhere() {
    let (one, other) = CANARY.split_at(11);
    let halves = [text(&format!("Your key is {one}")), text(&format!("{other}, "))];
    let spelled = text(&format!("or {CANARY}."));
    let body = [halves[0].clone(), halves[1].clone(), spelled, stop(), usage(), DONE.to_owned()];
    let job = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nturns = [\"{{ q }}\", \"and then?\"]\nstream = true\n";
    let test = Test::new().job(job).file("rows.csv", "q\nx\n");
    let gateway = FaultyGateway::new(move |_| well(&body.each_ref().map(String::as_str)));
    let line = &run_and_replay(&test, &gateway, 0)[0];
    let said = "Your key is [redacted], or [redacted].";
    assert_eq!(line["responses"], json!([said, said]));
    // Its pieces are cut anew, and still say when they came.
    assert!(line["ttft_ms"].is_number() && line["tokens_per_second"].is_number(), "{line}");
    for step in ["0", "1"] {
        let raw = test.args(["show", "latest", "1", "--step", step, "--raw", "response"]).run().stdout;
        assert!(!raw.contains(one) && !raw.contains(other) && raw.ends_with(DONE), "{raw}");
    }
}

#[test]
fn in_a_storm_of_faults_every_stream_settles_and_every_request_is_on_record() {
    let rows: String = (0..400).map(|row| format!("question {row}\n")).collect();
    let test = Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"));
    let faults: Faults = "rate_limited_without_hint=0.05,server_error=0.05,overloaded=0.03,reset=0.03,truncated=0.08,\
        stall=0.01,hang=0.005,error_in_200=0.05,error_in_choice=0.05,blank=0.05,not_json=0.03,empty=0.03,\
        no_choices=0.03,length=0.05,blocked=0.01"
        .parse()
        .unwrap();
    let gateway = Gateway::with(Options { seed: 11, faults, ..Options::default() });
    let deadlines = ["--set", "timeouts.idle=1s", "--in-flight", "64"];
    test.run_job().to(&gateway).and(deadlines).output("results.jsonl").status(1).run();
    let stats = gateway.stats();
    let store = test.store();
    assert_eq!(store.count("SELECT count(*) FROM attempts"), stats.requests);
    let statuses = store
        .rows("SELECT status, count(*) FROM attempts WHERE status IS NOT NULL GROUP BY status", |row| {
            Ok((row.get::<_, u16>(0)?, u64::from(row.get::<_, u32>(1)?)))
        });
    assert_eq!(statuses.into_iter().collect::<BTreeMap<_, _>>(), stats.answered);
    let lines = test.json_lines("results.jsonl");
    assert_eq!(lines.len(), 400);
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count() as u64;
    assert_eq!((count("truncated"), count("blocked")), (stats.faults["length"], stats.faults["blocked"]));
    assert!(count("ok") > 300, "{:?}", count("ok"));
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}
