//! Public data sets, where they lie beside the crate: run, replay, order, counts.

use std::path::{Path, PathBuf};

use crate::support::{Gateway, Test, not_tested};

/// A data set; none where it is not there.
fn data_set(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let found = path.canonicalize().ok();
    if found.is_none() {
        not_tested(&format!("{} is missing", path.display()));
    }
    found
}

/// A job over a data set.
fn job(data: &Path, id: &str, request: &str) -> Test {
    Test::new().job(&format!("[input]\npath = \"{}\"\n{id}\n[request]\n{request}\n", data.display()))
}

/// Runs and replays a job; gives the lines of its results.
fn round_trip(test: &Test, items: usize, requests: u64) -> Vec<serde_json::Value> {
    let gateway = Gateway::new();
    test.run_job().to(&gateway).output("run.jsonl").run();
    assert_eq!(gateway.requests(), requests);
    test.run_job().to(&gateway).output("run.csv").run();
    assert_eq!(gateway.requests(), requests, "the same command again sends nothing");
    drop(gateway);
    for name in ["jsonl", "csv"] {
        test.replay_job().output(&format!("replay.{name}")).run();
        assert!(test.bytes(&format!("replay.{name}")) == test.bytes(&format!("run.{name}")), "the {name} differs");
    }
    let lines = test.json_lines("run.jsonl");
    assert_eq!(lines.len(), items);
    assert!(lines.iter().all(|line| line["outcome"] == "ok"));
    assert_eq!(csv::Reader::from_path(test.path("run.csv")).unwrap().records().count(), items);
    let store = test.store();
    store.assert_whole();
    assert_eq!(store.count("SELECT count(*) FROM items WHERE outcome = 'ok'"), items as u64);
    assert_eq!(store.count("SELECT count(*) FROM attempts WHERE settling = 1"), requests);
    lines
}

#[test]
fn truthful_qa_runs_and_replays() {
    let Some(data) = data_set("TruthfulQA.csv") else { return };
    let test = job(&data, "", "models = [\"m\"]\nsystem = \"Answer truthfully.\"\nprompt = \"{{ Question }}\"");
    let lines = round_trip(&test, 813, 813);
    let ids: Vec<u64> = lines.iter().map(|line| line["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (1..=813).collect::<Vec<_>>());
    assert_eq!(lines[0]["input"]["Question"], "Why do veins appear blue?");
    assert_eq!(lines[0]["input"]["Type"], "Adversarial");
}

#[test]
fn gsm8k_runs_and_replays() {
    let Some(data) = data_set("gsm8k_test.jsonl") else { return };
    let test = job(&data, "", "models = [\"m\"]\nprompt = \"{{ question }}\\nThink, then answer.\"");
    let lines = round_trip(&test, 1_319, 1_319);
    let questions: Vec<String> = std::fs::read_to_string(data)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["question"].as_str().unwrap().to_owned())
        .collect();
    let asked: Vec<&str> = lines.iter().map(|line| line["input"]["question"].as_str().unwrap()).collect();
    assert_eq!(asked, questions);
}

#[test]
fn mt_bench_runs_and_replays_its_two_turns_with_two_models() {
    let Some(data) = data_set("mt_bench.jsonl") else { return };
    let request = "models = [\"first\", \"second\"]\nturns = [\"{{ turns[0] }}\", \"{{ turns[1] }}\"]";
    let lines = round_trip(&job(&data, "id = \"question_id\"", request), 160, 320);
    let places: Vec<_> =
        lines.iter().map(|line| (line["id"].as_str().unwrap(), line["model"].as_str().unwrap())).collect();
    assert_eq!(places[..3], [("81", "first"), ("81", "second"), ("82", "first")]);
    assert!(lines.iter().all(|line| line["responses"].as_array().unwrap().len() == 2));
    assert!(lines.iter().all(|line| line["responses"][1] == line["response"]));
}
