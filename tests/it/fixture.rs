//! Fixtures from the outside: made of runs, written as text, shown by git.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{CANARY, Destination as _, FaultyGateway, Gateway, Play, Test};

const JOB: &str = r#"
[input]
path = "rows.csv"
id = "id"
[request]
models = ["a/m", "b/m"]
prompt = "{{ q }}"
samples = 2
[retry]
attempts = 1
"#;

const ROWS: &str =
    "id,q,kind\nsky,Why is the sky blue?,nature\nsea,Why is the sea salty?,nature\nlaw,May I park here?,law\n";

fn answer(text: &str) -> String {
    json!({
        "id": "gen-1763-abc", "model": "m-2026-01-01", "provider": "Azure",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.25},
    })
    .to_string()
}

/// A gateway that answers each request with a number of its own, and fails one.
fn gateway() -> FaultyGateway {
    FaultyGateway::new(|received| {
        let text = received.text();
        if text.contains("park") && text.contains("b/m") {
            return Play::Answer(400, "x-request-id: r-1\r\n", r#"{"error":{"code":400,"message":"no"}}"#.to_owned());
        }
        Play::Answer(200, "cf-ray: ray-1\r\n", answer(&format!("answer {}", received.times)))
    })
}

/// A directory with a run of 12 items, two of which failed, and its results.
fn recorded() -> Test {
    let test = Test::new().job(JOB).file("rows.csv", ROWS);
    test.run_job().to(&gateway()).output("results.jsonl").status(1).run();
    test
}

/// Every file under a directory, with its content.
fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(tree(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

/// The rows of a results file that were answered.
fn answered(test: &Test, results: &str) -> Vec<String> {
    let lines = test.json_lines(results).into_iter().filter(|line| line["outcome"] == "ok");
    lines
        .map(|line| {
            format!("{} {} {}", line["id"].as_str().unwrap(), line["model"].as_str().unwrap(), line["response"])
        })
        .collect()
}

#[test]
fn a_fixture_created_twice_is_the_same_file_and_answers_what_it_was_made_of() {
    let test = recorded();
    test.args(["fixture", "create", "-o", "one.db"]).stderr_contains("one.db: 12 items of 12, 12 exchanges\n").run();
    test.args(["fixture", "create", "job", "-o", "two.db"]).run();
    assert!(test.bytes("one.db") == test.bytes("two.db"));
    test.args(["fixture", "create", "1", "-o", "two.db"]).stderr_contains("; the file is as it was\n").run();
    let replay = test.replay_job().and(["--store", "none.db", "--fixture", "one.db"]).output("replay.jsonl");
    replay.status(1).run();
    assert!(test.bytes("replay.jsonl") == test.bytes("results.jsonl"));
}

#[test]
fn a_fixture_of_some_items_answers_those_and_no_others() {
    let test = recorded();
    let all = answered(&test, "results.jsonl");
    for (filters, items, wanted) in [
        (vec!["--ids", "sky,law", "--model", "a/m"], 4, vec!["sky a/m", "law a/m"]),
        (vec!["--outcome", "rejected"], 2, vec![]),
        (vec!["--failed"], 2, vec![]),
        (vec!["--where", "input.kind = law", "--where", "text ~ answer"], 2, vec!["law a/m"]),
        (vec!["--where", "request.messages[*].content ~ salty", "--model", "b/m"], 2, vec!["sea b/m"]),
        (vec!["--limit", "3"], 3, vec![]),
        (vec!["--endpoint", "chat/completions", "--limit", "1"], 1, vec![]),
    ] {
        test.args(["fixture", "create", "-o", "some.db"]).and(&filters).stderr_contains(&format!("{items} item")).run();
        let replay = test.replay_job().and(["--store", "none.db", "--fixture", "some.db"]).output("some.jsonl");
        replay.status(4).run();
        let answered = answered(&test, "some.jsonl");
        assert!(answered.iter().all(|line| all.contains(line)), "{answered:?}");
        if !wanted.is_empty() {
            let expected: Vec<_> =
                all.iter().filter(|line| wanted.iter().any(|wanted| line.starts_with(wanted))).collect();
            assert_eq!(answered.iter().collect::<Vec<_>>(), expected, "{filters:?}");
        }
    }
}

#[test]
fn a_sample_is_the_same_every_time_and_another_seed_is_another() {
    let test = recorded();
    let sample = |seed: &str, name: &str| {
        test.args(["fixture", "create", "--sample", "5", "--seed", seed, "-o", name])
            .stderr_contains("5 items of 12")
            .run();
        test.bytes(name)
    };
    assert!(sample("0", "a.db") == sample("0", "b.db"));
    let seeds: std::collections::BTreeSet<Vec<u8>> = ["0", "1", "2", "3"].map(|seed| sample(seed, "c.db")).into();
    assert!(seeds.len() > 1);
}

#[test]
fn a_conversation_comes_with_all_its_turns() {
    let job =
        "[input]\npath = \"rows.csv\"\nid = \"id\"\n[request]\nmodels = [\"m\"]\nturns = [\"{{ q }}\", \"Why?\"]\n";
    let test = Test::new().job(job).file("rows.csv", ROWS);
    test.run_job().to(&gateway()).output("results.jsonl").run();
    test.args(["fixture", "create", "--ids", "sea", "-o", "sea.db"]).stderr_contains("1 item of 3, 2 exchanges").run();
    test.write("rows.csv", "id,q,kind\nsea,Why is the sea salty?,nature\n");
    test.replay_job().and(["--store", "none.db", "--fixture", "sea.db"]).output("sea.jsonl").run();
    let lines = test.json_lines("sea.jsonl");
    assert_eq!(lines[0]["responses"].as_array().unwrap().len(), 2);
}

#[test]
fn repetitions_are_counted_anew_where_that_is_asked_for() {
    let test = Test::new().job(&JOB.replace("samples = 2", "")).file("rows.csv", "id,q\na,same\nb,same\n");
    test.run_job().to(&gateway()).output("results.jsonl").run();
    test.write("rows.csv", "id,q\nb,same\n");
    let replay = || test.replay_job().and(["--store", "none.db", "--fixture", "b.db"]).output("b.jsonl");
    test.args(["fixture", "create", "--ids", "b", "-o", "b.db"]).run();
    replay().status(4).run();
    test.args(["fixture", "create", "--ids", "b", "--renumber", "-o", "b.db"]).run();
    replay().run();
    let (all, alone) = (answered(&test, "results.jsonl"), answered(&test, "b.jsonl"));
    assert_eq!(alone, all[2..]);
}

#[test]
fn what_cannot_be_created_is_refused_and_replaces_nothing() {
    let test = recorded().file("notes.txt", "mine");
    let before = test.bytes("nightreel.db");
    for (args, told) in [
        (vec!["-o", "nightreel.db"], "is what the fixture is made of"),
        (vec!["-o", "notes.txt"], "notes.txt is there and is no fixture"),
        (vec!["-o", "a.db", "--ids", "sky,none"], "no settled item has the row \"none\""),
        (vec!["-o", "a.db", "--model", "c/m"], "none of the 12 settled items is chosen"),
        (vec!["-o", "a.db", "--where", "colour = red"], "is no condition"),
        (vec!["-o", "a.db", "--outcome", "fine"], "no outcome has this name"),
        (vec!["-o", "a.db", "other-job"], "other-job"),
    ] {
        test.args(["fixture", "create"]).and(&args).status(2).stdout("").stderr_contains(told).run();
        assert!(!test.path("a.db").exists());
    }
    fs::copy(test.path("nightreel.db"), test.path("paid.db")).unwrap();
    test.args(["fixture", "create", "-o", "paid.db"]).status(2).stderr_contains("only a fixture is replaced").run();
    test.args(["fixture", "create", "--store", "none.db", "-o", "a.db"]).status(5).run();
    assert!(test.bytes("nightreel.db") == before);
    assert_eq!(test.text("notes.txt"), "mine");
}

#[test]
fn a_fixture_and_its_texts_are_turned_into_each_other_without_loss() {
    let test = recorded();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    test.args(["fixture", "text", "export", "f.db", "texts"])
        .stdout("")
        .stderr("texts: 12 texts written, 0 unchanged, 0 removed\n")
        .run();
    let before = tree(&test.path("texts"));
    assert_eq!(before.len(), 12);
    assert_eq!(before.keys().filter(|name| name.starts_with("chat-completions/a-m/")).count(), 6);
    test.args(["fixture", "text", "import", "texts", "g.db"]).stderr("g.db: 12 exchanges\n").run();
    assert!(test.bytes("f.db") == test.bytes("g.db"));
    test.write("texts/README.md", "mine");
    test.args(["fixture", "create", "--model", "a/m", "-o", "f.db"]).run();
    test.args(["fixture", "text", "export", "f.db", "texts"])
        .stderr("texts: 0 texts written, 6 unchanged, 6 removed\n")
        .run();
    let after = tree(&test.path("texts"));
    assert_eq!(after.keys().filter(|name| !before.contains_key(*name)).collect::<Vec<_>>(), ["README.md"]);
    assert_eq!(after.len(), 7);
}

#[test]
fn a_text_that_is_not_understood_is_refused_with_file_and_line() {
    let test = recorded();
    test.args(["fixture", "create", "--limit", "1", "-o", "f.db"]).run();
    test.args(["fixture", "text", "export", "f.db", "texts"]).run();
    let name = tree(&test.path("texts")).into_keys().next().unwrap();
    let text = test.text(&format!("texts/{name}")).replace("class: answered", "class: great");
    test.write(&format!("texts/{name}"), text);
    let told = format!("nightreel: texts/{name}:8: class cannot be \"great\"\n");
    test.args(["fixture", "text", "import", "texts", "g.db"]).status(2).stderr(&told).run();
    assert!(!test.path("g.db").exists());
    test.args(["fixture", "text", "import", "nowhere", "g.db"]).status(5).stderr_contains("cannot read nowhere").run();
    test.args(["fixture", "text", "export", "rows.csv", "texts"])
        .status(5)
        .stderr_contains("is not a nightreel store")
        .run();
}

fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .expect("git is missing: install the package git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn git_shows_what_changed_in_a_fixture() {
    let test = recorded();
    test.args(["fixture", "create", "--ids", "sky", "--model", "a/m", "-o", "f.db"]).run();
    test.write(".gitattributes", "*.db diff=nightreel\n");
    test.write(".gitignore", "nightreel.db*\n");
    git(test.directory(), &["init", "-q"]);
    let textconv = format!("'{}' fixture textconv", env!("CARGO_BIN_EXE_nightreel"));
    git(test.directory(), &["config", "diff.nightreel.textconv", &textconv]);
    git(test.directory(), &["add", "-A"]);
    git(test.directory(), &["commit", "-qm", "A fixture"]);
    test.args(["fixture", "create", "--ids", "sky", "--model", "a/m", "-o", "f.db"]).run();
    assert_eq!(git(test.directory(), &["status", "--porcelain"]), "", "the same fixture is no change");
    test.args(["fixture", "text", "export", "f.db", "texts"]).run();
    let name = tree(&test.path("texts")).into_keys().next().unwrap();
    let text = test.text(&format!("texts/{name}"));
    test.write(&format!("texts/{name}"), text.replace("\"content\": \"answer ", "\"content\": \"changed answer "));
    test.args(["fixture", "text", "import", "texts", "f.db"]).run();
    let diff = git(test.directory(), &["diff", "--", "f.db"]);
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
        .collect();
    assert_eq!(changed.len(), 2, "{diff}");
    assert!(changed[0].starts_with("-") && changed[0].contains("\"content\": \"answer "), "{diff}");
    assert!(changed[1].starts_with("+") && changed[1].contains("\"content\": \"changed answer "), "{diff}");
}

#[test]
fn a_store_of_every_version_has_a_text_and_a_reader_may_go_away() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let test = Test::new();
    for version in 1..=3 {
        let store = fixtures.join(format!("store-v{version}.db"));
        let text = test.args(["fixture", "textconv", store.to_str().unwrap()]).stderr("").run().stdout;
        assert!(text.starts_with("=== chat/completions "), "{text}");
        assert!(text.matches("\nnightreel exchange 1\n").count() > 1);
    }
    let store = fixtures.join("store-v3.db");
    let binary = env!("CARGO_BIN_EXE_nightreel");
    let script = format!("set -o pipefail; '{binary}' fixture textconv '{}' | head -n 1", store.display());
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn streams_and_binary_bodies_come_back_from_their_texts() {
    let test = Test::new().job(&JOB.replace("samples = 2", "stream = true")).file("rows.csv", ROWS);
    test.run_job().to(&Gateway::new()).output("results.jsonl").run();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    test.args(["fixture", "text", "export", "f.db", "texts"]).run();
    let texts = tree(&test.path("texts"));
    let text = String::from_utf8(texts.values().next().unwrap().clone()).unwrap();
    assert!(text.contains("--- response: literal\n"), "{text}");
    assert!(text.contains("\ndata: [DONE]\n\n\n--- chunks\n"), "{text}");
    test.args(["fixture", "text", "import", "texts", "g.db"]).run();
    assert!(test.bytes("f.db") == test.bytes("g.db"));
    test.replay_job().and(["--store", "none.db", "--fixture", "g.db"]).output("replay.jsonl").run();
    assert!(test.bytes("replay.jsonl") == test.bytes("results.jsonl"));
}

/// A key that opens nothing.
fn key() -> String {
    format!("sk-proj-{}", "a1B2c3D4e5F6g7H8".repeat(3))
}

#[test]
fn a_scan_finds_what_is_secret_and_shows_none_of_it() {
    let rows = format!("id,q\nplain,Why?\nkey,Is {} right?\n", key());
    let test = Test::new().job(&JOB.replace("samples = 2", "")).file("rows.csv", rows);
    let gateway = FaultyGateway::new(|received| {
        let text = if received.text().contains("Why?") { "password is Marigold-Seven77" } else { "no" };
        Play::Answer(200, "x-request-id: opaque-Marigold-Seven77\r\n", answer(text))
    });
    test.run_job().to(&gateway).output("results.jsonl").run();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    test.args(["fixture", "text", "export", "f.db", "texts"]).run();
    for path in ["nightreel.db", "f.db", "texts"] {
        let output = test.args(["fixture", "scan", path]).status(1).run();
        assert!(output.stdout.lines().all(|line| line.contains("openai-key: sk-")), "{}", output.stdout);
        assert!(!output.stdout.contains("c3D4"), "{}", output.stdout);
        assert!(output.stdout.contains(": request $.messages[0].content: "), "{}", output.stdout);
        let call = test.args(["fixture", "scan", path, "--value-env", "MINE"]).env("MINE", "Marigold-Seven77");
        let output = call.status(1).run();
        assert!(output.stdout.contains(": header x-request-id byte 7: value of MINE: "), "{}", output.stdout);
        assert!(
            output.stdout.contains(": response $.choices[0].message.content: value of MINE: "),
            "{}",
            output.stdout
        );
        assert!(!format!("{}{}", output.stdout, output.stderr).contains("Marigold"));
    }
    let json: serde_json::Value =
        serde_json::from_str(&test.args(["fixture", "scan", "f.db", "--json"]).status(1).run().stdout).unwrap();
    let fingerprint = json["findings"][0]["fingerprint"].as_str().unwrap();
    test.write("allow", format!("{fingerprint} # a key that opens nothing\n"));
    let allowing = test.args(["fixture", "scan", "f.db", "--allow-file", "allow", "--allow", "0123456789abcdef"]);
    allowing
        .stdout("")
        .stderr("0123456789abcdef is allowed, but was not found\n0 finds in 4 exchanges, 2 allowed\n")
        .run();
    test.args(["fixture", "scan", "f.db", "--allow", "x"]).status(2).stderr_contains("is no fingerprint").run();
    test.args(["fixture", "scan", "f.db", "--value-env", "UNSET"]).status(2).stderr_contains("UNSET is not set").run();
    test.args(["fixture", "scan", "rows.csv"]).status(5).run();
}

#[test]
fn a_credential_of_the_environment_is_never_in_a_fixture() {
    let test = Test::new().job(&JOB.replace("samples = 2", "")).file("rows.csv", ROWS);
    let gateway = FaultyGateway::new(|received| {
        Play::Answer(200, "cf-ray: ray-1\r\n", answer(&received.head.replace("\r\n", " ")))
    });
    test.run_job().to(&gateway).run();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    test.args(["fixture", "scan", "f.db", "nightreel.db"]).env("OPENROUTER_API_KEY", CANARY).stdout("").run();
    assert!(!String::from_utf8_lossy(&test.bytes("f.db")).contains(CANARY));
}

#[test]
fn two_fixtures_are_compared_exchange_by_exchange() {
    let test = recorded();
    test.args(["fixture", "create", "--ids", "sky,sea", "--model", "a/m", "-o", "a.db"]).run();
    test.args(["fixture", "create", "--ids", "sky", "--model", "a/m", "-o", "b.db"]).run();
    test.args(["fixture", "text", "export", "b.db", "texts"]).run();
    let name = tree(&test.path("texts")).into_keys().next().unwrap();
    let text =
        test.text(&format!("texts/{name}")).replace("cf-ray: ray-1", "cf-ray: ray-2").replace("\"Azure\"", "\"Other\"");
    test.write(&format!("texts/{name}"), text.replace("status: 200", "status: 201"));
    test.args(["fixture", "diff", "a.db", "a.db"]).stdout("").stderr("").run();
    let output = test.args(["fixture", "diff", "a.db", "texts"]).status(1).stderr("").run();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("- chat/completions ")).count(), 2, "{lines:?}");
    assert!(lines[2].starts_with("~ chat/completions ") && lines[2].ends_with(" a/m"), "{lines:?}");
    let changes = [
        "    status: 200 → 201",
        "    header cf-ray: ray-1 → ray-2",
        "    response $.provider: \"»Azure«\" → \"»Other«\"",
    ];
    assert_eq!(lines[3..], changes);
    let json = test.args(["fixture", "diff", "texts", "a.db", "--json"]).status(1).run().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["only_right"].as_array().unwrap().len(), &json["same"]), (2, &json!(1)));
    assert_eq!(json["changed"][0]["changes"][0], json!({"what": "status", "left": "201", "right": "200"}));
    test.args(["fixture", "diff", "a.db", "none.db"]).status(5).run();
}

#[test]
fn what_a_job_no_longer_asks_is_pruned() {
    let test = recorded();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    let before = test.bytes("f.db");
    test.args(["fixture", "prune", "f.db", "--job", "job.toml"])
        .stdout("")
        .stderr("f.db: 0 exchanges removed, 12 kept\n")
        .run();
    assert!(test.bytes("f.db") == before);
    test.write("less.toml", JOB.replace("[\"a/m\", \"b/m\"]", "[\"a/m\"]").replace("samples = 2", "samples = 1"));
    let dry = test.args(["fixture", "prune", "f.db", "--job", "less.toml", "--dry-run"]);
    let dry = dry.stderr("f.db: 9 exchanges would be removed, 3 kept; nothing was changed\n").run();
    assert_eq!(dry.stdout.lines().count(), 9);
    assert!(test.bytes("f.db") == before);
    let pruned = test.args(["fixture", "prune", "f.db", "--job", "less.toml"]).run();
    assert_eq!(pruned.stdout, dry.stdout);
    test.args(["replay", "less.toml", "--store", "none.db", "--fixture", "f.db", "--progress", "none"]).run();
    test.args(["fixture", "create", "--model", "a/m", "--where", "text ~ answer", "-o", "g.db"]).run();
    test.write("rows.csv", "id,q\nother,Another question?\n");
    test.args(["fixture", "prune", "f.db", "--job", "less.toml"])
        .status(2)
        .stderr_contains("nothing of f.db is used")
        .run();
    test.args(["fixture", "prune", "f.db"]).status(2).run();
    test.args(["fixture", "prune", "nightreel.db", "--job", "job.toml"])
        .status(2)
        .stderr_contains("only a fixture")
        .run();
}

#[test]
fn the_turns_of_a_conversation_are_kept_together() {
    let job = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nturns = [\"{{ q }}\", \"Why?\"]\n";
    let test = Test::new().job(job).file("rows.csv", "q\none\ntwo\n");
    test.run_job().to(&gateway()).run();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    test.write("rows.csv", "q\ntwo\n");
    test.args(["fixture", "prune", "f.db", "--job", "job.toml"]).stderr("f.db: 2 exchanges removed, 2 kept\n").run();
    test.replay_job().and(["--store", "none.db", "--fixture", "f.db"]).run();
}

#[test]
fn what_a_session_did_not_use_is_pruned() {
    let test = recorded();
    test.args(["fixture", "create", "--ids", "sky", "-o", "f.db"]).run();
    let listed: serde_json::Value =
        serde_json::from_str(&test.args(["fixture", "diff", "f.db", "nightreel.db", "--json"]).status(1).run().stdout)
            .unwrap();
    assert_eq!(listed["only_right"].as_array().unwrap().len(), 8);
    test.args(["fixture", "create", "--ids", "sky", "--model", "b/m", "-o", "b.db"]).run();
    let of_a = test.args(["fixture", "diff", "f.db", "b.db", "--json"]).status(1).run().stdout;
    let of_a: serde_json::Value = serde_json::from_str(&of_a).unwrap();
    let used = &of_a["only_left"][0];
    let recording = json!({"session": null, "key": used["key"], "occurrence": used["occurrence"], "count": 3});
    test.write("report.json", json!({"hits": 3, "used_recordings": [recording]}).to_string());
    test.args(["fixture", "prune", "f.db", "--report", "report.json"])
        .stderr("f.db: 3 exchanges removed, 1 kept\n")
        .run();
    test.write("report.json", "{}");
    test.args(["fixture", "prune", "f.db", "--report", "report.json"])
        .status(2)
        .stderr_contains("no session report")
        .run();
}

/// A fixture of three items, each asked once, at a dollar's quarter.
fn three() -> Test {
    let test = Test::new().job(&JOB.replace("samples = 2", "").replace(", \"b/m\"", "")).file("rows.csv", ROWS);
    test.run_job().to(&gateway()).output("results.jsonl").run();
    test.args(["fixture", "create", "-o", "f.db"]).run();
    test
}

/// A gateway whose answer to one question has another shape, and to another one another text.
fn drifting() -> FaultyGateway {
    FaultyGateway::new(|received| {
        let text = received.text();
        let mut body: serde_json::Value = serde_json::from_str(&answer("answer 1")).unwrap();
        if text.contains("salty") {
            body["provider"] = serde_json::Value::Null;
            body["model"] = "m-2026-09-09".into();
        } else if text.contains("blue") {
            body["choices"][0]["message"]["content"] = "another answer".into();
        }
        Play::Answer(200, "cf-ray: ray-9\r\n", body.to_string())
    })
}

#[test]
fn nothing_is_sent_without_a_yes() {
    let test = three();
    let gateway = drifting();
    let before = test.bytes("f.db");
    for command in ["verify", "refresh"] {
        let call = test.args(["fixture", command, "f.db"]).to(&gateway).status(2).stdout("");
        let told = "3 requests to send; recording them cost $0.750\nnightreel: nothing was sent, as nobody can be asked \
                    here; --yes sends them\n";
        call.stderr(told).run();
    }
    test.args(["fixture", "verify", "f.db", "--yes", "--base-url", &gateway.base_url()])
        .status(2)
        .stderr_contains("OPENROUTER_API_KEY is not set")
        .run();
    test.args(["fixture", "verify", "f.db", "--yes"])
        .env("OPENROUTER_API_KEY", CANARY)
        .status(2)
        .stderr_contains("there is nowhere to send to")
        .run();
    assert_eq!(gateway.received().len(), 0);
    assert!(test.bytes("f.db") == before);
}

#[test]
fn what_has_drifted_is_told_and_a_text_alone_does_not_count() {
    let test = three();
    let gateway = drifting();
    let verify = |args: &[&str]| test.args(["fixture", "verify", "f.db", "--yes"]).and(args).to(&gateway);
    let output = verify(&[]).status(1).run();
    let drift = "    shape $.provider: text, now null\n    model: m-2026-01-01, now m-2026-09-09\n";
    assert!(output.stdout.contains(drift), "{}", output.stdout);
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("~ ")).count(), 1);
    assert_eq!(output.stdout.matches("    text differs\n").count(), 1, "{}", output.stdout);
    assert!(
        output.stderr.ends_with("3 requests sent for $0.750: 2 as recorded, 1 drifted, 0 failed, 0 not sent\n"),
        "{}",
        output.stderr
    );
    let exact = verify(&["--exact", "--json"]).status(1).run().stdout;
    let exact: serde_json::Value = serde_json::from_str(&exact).unwrap();
    let endings = exact["exchanges"].as_array().unwrap().iter().filter(|entry| entry["ending"] == "drifted").count();
    assert_eq!(endings, 2, "{exact}");
    for limit in [["--max-requests", "1"], ["--budget", "0.3"]] {
        let output = verify(&limit).status(3).run();
        assert!(output.stderr.contains("1 request sent for $0.250"), "{}", output.stderr);
        assert_eq!(output.stdout.matches(": not sent: ").count(), 2, "{}", output.stdout);
    }
    assert_eq!(gateway.received().len(), 8);
}

#[test]
fn what_has_drifted_is_recorded_anew_and_the_rest_stays() {
    let test = three();
    let gateway = drifting();
    fs::copy(test.path("f.db"), test.path("old.db")).unwrap();
    let call = test.args(["fixture", "refresh", "f.db", "--yes"]).to(&gateway);
    call.stderr_contains("f.db: 1 exchange recorded anew; 3 requests sent").run();
    let diff = test.args(["fixture", "diff", "old.db", "f.db", "--json"]).status(1).run().stdout;
    let diff: serde_json::Value = serde_json::from_str(&diff).unwrap();
    assert_eq!((diff["changed"].as_array().unwrap().len(), &diff["same"]), (1, &json!(2)));
    let call = test.args(["fixture", "verify", "f.db", "--yes"]).to(&gateway);
    call.stderr_contains("3 as recorded, 0 drifted").run();
    let before = test.bytes("f.db");
    test.args(["fixture", "refresh", "f.db", "--yes"]).to(&gateway).stderr_contains("0 exchanges recorded anew").run();
    test.args(["fixture", "refresh", "f.db", "--yes", "--older-than", "90d"])
        .to(&gateway)
        .stderr_contains("0 requests to send")
        .run();
    assert!(test.bytes("f.db") == before);
    test.args(["fixture", "refresh", "f.db", "--yes", "--all"])
        .to(&gateway)
        .stderr_contains("3 exchanges recorded anew")
        .run();
    assert!(test.bytes("f.db") != before);
}

#[test]
fn an_answer_is_never_replaced_by_a_failure() {
    let test = three();
    let before = test.bytes("f.db");
    let gone = FaultyGateway::new(|_| {
        Play::Answer(404, "", r#"{"error":{"code":404,"message":"No endpoints found"}}"#.to_owned())
    });
    let output = test.args(["fixture", "refresh", "f.db", "--yes", "--all"]).to(&gone).status(1).run();
    assert!(output.stdout.contains("    status: 200, now 404\n"), "{}", output.stdout);
    let refused =
        FaultyGateway::new(|_| Play::Answer(401, "", r#"{"error":{"code":401,"message":"No auth"}}"#.to_owned()));
    let output = test.args(["fixture", "refresh", "f.db", "--yes"]).to(&refused).status(1).run();
    assert!(output.stdout.contains("! "), "{}", output.stdout);
    assert!(test.bytes("f.db") == before);
}

#[test]
fn a_credential_that_an_answer_repeats_is_struck_when_it_is_recorded_anew() {
    let test = three();
    let echoing = FaultyGateway::new(|received| Play::Answer(200, "", answer(&received.head.replace("\r\n", " "))));
    test.args(["fixture", "refresh", "f.db", "--yes", "--all"]).to(&echoing).run();
    assert!(!String::from_utf8_lossy(&test.bytes("f.db")).contains("canary"));
    assert!(String::from_utf8_lossy(&test.bytes("f.db")).contains("[redacted]"));
}
