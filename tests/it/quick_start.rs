//! A run, the same run again, and its replay.

use serde_json::json;

use crate::support::{CANARY, Gateway, Test};

const JOB: &str = r#"
[input]
path = "questions.csv"
id = "name"
[request]
models = ["openai/gpt-5-mini", "anthropic/claude-haiku-4.5"]
system = "Answer in one sentence."
prompt = "{{ question }}"
params = { temperature = 0 }
"#;

const QUESTIONS: &str = "name,question\n\
    sum,What is 2 + 2?\n\
    book,Who wrote Faust?\n\
    tide,\"Why is there a tide,\nand when?\"\n";

fn test() -> Test {
    Test::new().job(JOB).file("questions.csv", QUESTIONS)
}

#[test]
fn results_come_in_input_order_with_every_field_of_the_row() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).output("results.jsonl").stdout("").run();
    let lines = test.json_lines("results.jsonl");
    let order: Vec<_> = lines.iter().map(|line| (line["id"].clone(), line["model"].clone())).collect();
    let (mini, haiku) = (json!("openai/gpt-5-mini"), json!("anthropic/claude-haiku-4.5"));
    let expected =
        ["sum", "book", "tide"].into_iter().flat_map(|id| [(json!(id), mini.clone()), (json!(id), haiku.clone())]);
    assert_eq!(order, expected.collect::<Vec<_>>());
    assert_eq!(lines[4]["input"], json!({"name": "tide", "question": "Why is there a tide,\nand when?"}));
    for line in &lines {
        assert_eq!((&line["outcome"], &line["attempts"], &line["error"]), (&json!("ok"), &json!(1), &json!(null)));
        assert!(line["response"].as_str().unwrap().starts_with("Simulated answer "), "{line}");
    }
    assert_eq!(gateway.requests(), 6);
}

#[test]
fn the_same_command_again_sends_nothing_and_writes_the_same_results() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).output("first.jsonl").run();
    test.run_job().to(&gateway).output("again.jsonl").stderr_contains("0 requests sent now, 6 in all").run();
    assert_eq!(gateway.requests(), 6);
    assert_eq!(test.bytes("again.jsonl"), test.bytes("first.jsonl"));
    // Nothing is left to send: neither a gateway nor a key is needed any more.
    test.run_job().run();
}

#[test]
fn a_replay_writes_the_same_bytes_in_every_format_with_the_gateway_gone() {
    let (test, gateway) = (test(), Gateway::new());
    for (format, name) in [("jsonl", "jsonl"), ("csv", "csv"), ("openai-batch", "batch.jsonl")] {
        test.run_job().to(&gateway).output(&format!("run.{name}")).and(["--format", format]).run();
    }
    assert_eq!(gateway.requests(), 6);
    drop(gateway);
    for (format, name) in [("jsonl", "jsonl"), ("csv", "csv"), ("openai-batch", "batch.jsonl")] {
        test.replay_job().output(&format!("replay.{name}")).and(["--format", format]).run();
        assert_eq!(test.text(&format!("replay.{name}")), test.text(&format!("run.{name}")));
        let replay = ["--mode", "replay", "--output", "-", "--format", format];
        test.run_job().and(replay).stdout(&test.text(&format!("run.{name}"))).run();
    }
}

#[test]
fn a_csv_of_results_has_the_inputs_columns_first() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).output("results.csv").run();
    let written = test.text("results.csv");
    let header = "name,question,id,model,sample,outcome,response,error,finish_reason,prompt_tokens,completion_tokens,\
                  cost_usd,attempts,latency_ms\n";
    assert!(written.starts_with(header), "{written}");
    let mut reader = csv::Reader::from_reader(written.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6);
    assert_eq!(&rows[5][1], "Why is there a tide,\nand when?");
}

#[test]
fn the_key_is_kept_nowhere() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).output("results.jsonl").run();
    for entry in test.directory().read_dir().unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        let found = content.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{} holds the key", path.display());
    }
}

#[test]
fn a_store_can_be_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).run();
    assert_eq!(test.path("nightreel.db").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_rehearsal_needs_no_key_and_its_answers_never_stand_in_for_real_ones() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().and(["--simulate"]).output("rehearsal.jsonl").stderr_contains("simulated answers").run();
    test.run_job().to(&gateway).run();
    assert_eq!(gateway.requests(), 6);
    let simulated: Vec<i64> = test.store().rows("SELECT simulated FROM runs ORDER BY run", |row| row.get(0));
    assert_eq!(simulated, [1, 0]);
}

#[test]
fn a_rehearsed_fixture_answers_a_rehearsal_and_no_real_run() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().and(["--simulate", "--store", "fixture.db"]).run();
    let rehearsal = test.run_job().and(["--simulate", "--fixture", "fixture.db", "--store", "other.db"]);
    rehearsal.stderr_contains("0 requests sent, 6 answered by recordings").run();
    test.run_job().and(["--fixture", "fixture.db"]).to(&gateway).run();
    assert_eq!(gateway.requests(), 6);
}

#[test]
fn rows_can_come_from_standard_input() {
    let gateway = Gateway::new();
    let test =
        test().file("other.jsonl", "{\"name\":\"x\",\"question\":\"X?\"}\n{\"name\":\"y\",\"question\":\"Y?\"}\n");
    let from_stdin =
        |call: crate::support::Call| call.and(["--input", "-", "--set", "input.format=\"jsonl\""]).stdin("other.jsonl");
    from_stdin(test.run_job().to(&gateway)).output("results.jsonl").run();
    from_stdin(test.replay_job()).output("replay.jsonl").run();
    assert_eq!(test.json_lines("results.jsonl").len(), 4);
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}
