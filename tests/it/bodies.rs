//! What goes over the wire, and what is kept of it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{CANARY, Destination, FaultyGateway, Gateway, Play, Test};

#[test]
fn a_request_of_the_users_reaches_the_server_byte_for_byte() {
    let bodies = [
        r#"{ "messages" : [ {"role":"user",   "content":"odd  spacing"} ],"model":"m" }"#,
        r#"{"model":"m","messages":[{"role":"user","content":"\u00e9 \ud83d\ude00 \/ \u0000"}],"x_unknown":{"b":1,"a":[1.0,1e2,-0.0]}}"#,
        r#"{"seed":9007199254740993,"temperature":0.70,"model":"m","messages":[{"content":"order of fields","role":"user"}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"plain é 😀 "}],"metadata":null}"#,
    ];
    // One of the lines ends as Windows ends it, and the last not at all.
    let input = format!("{}\r\n{}\n\n{}\n{}", bodies[0], bodies[1], bodies[2], bodies[3]);
    let test = Test::new()
        .job("[input]\npath = \"bodies.jsonl\"\nformat = \"requests\"\n[limits]\nin_flight = 1\n")
        .file("bodies.jsonl", input);
    let gateway = FaultyGateway::new(|_| Play::good("fine"));
    test.run_job().to(&gateway).output("results.jsonl").run();
    let received: Vec<String> = gateway.received().iter().map(super::support::Received::text).collect();
    assert_eq!(received, bodies);
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));

    // Another model changes the model and nothing else.
    test.run_job().to(&gateway).and(["--model", "other/model"]).run();
    let received: Vec<String> = gateway.received()[4..].iter().map(super::support::Received::text).collect();
    assert_eq!(received, bodies.map(|body| body.replace(r#""model":"m""#, r#""model":"other/model""#)));
}

#[test]
fn a_request_carries_the_key_and_switches_the_gateways_retries_off() {
    let test = Test::new()
        .job("[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n")
        .file("rows.csv", "q\nx\n");
    let gateway = FaultyGateway::new(|_| Play::good("fine"));
    // A gateway's path on another host.
    let url = gateway.base_url() + "/account/gateway/openrouter";
    test.run_job().to(&url).env("CF_AIG_TOKEN", "a-token").run();
    let head = gateway.received()[0].head.clone();
    assert!(head.starts_with("POST /v1/account/gateway/openrouter/chat/completions HTTP/1.1\r\n"), "{head}");
    for line in [
        &format!("authorization: Bearer {CANARY}"),
        "cf-aig-authorization: Bearer a-token",
        "cf-aig-max-attempts: 1",
        "cf-aig-skip-cache: true",
        "content-type: application/json",
    ] {
        assert!(head.lines().any(|sent| sent == line), "{line:?} is missing in\n{head}");
    }
    assert_eq!(gateway.received()[0].text(), r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#);
}

#[test]
fn an_openai_batch_goes_in_and_out_and_joins_by_its_ids() {
    let line = |id: &str, url: &str, body: Value| {
        json!({"custom_id": id, "method": "POST", "url": url, "body": body}).to_string() + "\n"
    };
    let chat = |text: &str| json!({"model": "m", "messages": [{"role": "user", "content": text}]});
    let input = [
        line("b", "/v1/chat/completions", chat("one")),
        line("a", "/v1/chat/completions", chat("two")),
        line("e", "/v1/embeddings", json!({"model": "m", "input": "three"})),
    ];
    let test = Test::new()
        .job("[input]\npath = \"batch.jsonl\"\nformat = \"openai-batch\"\n")
        .file("batch.jsonl", input.concat());
    let gateway = Gateway::new();
    let format = ["--format", "openai-batch"];
    test.run_job().to(&gateway).output("out.jsonl").and(format).run();
    let paths: Vec<String> = gateway.journal().into_iter().map(|line| line.path).collect();
    assert_eq!(paths.iter().filter(|path| path.ends_with("/embeddings")).count(), 1);
    let lines = test.json_lines("out.jsonl");
    let order: Vec<_> = lines.iter().map(|line| line["custom_id"].as_str().unwrap()).collect();
    assert_eq!(order, ["b", "a", "e"]);
    let by_id: HashMap<&str, &Value> = order.iter().copied().zip(&lines).collect();
    for (id, object) in [("a", "chat.completion"), ("b", "chat.completion"), ("e", "list")] {
        let line = by_id[id];
        assert_eq!((&line["response"]["status_code"], &line["error"]), (&json!(200), &Value::Null));
        assert_eq!(line["response"]["body"]["object"], object);
        assert!(line["id"].as_str().unwrap().starts_with("batch_req_"));
    }
    test.replay_job().output("replay.jsonl").and(format).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("out.jsonl"));
}

#[test]
fn a_cell_of_ten_megabytes_is_sent_and_replayed() {
    let cell = "Zeile mit Umlaut ä\n".repeat(10 * 1024 * 1024 / 20);
    assert!(cell.len() > 10_000_000);
    let test = Test::new()
        .job("[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n")
        .file("rows.csv", format!("q,n\n\"{cell}\",1\nsmall,2\n"));
    let gateway = FaultyGateway::new(|received| Play::good(&format!("{} bytes", received.body.len())));
    test.run_job().to(&gateway).output("results.jsonl").run();
    let sizes: Vec<usize> = gateway.received().iter().map(|received| received.body.len()).collect();
    let largest: Value =
        serde_json::from_slice(&gateway.received().iter().max_by_key(|received| received.body.len()).unwrap().body)
            .unwrap();
    assert_eq!(sizes.len(), 2);
    assert!(largest["messages"][0]["content"] == cell, "the cell was changed on its way");
    drop(gateway);
    test.replay_job().output("replay.jsonl").run();
    assert!(test.bytes("replay.jsonl") == test.bytes("results.jsonl"), "the replay differs");
    assert!(test.json_lines("replay.jsonl")[0]["input"]["q"] == cell, "the cell was changed in the results");
}

#[test]
fn an_answer_of_ten_megabytes_is_kept_whole() {
    let test = Test::new()
        .job("[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n")
        .file("rows.csv", "q\nx\n");
    let long = "0123456789abcde\n".repeat(10 * 1024 * 1024 / 16);
    let answer = long.clone();
    let gateway = FaultyGateway::new(move |_| Play::good(&answer));
    test.run_job().to(&gateway).output("results.jsonl").run();
    assert!(test.json_lines("results.jsonl")[0]["response"] == long, "the answer was changed");
    test.replay_job().output("replay.jsonl").run();
    assert!(test.bytes("replay.jsonl") == test.bytes("results.jsonl"), "the replay differs");
}

#[test]
fn a_row_beyond_the_limit_of_a_row_is_refused_by_its_line_and_nothing_is_sent() {
    let long = "x".repeat(64 * 1024 * 1024 + 1);
    let test = Test::new()
        .job("[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n")
        .file("rows.csv", format!("q\nfirst\n{long}\nlast\n"));
    let gateway = Gateway::new();
    let says = "nightreel: rows.csv:3: the row is longer than 67108864 bytes, the limit of a row";
    let output = test.run_job().to(&gateway).status(2).stderr_contains(says).run();
    assert!(!output.stderr.contains("max_row_bytes"), "no job has such a key:\n{}", output.stderr);
    assert_eq!(gateway.requests(), 0);
}

#[test]
fn a_line_that_asks_for_embeddings_in_a_stream_is_refused_before_anything_is_sent() {
    let line = r#"{"model":"m","stream":true,"input":"q"}"#;
    let test = Test::new()
        .job("[input]\npath = \"rows.jsonl\"\nformat = \"requests\"\n[request]\nendpoint = \"embeddings\"\n")
        .file("rows.jsonl", format!("{line}\n"));
    let gateway = Gateway::new();
    let says = "rows.jsonl:1: the request asks for a stream, and the endpoint \"embeddings\" streams nothing";
    test.run_job().to(&gateway).status(2).stderr_contains(says).run();
    assert_eq!(gateway.requests(), 0);
}

#[test]
fn results_that_cannot_be_written_are_refused_before_anything_is_sent() {
    let test = Test::new()
        .job("[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n")
        .file("rows.csv", "q\none\n");
    let gateway = Gateway::new();
    for (output, says, status) in [
        ("nowhere/out.jsonl", "cannot write the results to nowhere/out.jsonl", 5),
        ("rows.csv", "rows.csv is the input itself; name another file with --output", 2),
        ("job.toml", "job.toml is the job file itself; name another file with --output", 2),
    ] {
        test.run_job().and(["--output", output]).to(&gateway).status(status).stderr_contains(says).run();
    }
    assert_eq!(gateway.requests(), 0);
}
