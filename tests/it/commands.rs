//! The commands around a run: validate, simulate, runs, show, export, completions, man; and what is
//! shown while a run goes on.

use serde_json::{Value, json};

use rustix::process::Signal;

use crate::support::{CANARY, FaultyGateway, Gateway, Play, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\nid = \"id\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

fn test() -> Test {
    Test::new().job(JOB).file("rows.csv", "id,q\na,one\nb,two\nc,three\n")
}

fn recorded() -> Test {
    let test = test();
    test.run_job().to(&Gateway::new()).output("results.jsonl").run();
    test
}

#[test]
fn every_command_has_help_and_a_version() {
    let test = Test::new();
    let help = test.args(["--help"]).stderr("").run().stdout;
    let names =
        help.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| line.starts_with(char::is_lowercase));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    for expected in [
        "run",
        "replay",
        "validate",
        "estimate",
        "ctl",
        "serve",
        "simulate",
        "runs",
        "show",
        "export",
        "completions",
        "man",
    ] {
        assert!(names.contains(&expected), "{expected} is missing in\n{help}");
    }
    for name in names.into_iter().filter(|name| *name != "help") {
        let usage = format!("Usage: nightreel {name}");
        assert!(test.args([name, "--help"]).stderr("").run().stdout.contains(&usage), "{name}");
        let version = format!("nightreel-{name} {}\n", env!("CARGO_PKG_VERSION"));
        test.args([name, "--version"]).stdout(&version).run();
    }
    test.args(["--version"]).stdout(&format!("nightreel {}\n", env!("CARGO_PKG_VERSION"))).run();
    for wrong in [["run", "job.toml", "--no-such-flag"].as_slice(), &["no-such-command"], &[]] {
        test.args(wrong).status(2).stdout("").run();
    }
}

#[test]
fn the_help_shows_no_value_of_the_environment_that_may_be_a_secret() {
    let output =
        Test::new().args(["run", "--help"]).env("OPENROUTER_API_KEY", CANARY).env("CF_AIG_TOKEN", CANARY).run();
    assert!(!output.stdout.contains(CANARY));
}

#[test]
fn validate_counts_what_a_run_would_ask_and_sends_nothing() {
    let test = test();
    test.args(["validate", "job.toml", "--model", "m", "--model", "n", "--set", "request.samples=2"])
        .stdout("job.toml: 3 rows × 2 models × 2 samples = 12 items; nothing was sent\ncolumns: id, q\n")
        .run();
    let found: Value = serde_json::from_str(&test.args(["validate", "job.toml", "--json"]).run().stdout).unwrap();
    assert_eq!((&found["valid"], &found["rows"], &found["items"]), (&json!(true), &json!(3), &json!(3)));
    assert!(!test.path("nightreel.db").exists());
}

#[test]
fn validate_tells_the_problems_that_a_run_would_tell() {
    let test = test().file("rows.csv", "id,q\na,one\nb\na,three\n");
    let run = test.run_job().and(["--simulate"]).status(2).run();
    let found: Value =
        serde_json::from_str(&test.args(["validate", "job.toml", "--json"]).status(2).run().stdout).unwrap();
    assert_eq!((&found["valid"], &found["problem_count"]), (&json!(false), &json!(2)));
    let problems: Vec<&str> = run.stderr.trim_start_matches("nightreel: ").lines().collect();
    let told = test.args(["validate", "job.toml"]).status(2).run();
    for problem in problems {
        let everything = format!("{}{}", told.stdout, told.stderr);
        assert!(everything.contains(problem), "{problem:?} is missing in\n{everything}");
    }
}

#[test]
fn runs_and_show_tell_what_is_in_the_store() {
    let test = recorded();
    let runs: Value = serde_json::from_str(&test.args(["runs", "--json"]).run().stdout).unwrap();
    let run = &runs[0];
    assert_eq!(
        (&run["run"], &run["job"], &run["state"], &run["ok"], &run["sent"]),
        (&json!(1), &json!("job"), &json!("complete"), &json!(3), &json!(3))
    );
    for name in ["1", "latest", "job"] {
        let shown = test.args(["show", name]).run().stdout;
        assert!(shown.starts_with("run 1 of job: complete\n"), "{shown}");
    }
    for missing in ["2", "no-such-job"] {
        let output = test.args(["show", missing]).status(2).stdout("").run();
        assert!(output.stderr.contains(missing), "{}", output.stderr);
    }
    test.args(["runs", "--store", "none.db"]).status(5).stderr_contains("there is no store none.db").run();
    assert!(!test.path("none.db").exists());
}

#[test]
fn show_gives_the_exact_bytes_of_what_was_sent_and_of_what_came() {
    let body = r#"{ "model":"m" , "messages":[{"role":"user","content":"\u00e9  spaced"}]}"#;
    let test = Test::new().job("[input]\npath = \"bodies.jsonl\"\nformat = \"requests\"\n").file("bodies.jsonl", body);
    let answer = "\n  {\"choices\": [ {\"message\":{\"content\":\"hi \\u00e9\"},\"finish_reason\":\"stop\"}]}\n\n";
    let gateway = FaultyGateway::new(move |_| Play::Answer(200, "", answer.to_owned()));
    test.run_job().to(&gateway).run();
    test.args(["show", "latest", "1", "--raw", "request"]).stdout(body).run();
    test.args(["show", "latest", "1", "--raw", "response"]).stdout(answer).run();
}

#[test]
fn show_has_every_attempt_of_an_item() {
    let test = test();
    let gateway = FaultyGateway::new(|received| {
        if received.times == 1 { Play::Answer(500, "", "busy".to_owned()) } else { Play::good("fine") }
    });
    test.run_job().to(&gateway).run();
    let shown: Value = serde_json::from_str(&test.args(["show", "job", "b", "--json"]).run().stdout).unwrap();
    let attempts = shown["items"][0]["exchanges"][0]["attempts"].as_array().unwrap().clone();
    let classes: Vec<_> =
        attempts.iter().map(|attempt| (attempt["class"].clone(), attempt["settling"].clone())).collect();
    assert_eq!(classes, [(json!("server_error"), json!(false)), (json!("answered"), json!(true))]);
    assert!(!shown.to_string().contains(CANARY));
}

#[test]
fn an_export_writes_the_bytes_that_the_run_wrote() {
    let test = recorded();
    test.args(["export", "job"]).stdout(&test.text("results.jsonl")).run();
    for (format, name) in [("jsonl", "e.jsonl"), ("csv", "e.csv"), ("openai-batch", "e.batch")] {
        test.replay_job().output("replay").and(["--format", format]).run();
        test.args(["export", "latest", "--format", format, "--output", name]).run();
        assert_eq!(test.text(name), test.text("replay"), "{format}");
    }
}

#[test]
fn what_a_link_leads_to_is_written_and_what_is_no_file_stays_what_it_is() {
    let test = recorded();
    let results = test.text("results.jsonl");
    std::os::unix::fs::symlink("place.jsonl", test.path("link.jsonl")).unwrap();
    std::os::unix::fs::symlink("/proc/self/fd/1", test.path("stdout")).unwrap();
    for command in [["export", "job"], ["replay", "job.toml"]] {
        test.args(command).and(["--output", "link.jsonl"]).run();
        assert_eq!(test.text("place.jsonl"), results, "{command:?}");
        test.args(command).and(["--output", "stdout"]).stdout(&results).run();
        assert!(test.path("link.jsonl").is_symlink() && test.path("stdout").is_symlink(), "{command:?}");
    }
    test.args(["export", "job", "--format", "har", "--output", "stdout"]).run();
    assert!(test.path("stdout").is_symlink());
}

#[test]
fn the_commands_that_read_leave_the_store_as_it_was() {
    let test = recorded();
    let before = test.bytes("nightreel.db");
    for args in [["runs"].as_slice(), &["show", "1"], &["show", "1", "a"], &["export", "1"], &["validate", "job.toml"]]
    {
        test.args(args).run();
        assert_eq!(test.bytes("nightreel.db"), before, "{args:?}");
        assert!(!test.path("nightreel.db-wal").exists() && !test.path("nightreel.db-shm").exists(), "{args:?}");
    }
}

#[test]
fn the_simulated_gateway_serves_runs_until_it_is_stopped() {
    let test = test();
    let mut server = test.args(["simulate", "--listen", "127.0.0.1:0"]).start();
    server.until("its address", |server| server.stdout().ends_with('\n'));
    let url = server.stdout().trim().to_owned();
    test.run_job().to(&url).output("results.jsonl").run();
    server.signal(Signal::INT);
    let stopped = server.wait();
    assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("3 requests"), "{}", stopped.stderr);
    assert_eq!(test.json_lines("results.jsonl").len(), 3);
}

#[test]
fn completions_and_man_pages_are_written() {
    let test = Test::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(test.args(["completions", shell]).run().stdout.contains("nightreel"));
    }
    test.args(["man", "pages"]).run();
    assert!(test.text("pages/nightreel.1").contains(".TH nightreel"));
    assert!(test.text("pages/nightreel-run.1").contains("simulate"));
}

#[test]
fn progress_for_programs_is_an_event_a_line() {
    let (test, gateway) = (test(), Gateway::new());
    let output = test.args(["run", "job.toml", "--progress", "json"]).to(&gateway).stdout("").run();
    let events: Vec<Value> = output.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("begun"), count("item")), (1, 3));
    assert_eq!(events[0]["event"], "begun");
}

#[test]
fn quiet_is_quiet_when_all_is_well_and_results_alone_are_on_standard_output() {
    let (test, gateway) = (test(), Gateway::new());
    let quiet = test.args(["run", "job.toml", "--quiet", "--output", "-"]).to(&gateway).stderr("").run();
    test.args(["replay", "job.toml", "--quiet", "--output", "-"]).stderr("").stdout(&quiet.stdout).run();
    assert_eq!(quiet.stdout.lines().count(), 3);
    let failing = FaultyGateway::new(|_| Play::Answer(400, "", "no".to_owned()));
    let output = test.args(["run", "job.toml", "--quiet", "--mode", "record"]).to(&failing).status(1).run();
    assert!(output.stderr.contains("3 × rejected"), "{}", output.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_nothing_but_the_output() {
    let rows: String = (0..5_000).map(|row| format!("r{row},question {row}\n")).collect();
    let test = test().file("rows.csv", format!("id,q\n{rows}"));
    test.run_job().and(["--simulate"]).run();
    let binary = env!("CARGO_BIN_EXE_nightreel");
    for command in ["export 1", "run job.toml --simulate --output -", "replay job.toml --output -"] {
        let script = format!("set -o pipefail; '{binary}' {command} 2>errors | head -n 1 >first");
        let status =
            std::process::Command::new("bash").args(["-c", &script]).current_dir(test.directory()).status().unwrap();
        assert!(!test.text("errors").contains("panicked"), "{}", test.text("errors"));
        assert_eq!(test.json_lines("first").len(), 1);
        assert!(status.success(), "{command}: {status}\n{}", test.text("errors"));
    }
}
