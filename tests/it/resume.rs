//! The same job again, with something changed: what is sent, and what is said.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{FaultyGateway, Gateway, Play, Test};

const JOB: &str = r#"
[input]
path = "rows.csv"
id = "id"
[request]
models = ["m"]
prompt = "{{ q }}"
"#;

fn rows(count: usize) -> String {
    let rows = (0..count).map(|row| format!("r{row},question {row}\n"));
    std::iter::once("id,q\n".to_owned()).chain(rows).collect()
}

fn test() -> Test {
    Test::new().job(JOB).file("rows.csv", rows(20))
}

/// A test whose job has been run once, and the gateway that it was sent to.
fn run_once() -> (Test, Gateway) {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).output("results.jsonl").run();
    assert_eq!(gateway.requests(), 20);
    (test, gateway)
}

/// The ids of the rows that a run has sent requests for.
fn sent(test: &Test, run: u32) -> Vec<String> {
    let sql = format!(
        "SELECT items.row_id FROM attempts JOIN items USING (run, position) WHERE run = {run} ORDER BY position, number"
    );
    test.store().rows(&sql, |row| row.get(0))
}

#[test]
fn one_changed_cell_sends_one_request_and_the_message_says_what_changed() {
    let (test, gateway) = run_once();
    test.write("rows.csv", rows(20).replace("question 13\n", "question thirteen\n"));
    test.run_job()
        .to(&gateway)
        .output("again.jsonl")
        .stderr_contains("the input's content changed since run 1")
        .stderr_contains("1 requests sent, 19 answered by recordings")
        .run();
    assert_eq!(gateway.requests(), 21);
    assert_eq!(sent(&test, 2), ["r13"]);
    let (before, after) = (test.json_lines("results.jsonl"), test.json_lines("again.jsonl"));
    let differing: Vec<_> = (0..20).filter(|index| before[*index] != after[*index]).collect();
    assert_eq!(differing, [13]);
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("again.jsonl"));
}

#[test]
fn an_appended_row_is_the_only_one_that_is_sent() {
    let (test, gateway) = run_once();
    test.write("rows.csv", rows(21));
    test.run_job().to(&gateway).output("again.jsonl").run();
    assert_eq!(gateway.requests(), 21);
    assert_eq!(sent(&test, 2), ["r20"]);
    assert!(test.text("again.jsonl").starts_with(&test.text("results.jsonl")));
}

#[test]
fn rows_in_another_order_send_nothing() {
    let (test, gateway) = run_once();
    let mut lines: Vec<String> = rows(20).lines().map(|line| format!("{line}\n")).collect();
    lines[1..].reverse();
    test.write("rows.csv", lines.concat());
    test.run_job().to(&gateway).output("again.jsonl").run();
    assert_eq!(gateway.requests(), 20);
    let reversed: Vec<_> = test.text("results.jsonl").lines().rev().map(str::to_owned).collect();
    assert_eq!(test.text("again.jsonl").lines().collect::<Vec<_>>(), reversed);
}

#[test]
fn a_row_that_was_taken_out_sends_nothing() {
    let (test, gateway) = run_once();
    test.write("rows.csv", rows(20).replace("r5,question 5\n", ""));
    test.run_job().to(&gateway).output("again.jsonl").run();
    assert_eq!((gateway.requests(), test.json_lines("again.jsonl").len()), (20, 19));
}

#[test]
fn a_changed_prompt_sends_everything_and_says_so() {
    let (test, gateway) = run_once();
    test.write("job.toml", JOB.replace("{{ q }}", "Briefly: {{ q }}"));
    test.run_job().to(&gateway).stderr_contains("request.prompt changed since run 1").run();
    assert_eq!(gateway.requests(), 40);
    // The old prompt is still recorded.
    test.write("job.toml", JOB);
    test.run_job().to(&gateway).output("again.jsonl").run();
    assert_eq!(gateway.requests(), 40);
    assert_eq!(test.bytes("again.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn a_second_model_sends_its_own_requests_alone() {
    let (test, gateway) = run_once();
    let more = ["--model", "m", "--model", "n"];
    test.run_job().to(&gateway).and(more).stderr_contains("request.models changed since run 1").run();
    assert_eq!(gateway.requests(), 40);
    let models: HashSet<String> = test
        .store()
        .rows("SELECT model FROM attempts JOIN items USING (run, position) WHERE run = 2", |row| row.get(0))
        .into_iter()
        .collect();
    assert_eq!(models, HashSet::from(["n".to_owned()]));
}

#[test]
fn what_decides_nothing_about_the_answers_changes_no_run() {
    let (test, gateway) = run_once();
    test.write("job.toml", format!("{JOB}[limits]\nin_flight = 3\n[retry]\nattempts = 2\n"));
    test.run_job().to(&gateway).and(["--rpm", "60000"]).run();
    assert_eq!(gateway.requests(), 20);
    assert_eq!(test.store().count("SELECT count(*) FROM run"), 1);
}

#[test]
fn a_limit_asks_the_first_rows_and_the_whole_goes_on_from_there() {
    let (test, gateway) = (test(), Gateway::new());
    test.run_job().to(&gateway).and(["--limit", "3"]).output("three.jsonl").run();
    assert_eq!((gateway.requests(), test.json_lines("three.jsonl").len()), (3, 3));
    test.run_job().to(&gateway).output("all.jsonl").run();
    assert_eq!(gateway.requests(), 20);
    assert!(test.text("all.jsonl").starts_with(&test.text("three.jsonl")));
    // Fewer again: the results are those of the rows that were wanted.
    test.run_job().to(&gateway).and(["--limit", "3"]).output("three-again.jsonl").run();
    assert_eq!(gateway.requests(), 20);
    assert_eq!(test.text("three-again.jsonl"), test.text("three.jsonl"));
    test.replay_job().and(["--limit", "3"]).output("replay.jsonl").run();
    assert_eq!(test.text("replay.jsonl"), test.text("three.jsonl"));
}

#[test]
fn failed_items_are_asked_again_when_that_is_wanted_and_no_others() {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let gateway = FaultyGateway::new(move |received| {
        let text = received.text();
        let fails = ["question 4\"", "question 11\""].iter().any(|question| text.contains(question));
        if fails && !is_mended.load(Ordering::SeqCst) {
            let error = r#"{"error":{"code":400,"message":"this one is not liked"}}"#;
            return Play::Answer(400, "", error.to_owned());
        }
        Play::good("fine")
    });
    let test = test();
    test.run_job().to(&gateway).output("first.jsonl").status(1).stderr_contains("2 × rejected").run();
    assert_eq!(gateway.received().len(), 20);
    mended.store(true, Ordering::SeqCst);
    test.run_job().to(&gateway).status(1).run();
    assert_eq!(gateway.received().len(), 20, "what failed is not asked again unless that is wanted");
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("first.jsonl"), "failures replay too");

    test.run_job().to(&gateway).and(["--retry", "failed"]).output("mended.jsonl").run();
    let again: HashSet<String> = gateway.received()[20..].iter().map(super::support::Received::text).collect();
    assert_eq!((gateway.received().len(), again.len()), (22, 2));
    assert!(again.iter().all(|body| body.contains("question 4\"") || body.contains("question 11\"")), "{again:?}");
    assert!(test.json_lines("mended.jsonl").iter().all(|line| line["outcome"] == "ok"));
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("mended.jsonl"));
    let store = test.store();
    assert_eq!(store.count("SELECT count(*) FROM attempts"), 22, "the failed attempts stay");
    assert_eq!(store.count("SELECT count(*) FROM attempts WHERE settling = 1"), 20);
}

#[test]
fn a_new_run_is_answered_by_recordings_and_stands_beside_the_old() {
    let (test, gateway) = run_once();
    test.run_job().to(&gateway).and(["--new"]).output("again.jsonl").run();
    assert_eq!(gateway.requests(), 20);
    assert_eq!(test.bytes("again.jsonl"), test.bytes("results.jsonl"));
    let runs =
        test.store().rows("SELECT items, ended FROM runs", |row| Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?)));
    assert_eq!(runs, [(20, "complete".to_owned()), (20, "complete".to_owned())]);
}

#[test]
fn recording_again_sends_everything_and_keeps_the_old_beside_it() {
    let count = AtomicUsize::new(0);
    let gateway = FaultyGateway::new(move |_| Play::good(&format!("answer {}", count.fetch_add(1, Ordering::SeqCst))));
    let test = test();
    test.run_job().to(&gateway).output("first.jsonl").run();
    test.run_job().to(&gateway).and(["--mode", "record"]).output("second.jsonl").run();
    assert_eq!(gateway.received().len(), 40);
    assert_ne!(test.bytes("first.jsonl"), test.bytes("second.jsonl"));
    let answered = test.store().rows("SELECT run, count(*) FROM attempts GROUP BY run", |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
    });
    assert_eq!(answered, [(1, 20), (2, 20)]);
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("second.jsonl"), "the newest recording answers");
}

#[test]
fn samples_are_answers_of_their_own_and_replay_in_their_order() {
    let count = AtomicUsize::new(0);
    let gateway = FaultyGateway::new(move |_| Play::good(&format!("answer {}", count.fetch_add(1, Ordering::SeqCst))));
    let test = test();
    test.run_job().to(&gateway).and(["--set", "request.samples=3"]).output("results.jsonl").run();
    assert_eq!(gateway.received().len(), 60);
    let lines = test.json_lines("results.jsonl");
    let answers: HashSet<&str> = lines.iter().map(|line| line["response"].as_str().unwrap()).collect();
    assert_eq!(answers.len(), 60);
    let places: Vec<_> =
        lines[..4].iter().map(|line| (line["id"].as_str().unwrap(), line["sample"].as_u64().unwrap())).collect();
    assert_eq!(places, [("r0", 0), ("r0", 1), ("r0", 2), ("r1", 0)]);
    let occurrences: Vec<u32> =
        test.store().rows("SELECT occurrence FROM exchanges ORDER BY position", |row| row.get(0));
    assert_eq!(occurrences.iter().collect::<HashSet<_>>().len(), 3);
    test.replay_job().and(["--set", "request.samples=3"]).output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn the_same_question_in_two_rows_is_asked_twice_and_replays_in_its_order() {
    let count = AtomicUsize::new(0);
    let gateway = FaultyGateway::new(move |_| Play::good(&format!("answer {}", count.fetch_add(1, Ordering::SeqCst))));
    let test = Test::new().job(JOB).file("rows.csv", "id,q\na,same\nb,same\nc,other\nd,same\n");
    test.run_job().to(&gateway).output("results.jsonl").run();
    assert_eq!(gateway.received().len(), 4);
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn a_fixture_answers_what_it_holds_in_every_mode() {
    let (test, gateway) = run_once();
    std::fs::rename(test.path("nightreel.db"), test.path("fixture.db")).unwrap();
    let fixture = ["--fixture", "fixture.db"];
    test.replay_job().and(fixture).output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
    assert!(!test.path("nightreel.db").exists());
    test.write("rows.csv", rows(21));
    test.run_job().to(&gateway).and(fixture).output("again.jsonl").run();
    assert_eq!(gateway.requests(), 21);
    // What the fixture answered was copied: the store stands by itself now.
    std::fs::remove_file(test.path("fixture.db")).unwrap();
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("again.jsonl"));
}

#[test]
fn the_command_that_is_printed_goes_on_with_the_same_run() {
    let test = test();
    let flags =
        ["--limit", "5", "--budget", "0.9", "--simulate", "--simulate-cost-usd", "0.4", "--store", "my store.db"];
    test.run_job().and(flags).output("results.jsonl").status(3).run();
    let shown = test.args(["show", "latest", "--store", "my store.db"]).run().stdout;
    let told = shown.lines().find_map(|line| line.split_once(": nightreel run ")).expect("it says how to go on").1;
    for flag in ["--limit 5", "--budget USD", "--simulate", "--simulate-cost-usd 0.4", "--output results.jsonl"] {
        assert!(told.contains(flag), "{flag}: {told}");
    }
    let (words, store) = told.split_once(" --store ").unwrap();
    assert_eq!(store, "'my store.db' --budget USD");
    test.args(["run"]).and(words.split(' ')).and(["--store", "my store.db", "--budget", "5"]).run();
    assert_eq!(test.json_lines("results.jsonl").len(), 5);
    let runs = test.args(["runs", "--json", "--store", "my store.db"]).run().stdout;
    assert_eq!(runs.lines().filter(|line| line.contains("\"job_file\"")).count(), 1, "{runs}");
}

#[test]
fn what_failed_is_asked_again_with_the_flags_that_the_run_had() {
    let test = test().job(&format!("{JOB}[retry]\nattempts = 1\n"));
    let gateway = FaultyGateway::new(|_| Play::Answer(200, "", "{}".to_owned()));
    let output = test.run_job().to(&gateway).and(["--limit", "2", "--store", "a.db"]).status(1).run();
    let told = output.plain_stderr();
    let again = told.lines().find_map(|line| line.split_once("ask again: ")).expect("it says how to ask again").1;
    let (before, after) = again.split_once(" --base-url ").unwrap();
    assert_eq!(before, "nightreel run job.toml --limit 2");
    assert!(after.starts_with("http://127.0.0.1:[PORT]"), "{after}");
    assert!(after.ends_with(" --store a.db --retry failed"), "{after}");
}

/// The command that `show` prints to go on, of the newest run.
fn to_go_on(test: &Test) -> String {
    let shown = test.args(["show", "latest"]).run().stdout;
    going_on(&shown).to_owned()
}

/// The command in what `show` prints of a run that its budget has stopped.
fn going_on(shown: &str) -> &str {
    let prefix = "to go on, raise the budget above $0.900: ";
    shown.lines().find_map(|line| line.strip_prefix(prefix)).expect("it says how to go on")
}

/// A run that its budget stops after two of its rows, with some more of the job's text and flags.
fn stopped(more: &str, flags: &[&str]) -> Test {
    let test = test().job(&format!("{JOB}{more}"));
    let budget = ["--limit", "5", "--budget", "0.9", "--simulate", "--simulate-cost-usd", "0.4"];
    test.run_job().and(budget).and(flags).env("GITHUB_TOKEN", "12345678").status(3).run();
    test
}

#[test]
fn what_is_struck_from_a_job_leaves_the_flags_of_its_run_as_they_are() {
    for more in [
        r#"[limits]
tokens_per_minute = 200000
[record]
redact = [{ pattern = '\d{6,}', with = "[number]" }]
"#,
        "[record]\nredact = [{ pattern = '\\d', with = \"9\" }]\n",
        "[request.params]\nseed = 12345678\n",
    ] {
        let test = stopped(more, &[]);
        let told = to_go_on(&test);
        for flag in ["--limit 5", "--budget USD", "--simulate-cost-usd 0.4"] {
            assert!(told.contains(flag), "{flag}: {told}");
        }
        let described: String =
            test.store().rows("SELECT job_description FROM run", |row| row.get(0)).into_iter().next().unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&described).is_ok(), "{described}");
    }
}

#[test]
fn a_flag_that_had_to_be_struck_is_named_in_the_place_of_a_command() {
    for (more, set) in [
        ("", "request.params.seed=12345678"),
        ("[record]\nredact = [{ pattern = 'Jane', with = \"N\" }]\n", "request.system=Speak to Jane."),
    ] {
        let test = stopped(more, &["--set", set]);
        let (told, key) = (to_go_on(&test), set.split('=').next().unwrap());
        assert!(told.contains(&format!("--set {key} must be given by hand")), "{told}");
        assert!(!told.contains("nightreel run") && !told.contains("Jane") && !told.contains("12345678"), "{told}");
    }
}

#[test]
fn a_shell_takes_what_is_told_as_it_was_given_wherever_it_is_pasted() {
    let set = "request.system=one\ntwo\tthree's \u{202e}end";
    let test = stopped("", &["--set", set, "--store", "my store.db"]);
    test.write("elsewhere/job.toml", "no job");
    let store = test.path("my store.db");
    let elsewhere = test.path("elsewhere");
    let shown = test.args(["show", "latest", "--store", store.to_str().unwrap()]).from(&elsewhere).run().stdout;
    let told = going_on(&shown);
    assert!(told.starts_with("cd "), "{told}");
    let command = told.replace("--budget USD", "--budget 5");
    let binary = env!("CARGO_BIN_EXE_nightreel");
    let command = command.replace(" nightreel run", &format!(" '{binary}' run --progress none"));
    let shell = std::process::Command::new("sh").arg("-c").arg(&command).current_dir(&elsewhere).output().unwrap();
    assert!(shell.status.success(), "{command}\n{}", String::from_utf8_lossy(&shell.stderr));
    let runs = test.args(["runs", "--json", "--store", "my store.db"]).run().stdout;
    assert_eq!(runs.matches("\"job_file\"").count(), 1, "another run was begun: {runs}");
    assert!(runs.contains("\"complete\""), "{runs}");
}

#[test]
fn a_store_whose_name_is_no_text_is_told_as_a_shell_takes_it() {
    let (test, store) = (test(), OsStr::from_bytes(b"caf\xe9.db"));
    let flags = ["--limit", "5", "--budget", "0.9", "--simulate", "--simulate-cost-usd", "0.4", "--store"];
    test.run_job().and(flags).and([store]).status(3).run();
    let shown = test.args(["show", "latest", "--store"]).and([store]).run().stdout;
    assert!(shown.contains(r#" --store "$(printf 'caf\351.db')""#), "{shown}");
}

#[test]
fn a_run_is_named_by_its_number_whatever_its_job_is_called() {
    for name in ["7", "latest", "-x"] {
        let test = test().job(&format!("name = \"{name}\"\n{JOB}"));
        let filtered = r#"{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}"#;
        let gateway = FaultyGateway::new(|_| Play::Answer(200, "", filtered.to_owned()));
        let output = test.run_job().to(&gateway).and(["--limit", "1"]).status(1).run();
        let told = "look at it with nightreel show 1 --position 0";
        assert!(output.stderr.contains(told), "{name}: {}", output.stderr);
        test.args(["show", "1", "--position", "0"]).run();
    }
}
