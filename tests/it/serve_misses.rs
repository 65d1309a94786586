//! What is not recorded is answered by saying so, and never by a call.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Answer, Ask, CANARY, Destination as _, FaultyGateway, Play, Served, Test};

/// A chat with a user's text.
fn body(text: &str) -> Value {
    json!({"model": "m", "temperature": 0, "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": text},
    ]})
}

const CAPITAL: &str = "What is the capital of France?";
const DATED: &str = "Today is 2026-11-22T10:00:00Z. What is there to do?";

/// A replay of one answer to each of two questions.
fn replay() -> (Test, Served) {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("an answer"));
    let server = Served::record(&test, &gateway);
    for text in [CAPITAL, DATED] {
        assert_eq!(server.chat(body(text).to_string()).answer().status, 200);
    }
    server.stop();
    let server = Served::replay(&test);
    (test, server)
}

/// The error of a miss, which is what every miss is, whatever its reason.
fn error_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.header("x-should-retry").as_deref(), Some("false"));
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(answer.header("retry-after"), None);
    let error = answer.json()["error"].clone();
    assert_eq!(error["type"], "not_recorded", "{error:#}");
    let message = error["message"].as_str().unwrap();
    let names_command = message.contains("nightreel serve") && message.contains("--mode");
    assert_eq!(names_command, error["code"] != "redaction_difference", "{message}");
    error
}

/// A body with one member of another value.
fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[test]
fn a_miss_names_its_reason_and_where_the_nearest_recording_differs() {
    let (_test, server) = replay();
    let changed = CAPITAL.replace("France", "Spain");
    for (asked, code, path) in [
        (with(body(CAPITAL), "model", json!("another")), "model_not_recorded", json!("$.model")),
        (body(&changed), "prompt_changed", json!("$.messages[1].content")),
        (with(body(CAPITAL), "temperature", json!(1)), "parameter_changed", json!("$.temperature")),
        (with(body(CAPITAL), "stream", json!(true)), "parameter_changed", json!("$.stream")),
        (body(&DATED.replace("10:00", "11:30")), "normaliser_difference", json!("$.messages[1].content")),
    ] {
        let error = error_of(&server.chat(asked.to_string()).answer());
        assert_eq!((error["code"].as_str(), &error["param"]), (Some(code), &path), "{error:#}");
        let nearest = &error["nightreel"]["nearest"][0];
        assert!(nearest["similarity"].as_f64().unwrap() > 0.5, "{error:#}");
        assert_eq!(nearest["differences"].as_array().unwrap().len(), 1, "{error:#}");
    }
    let url = format!("{}/embeddings", server.base_url());
    let error = error_of(&Ask::post(url, json!({"model": "m", "input": "x"}).to_string()).answer());
    assert_eq!(error["code"], "endpoint_not_recorded");
}

#[test]
fn the_difference_has_both_sides() {
    let (_test, server) = replay();
    let error = error_of(&server.chat(body(&CAPITAL.replace("France", "Spain")).to_string()).answer());
    let difference = &error["nightreel"]["nearest"][0]["differences"][0];
    let sides = [&difference["recorded"], &difference["asked"]].map(|side| side.as_str().unwrap());
    assert!(sides[0].contains("France") && sides[1].contains("Spain"), "{error:#}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("France") && message.contains("Spain"), "{message}");
}

#[test]
fn what_was_handed_out_is_exhausted() {
    let (_test, server) = replay();
    assert_eq!(server.chat(body(CAPITAL).to_string()).answer().status, 200);
    let error = error_of(&server.chat(body(CAPITAL).to_string()).answer());
    assert_eq!((&error["code"], &error["nightreel"]["recorded"]), (&json!("exhausted"), &json!(1)));
}

#[test]
fn the_remedy_that_a_miss_names_is_one() {
    let (test, server) = replay();
    let asked = body(&DATED.replace("10:00", "11:30")).to_string();
    let error = error_of(&server.chat(asked.as_str()).answer());
    let flags = error["nightreel"]["match_with"].clone();
    drop(server);
    let flags: Vec<String> = serde_json::from_value(flags).unwrap();
    let server = Served::start(test.serve("replay").and(flags));
    assert_eq!(server.chat(asked).answer().status, 200);
}

#[test]
fn the_command_that_a_miss_names_records_it() {
    let (test, server) = replay();
    let asked = body("What is new?").to_string();
    let error = error_of(&server.chat(asked.as_str()).answer());
    drop(server);
    let command = error["nightreel"]["record_with"].as_str().unwrap();
    let mut words: Vec<String> = command.strip_prefix("nightreel ").unwrap().split(' ').map(str::to_owned).collect();
    let gateway = FaultyGateway::new(|_| Play::good("news"));
    // It names the gateway that was recorded at, which is gone.
    let url = words.iter().position(|word| word == "--base-url").unwrap() + 1;
    words[url] = gateway.base_url();
    let server = Served::start(test.args(words));
    let recorded = server.chat(asked.as_str()).answer();
    server.stop();
    drop(gateway);
    assert_eq!(Served::replay(&test).chat(asked).answer().body(), recorded.body());
}

#[test]
fn the_command_that_a_miss_names_has_the_rules_in_it_as_they_were_given() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("bye"));
    let rules = ["--redact", "Jane Doe=NAME", "--redact", "served=SERVED"];
    let server = Served::start(test.serve("record").to(&gateway).and(rules));
    assert_eq!(server.chat(body("Hello Jane Doe").to_string()).answer().status, 200);
    server.stop();
    let server = Served::start(test.serve("replay").and(rules));
    let error = error_of(&server.chat(body("Bye Jane Doe").to_string()).answer());
    let command = error["nightreel"]["record_with"].as_str().unwrap();
    for rule in ["--redact 'Jane Doe=NAME'", "--redact served=SERVED", "--store served.db"] {
        assert!(command.contains(rule), "{command}");
    }
    assert!(error["message"].as_str().unwrap().ends_with(&format!("\nrecord it with: {command}")), "{error:#}");
    let without = error["message"].as_str().unwrap().replace(command, "");
    assert!(!without.contains("Jane Doe"), "{without}");
}

#[test]
fn the_command_that_a_miss_names_holds_no_password_and_no_flag_twice() {
    let (test, server) = replay();
    drop(server);
    for url in ["https://user:hunter22@a/v1", "https://a/v1?api_key=hunter22", "https://a/v1#hunter22", "hunter22"] {
        let server = Served::start(test.serve("replay").and(["--base-url", url, "--report", "report.json"]));
        let answer = server.chat(body("What is new?").to_string()).answer();
        let error = error_of(&answer);
        let command = error["nightreel"]["record_with"].as_str().unwrap();
        assert_eq!(command.matches("--base-url").count(), 1, "{command}");
        assert!(command.contains("--base-url http://127.0.0.1:"), "{command}");
        let output = server.stop();
        for text in [answer.json().to_string(), output.stderr, test.text("report.json")] {
            assert!(!text.contains("hunter22"), "{url}: {text}");
        }
    }
}

#[test]
fn the_command_that_a_miss_names_has_the_store_that_a_variable_named() {
    let (test, server) = replay();
    drop(server);
    let args = ["serve", "--listen", "127.0.0.1:0", "--mode", "replay"];
    let server = Served::start(test.args(args).env("NIGHTREEL_STORE", "served.db"));
    let error = error_of(&server.chat(body("What is new?").to_string()).answer());
    let command = error["nightreel"]["record_with"].as_str().unwrap();
    assert!(command.contains(" --store served.db"), "{command}");
}

#[test]
fn what_was_struck_from_a_recording_is_named_where_it_is_what_differs() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("never tell it"));
    let server = Served::record(&test, &gateway);
    let asked = body(&format!("My key is {CANARY}.")).to_string();
    server.chat(asked.as_str()).answer();
    server.stop();
    // Without the key in its environment the server cannot know that it is one.
    let answer = Served::replay(&test).chat(asked).answer();
    let error = error_of(&answer);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("redaction_difference"), &json!("$.messages[1].content")),
        "{error:#}"
    );
}

#[test]
fn what_an_own_rule_has_struck_is_named_where_it_is_what_differs() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("paid"));
    let asked = body("Pay DE12345678 today.").to_string();
    let server = Served::start(test.serve("record").to(&gateway).and(["--redact", "DE[0-9]+=ACCOUNT"]));
    assert_eq!(server.chat(asked.as_str()).answer().status, 200);
    server.stop();
    let error = error_of(&Served::replay(&test).chat(asked).answer());
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("redaction_difference"), &json!("$.messages[1].content")),
        "{error:#}"
    );
}

#[test]
fn two_words_changed_far_apart_leave_the_recording_the_nearest() {
    let filler = "Each ship tells the harbour master what it has brought from where. ".repeat(30);
    let prompt =
        |first: &str, second: &str| body(&format!("Count the {first}. {filler}Then weigh the {second}. {filler}"));
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("an answer"));
    let server = Served::record(&test, &gateway);
    let others = [body("Count the ships."), body(&filler), body(&format!("Count the ships. {filler}"))];
    for recorded in [prompt("ships", "salt")].into_iter().chain(others) {
        assert_eq!(server.chat(recorded.to_string()).answer().status, 200);
    }
    server.stop();
    let server = Served::replay(&test);
    let ask = || error_of(&server.chat(prompt("boats", "corn").to_string()).answer());
    let error = ask();
    let nearest = &error["nightreel"]["nearest"];
    assert_eq!((&nearest[0]["item"], nearest.as_array().unwrap().len()), (&json!(0), 3), "{error:#}");
    let similarity = |at: usize| nearest[at]["similarity"].as_f64().unwrap();
    assert!(similarity(0) > similarity(1) && similarity(1) >= similarity(2), "{error:#}");
    assert_eq!(nearest[0]["differences"][0]["at"], json!("Count the ".len()), "{error:#}");
    assert_eq!(ask(), error, "the same is told each time");
}

#[test]
fn misses_leave_the_store_as_it_was_and_fail_the_server_where_that_is_asked() {
    let (test, server) = replay();
    server.stop();
    let before = fs::read(test.path("served.db")).unwrap();
    let server = Served::start(test.serve("replay").and(["--fail-miss"]));
    error_of(&server.chat(body("What is new?").to_string()).answer());
    assert_eq!(server.stop().status, Some(4));
    assert_eq!(fs::read(test.path("served.db")).unwrap(), before);
}

#[test]
fn what_is_refused_is_told_in_every_format_and_fails_the_server_where_that_is_asked() {
    let (test, server) = replay();
    server.stop();
    for (name, expected) in [
        ("report.txt", ["3 refused;", "refused: POST /v1/moderations, (no session): status 404, unknown_url, 2 times"]),
        ("report.json", ["\"refusals\": 3", "\"path\": \"/v1/moderations\""]),
        (
            "report.xml",
            ["failures=\"2\"", "name=\"refused: POST /v1/chat/completions, (no session): status 400, bad_json\""],
        ),
    ] {
        let server = Served::start(test.serve("replay").and(["--fail-miss", "--report", name]));
        for _ in 0..2 {
            assert_eq!(Ask::post(format!("{}/moderations", server.base_url()), "{}").answer().status, 404);
        }
        assert_eq!(server.chat("{oops").answer().status, 400);
        let output = server.stop();
        assert_eq!(output.status, Some(4), "{name}");
        assert!(output.stderr.contains("3 requests: 0 replayed, 0 sent, 0 missed, 3 refused"), "{}", output.stderr);
        let report = test.text(name);
        assert!(expected.iter().all(|expected| report.contains(expected)), "{report}");
    }
}

#[test]
fn what_could_not_be_sent_fails_the_server_too() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("an answer"));
    let server = Served::start(test.serve("auto").to(&gateway).and(["--fail-miss"]));
    drop(gateway);
    let answer = server.chat(body(CAPITAL).to_string()).answer();
    assert_eq!((answer.status, answer.header("x-nightreel")), (502, None));
    let output = server.stop();
    assert_eq!(output.status, Some(4));
    assert!(
        output.stderr.contains("refused: POST /v1/chat/completions, (no session): status 502"),
        "{}",
        output.stderr
    );
}
