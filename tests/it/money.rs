//! What requests cost, and which outcomes count as success: as the store, the results and people are
//! told.

use crate::support::{FaultyGateway, Gateway, Play, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"some/model\"]\nprompt = \"{{ q }}\"\n";
const PRICES: &str =
    "[\"some/model\"]\nprompt_usd_per_million = 1_000\ncompletion_usd_per_million = 10_000\nrequest_usd = 0.5\n";

/// A chat answer with a usage and a finish reason.
fn answer(headers: &'static str, usage: &str, finish: &str) -> Play {
    let body = format!(
        r#"{{"id":"gen-1","model":"some/model-2025","choices":[{{"message":{{"role":"assistant","content":"fine"}},
           "finish_reason":"{finish}"}}],"usage":{usage}}}"#
    );
    Play::Answer(200, headers, body)
}

/// A gateway that answers by the word that it finds in the request.
fn gateway() -> FaultyGateway {
    const TOKENS: &str = r#"{"prompt_tokens":100,"completion_tokens":10}"#;
    const COST: &str = r#"{"prompt_tokens":100,"completion_tokens":10,"cost":0.25}"#;
    FaultyGateway::new(|received| match received.text() {
        text if text.contains("cached") => answer("cf-aig-cache-status: HIT\r\n", COST, "stop"),
        text if text.contains("priced") => answer("", COST, "stop"),
        text if text.contains("cut") => answer("", COST, "length"),
        text if text.contains("refuse") => answer("", COST, "refusal"),
        text if text.contains("broken") && received.times == 1 => {
            Play::Answer(200, "", r#"{"choices":[],"usage":{"cost":0.125}}"#.to_owned())
        }
        text if text.contains("reject") => Play::Answer(400, "", r#"{"error":{"code":400,"message":"no"}}"#.to_owned()),
        _ => answer("", TOKENS, "stop"),
    })
}

fn costs(test: &Test, file: &str) -> Vec<Option<f64>> {
    test.json_lines(file).iter().map(|line| line["cost_usd"].as_f64()).collect()
}

#[test]
fn a_cost_is_said_by_the_reply_else_by_the_price_table_and_stays_as_it_was() {
    let gateway = gateway();
    let test = Test::new().job(&format!("prices = \"prices.toml\"\n{JOB}")).file("prices.toml", PRICES);
    test.write("rows.csv", "q\ncached\npriced\nbroken\nplain\n");
    let run = test.run_job().to(&gateway).output("run.jsonl").run();
    assert!(run.stderr.contains("5 requests sent; 400 + 40 tokens; $1.78\n"), "{}", run.stderr);
    assert_eq!(costs(&test, "run.jsonl"), [Some(0.0), Some(0.25), Some(0.7), Some(0.7)]);
    let store = test.store();
    let of_all: f64 = store.value("SELECT sum(cost_usd) FROM attempts");
    assert!((of_all - 1.775).abs() < 1e-9, "{of_all}");
    assert_eq!(store.count("SELECT count(*) FROM attempts WHERE cost_usd IS NULL"), 0);
    // Prices change; what was paid does not.
    test.write("prices.toml", PRICES.replace("0.5", "7.5"));
    test.run_job().to(&gateway).output("again.jsonl").run();
    test.write("prices.toml", "not a price table");
    test.replay_job().output("replay.jsonl").run();
    test.args(["export", "latest", "--output", "export.jsonl"]).run();
    for name in ["again.jsonl", "replay.jsonl", "export.jsonl"] {
        assert!(test.bytes(name) == test.bytes("run.jsonl"), "{name} differs");
    }
}

#[test]
fn a_cost_that_nobody_knows_is_never_told_as_nothing() {
    let gateway = gateway();
    let test = Test::new().job(JOB).file("rows.csv", "q\npriced\nplain\nplainer\n");
    let said = "; ≥ $0.250; cost unknown for 2 of 3 answers: give a price table with prices = \"FILE\"\n";
    test.run_job().to(&gateway).output("run.jsonl").stderr_contains(said).run();
    assert_eq!(costs(&test, "run.jsonl"), [Some(0.25), None, None]);
    let shown = test.args(["show", "latest"]).run();
    assert!(shown.stdout.contains(said.trim_start_matches("; ")), "{}", shown.stdout);
    test.write("rows.csv", "q\nplain\n");
    let new = test.args(["run", "job.toml", "--progress", "json", "--mode", "record"]).to(&gateway).run();
    assert!(new.stderr.contains("cost unknown for 1 of 1 answer: "), "{}", new.stderr);
    assert!(new.stderr.contains("\"cost_usd\":null,"), "{}", new.stderr);
    assert!(!new.stderr.contains("$0"), "{}", new.stderr);
    let runs = test.args(["runs", "--json"]).run();
    let runs: serde_json::Value = serde_json::from_str(&runs.stdout).unwrap();
    assert_eq!((&runs[0]["cost_usd"], &runs[0]["unknown_costs"]), (&serde_json::Value::Null, &1.into()));
    assert_eq!((&runs[1]["cost_usd"], &runs[1]["unknown_costs"]), (&0.25.into(), &2.into()));
    // A price table of the command line counts from then on.
    test.write("prices.toml", PRICES);
    test.run_job()
        .to(&gateway)
        .and(["--mode", "record", "--prices", "prices.toml"])
        .stderr_contains("tokens; $0.700")
        .run();
}

#[test]
fn where_there_is_a_price_table_none_is_advised() {
    let gateway = gateway();
    let test = Test::new().job(JOB).file("rows.csv", "q\nplain\npriced\n").file("prices.toml", PRICES);
    let advice = "cost unknown for 1 of 1 answer: give a price table";
    test.run_job().to(&gateway).and(["--budget", "5", "--in-flight", "1"]).status(3).stderr_contains(advice).run();
    assert!(test.args(["show", "latest"]).run().stdout.contains(advice));
    let flags: [&[&str]; 2] = [&["--prices", "prices.toml"], &["--set", "prices=\"prices.toml\""]];
    for flags in flags {
        let said = test.run_job().to(&gateway).and(flags).run().stderr;
        let shown = test.args(["show", "latest"]).run().stdout;
        for told in [said, shown] {
            assert!(told.contains("cost unknown for 1 of 2 answers"), "{flags:?}: {told}");
            assert!(!told.contains("give a price table"), "{flags:?}: {told}");
        }
    }
}

#[test]
fn a_price_table_that_is_wrong_is_told_before_anything_is_sent() {
    let gateway = Gateway::new();
    let test = Test::new().job(JOB).file("rows.csv", "q\na\n").file("prices.toml", "[\"m\"]\nprice = 1\n");
    let call = test.run_job().to(&gateway).and(["--prices", "prices.toml"]).status(2);
    call.stderr_contains("prices.toml:2:1: unknown key price of \"m\"").run();
    test.run_job().to(&gateway).and(["--set", "prices=\"none.toml\""]).status(2).stderr_contains("none.toml").run();
    assert_eq!(gateway.requests(), 0);
    assert!(!test.path("nightreel.db").exists());
}

#[test]
fn a_job_says_which_outcomes_count_as_success() {
    let gateway = gateway();
    let test = Test::new().job(JOB).file("rows.csv", "q\npriced\ncut\nrefuse\nreject\n");
    let sent = || gateway.received().len();
    let shown = || {
        let runs = test.args(["runs", "--json"]).run();
        let runs: serde_json::Value = serde_json::from_str(&runs.stdout).unwrap();
        ["ok", "failed"].map(|name| runs[0][name].as_u64().unwrap())
    };
    test.run_job().to(&gateway).output("strict.jsonl").status(1).run();
    assert_eq!((sent(), shown()), (4, [1, 3]));

    test.write("job.toml", format!("{JOB}[outcomes]\nsuccess = [\"truncated\"]\n"));
    let said = "complete already, nothing to send";
    let lenient = test.run_job().to(&gateway).output("lenient.jsonl").status(1).stderr_contains(said).run();
    assert!(!lenient.stderr.contains("× truncated"), "{}", lenient.stderr);
    assert_eq!((sent(), shown()), (4, [2, 2]));
    // What came of an item stays what it is.
    assert!(test.bytes("lenient.jsonl") == test.bytes("strict.jsonl"));
    assert_eq!(test.json_lines("lenient.jsonl")[1]["outcome"], "truncated");
    test.run_job().to(&gateway).and(["--retry", "failed"]).status(1).run();
    assert_eq!(sent(), 6, "the refused one and the rejected one alone are asked again");
    test.replay_job().status(1).run();

    test.write("rows.csv", "q\npriced\ncut\nrefuse\n");
    let success = ["--set", "outcomes.success=[\"truncated\", \"refused\"]"];
    test.run_job().to(&gateway).and(success).run();
    assert_eq!((sent(), shown()), (6, [3, 0]));
    test.replay_job().and(success).run();
    let run = test.args(["show", "latest"]).run().stdout;
    assert!(run.contains("  success   ok, truncated, refused\n"), "{run}");
    assert!(run.contains("3 of 3 settled: 3 ok, 0 failed\n") && !run.contains("did not end well"), "{run}");
    test.run_job().to(&gateway).and(["--retry", "failed"]).and(success).stderr_contains(said).run();
    assert_eq!(sent(), 6);
}
