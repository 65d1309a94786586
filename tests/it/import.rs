//! `import` and the exchanges of `export`: other tools' recordings in, and out again.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{CANARY, Output, Test};

/// A request that is taken, as a cassette of vcrpy has it.
fn interaction(prompt: &str, response: &str) -> String {
    format!(
        "- request:\n    body: '{{\"model\":\"a/b\",\"prompt\":\"{prompt}\"}}'\n    headers: {{authorization: [Bearer {CANARY}]}}\n    \
         method: POST\n    uri: https://openrouter.ai/api/v1/completions\n  response:\n    body:\n      string: '{response}'\n    \
         headers:\n      content-type: [application/json]\n      set-cookie: [{CANARY}]\n    status: {{code: 200, message: OK}}\n"
    )
}

fn cassette(interactions: &[String]) -> String {
    format!("version: 1\ninteractions:\n{}", interactions.concat())
}

const OTHER: &str =
    "- request: {body: null, method: GET, uri: 'https://h/v1/files?key=secret'}\n  response: {status: {code: 200}}\n";

fn answer(text: &str) -> String {
    format!(r#"{{"choices":[{{"text":"{text}","finish_reason":"stop"}}]}}"#)
}

/// The exchanges of a store's latest run, or of a fixture's.
fn exchanges(test: &Test, store: &str) -> Vec<Value> {
    let output = test.args(["export", "latest", "--store", store, "--format", "exchanges"]).run();
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The response texts of exchanges, with their sessions and occurrences.
fn told(exchanges: &[Value]) -> Vec<(Option<&str>, u64, &str)> {
    exchanges.iter().map(of_line).collect()
}

fn of_line(line: &Value) -> (Option<&str>, u64, &str) {
    (line["session"].as_str(), line["occurrence"].as_u64().unwrap(), line["body"]["text"].as_str().unwrap())
}

fn refused(output: &Output, test: &Test) {
    assert_eq!(output.stdout, "");
    assert!(!test.path("nightreel.db").exists() && !test.path("f.db").exists(), "something was written");
}

#[test]
fn a_cassette_becomes_a_run_that_says_what_was_left_out() {
    let test = Test::new().file(
        "tests/a.yaml",
        cassette(&[interaction("1", &answer("one")), OTHER.to_owned(), interaction("1", &answer("two"))]),
    );
    let output = test.args(["import", "tests/a.yaml"]).run();
    assert_eq!(
        output.stdout,
        "tests/a.yaml (vcrpy): took 2, left out 1\n  took 2 × completions, 200\n  left out interaction 2 (line 15), GET \
         /v1/files: it is not a call that nightreel knows\n2 exchanges are run 1 of nightreel.db\n"
    );
    let (one, two) = (answer("one"), answer("two"));
    assert_eq!(told(&exchanges(&test, "nightreel.db")), [(None, 0, one.as_str()), (None, 1, two.as_str())]);
    let runs = test.args(["runs"]).run().stdout;
    assert!(runs.contains("import"), "{runs}");
    test.store().assert_whole();
    let bytes = test.bytes("nightreel.db");
    let secret = CANARY.as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a header with a key was kept");
}

#[test]
fn a_program_is_told_the_same_in_json() {
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", &answer("one")), OTHER.to_owned()]));
    let output = test.args(["import", "a.yaml", "--json", "--store", "s.db", "--job", "chat"]).run();
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let expected = json!({
        "files": [{
            "file": "a.yaml",
            "format": "vcrpy",
            "taken": [{"endpoint": "completions", "status": 200, "count": 1}],
            "skipped": [{"interaction": 2, "line": 15, "method": "GET", "path": "/v1/files", "why": "it is not a call that nightreel knows"}],
            "notes": [], "struck": {"requests": 0, "responses": 0},
        }],
        "taken": 1, "skipped": 1, "store": "s.db", "run": 1,
    });
    assert_eq!(report, expected);
    test.args(["export", "chat", "--store", "s.db"]).run();
}

#[test]
fn a_fixture_is_merged_and_written_the_same_each_time() {
    let test = Test::new()
        .file("a.yaml", cassette(&[interaction("1", "one"), interaction("2", "two")]))
        .file("b.yaml", cassette(&[interaction("2", "two again"), interaction("3", "three")]));
    let first = test.args(["import", "a.yaml", "--fixture", "f.db"]).run();
    assert!(first.stdout.ends_with("2 exchanges went into f.db; it holds 2 now\n"), "{}", first.stdout);
    let bytes = test.bytes("f.db");
    let again = test.args(["import", "a.yaml", "--fixture", "f.db"]).run();
    let said = "2 exchanges went into f.db, 2 of them in place of others; it holds 2 now\n";
    assert!(again.stdout.ends_with(said), "{}", again.stdout);
    assert!(test.bytes("f.db") == bytes, "the same import makes another fixture");
    let second = test.args(["import", "b.yaml", "--fixture", "f.db", "--json"]).run();
    let second: Value = serde_json::from_str(&second.stdout).unwrap();
    assert_eq!((&second["taken"], &second["replaced"], &second["exchanges"]), (&json!(2), &json!(1), &json!(3)));
    let exchanges = exchanges(&test, "f.db");
    let mut bodies: Vec<&str> = told(&exchanges).into_iter().map(|(_, _, body)| body).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["one", "three", "two again"]);
}

#[test]
fn a_directory_of_texts_is_merged_into_as_a_fixture_is() {
    let test = Test::new()
        .file("a.yaml", cassette(&[interaction("1", "one"), interaction("2", "two")]))
        .file("b.yaml", cassette(&[interaction("2", "two again"), interaction("3", "three")]));
    test.args(["import", "a.yaml", "--fixture", "f.db"]).run();
    std::fs::create_dir(test.path("texts")).unwrap();
    test.args(["import", "a.yaml", "--fixture", "texts"]).run();
    let second = test.args(["import", "b.yaml", "--fixture", "texts"]).run();
    let said = "2 exchanges went into texts, 1 of them in place of others; it holds 3 now\n";
    assert!(second.stdout.ends_with(said), "{}", second.stdout);
    test.args(["import", "b.yaml", "--fixture", "f.db"]).run();
    test.args(["fixture", "text", "import", "texts", "g.db"]).run();
    assert!(test.bytes("g.db") == test.bytes("f.db"), "the texts are another fixture");
}

#[test]
fn what_failed_is_shown_with_its_reason_and_without_a_command_that_asks_again() {
    let failed = interaction("1", "one").replace("code: 200", "code: 400");
    let test = Test::new().file("a.yaml", cassette(&[failed]));
    test.args(["import", "a.yaml"]).run();
    for words in [&["show", "latest"][..], &["show", "latest", "--position", "0"]] {
        let shown = test.args(words).run().stdout;
        assert!(shown.contains("the server (HTTP 400): "), "{shown}");
        assert!(!shown.contains("--retry") && !shown.contains("the job"), "{shown}");
    }
}

#[test]
fn a_store_of_runs_is_no_fixture() {
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", "one")]));
    test.args(["import", "a.yaml"]).run();
    let bytes = test.bytes("nightreel.db");
    let says = "nightreel.db holds runs of the job \"import\" and is no fixture, so nothing is recorded into it; ";
    test.args(["import", "a.yaml", "--fixture", "nightreel.db"]).status(2).stderr_contains(says).run();
    let says = "; to add a run to it, name it with --store\n";
    test.args(["import", "a.yaml", "--fixture", "nightreel.db"]).status(2).stderr_contains(says).run();
    assert!(test.bytes("nightreel.db") == bytes);
    let says = "a.yaml is no fixture: it is neither a nightreel store nor a directory of texts\n";
    test.args(["import", "a.yaml", "--fixture", "a.yaml"]).status(5).stderr_contains(says).run();
}

#[test]
fn sessions_keep_files_apart_and_without_them_answers_follow_each_other() {
    let test = Test::new()
        .file("x/first.yaml", cassette(&[interaction("1", "one"), interaction("1", "two")]))
        .file("second.yaml.gz", gzip(&cassette(&[interaction("1", "three")])));
    let files = ["import", "x/first.yaml", "second.yaml.gz"];
    for (session, store, expected) in [
        (None, "a.db", [(None, 0, "one"), (None, 1, "two"), (None, 2, "three")]),
        (Some("s"), "b.db", [(Some("s"), 0, "one"), (Some("s"), 1, "two"), (Some("s"), 2, "three")]),
        (Some("file"), "c.db", [(Some("first"), 0, "one"), (Some("first"), 1, "two"), (Some("second"), 0, "three")]),
    ] {
        let session = session.map(|session| ["--session", session]);
        test.args(files).and(["--store", store]).and(session.into_iter().flatten()).run();
        assert_eq!(told(&exchanges(&test, store)), expected);
    }
}

#[test]
fn files_of_one_name_in_different_folders_share_a_session_and_it_is_said() {
    let test = Test::new()
        .file("x/a.yaml", cassette(&[interaction("1", "one")]))
        .file("y/a.yml", cassette(&[interaction("1", "two")]));
    let note = "note: y/a.yml shares the session \"a\" with a file before it: its answers follow\n";
    test.args(["import", "x/a.yaml", "y/a.yml", "--session", "file"]).stderr(note).run();
    assert_eq!(told(&exchanges(&test, "nightreel.db")), [(Some("a"), 0, "one"), (Some("a"), 1, "two")]);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn nothing_is_written_where_a_file_cannot_be_read() {
    let test = Test::new()
        .file("good.yaml", cassette(&[interaction("1", "one")]))
        .file("bad.yaml", "version: 1\ninteractions:\n- request: {body: 'x\n")
        .file("none.yaml", cassette(&[OTHER.to_owned()]))
        .file("text.yaml", "hello");
    for (args, says) in [
        (vec!["good.yaml", "bad.yaml"], "nightreel: bad.yaml:3:"),
        (vec!["good.yaml", "missing.yaml"], "nightreel: cannot read missing.yaml: "),
        (vec!["text.yaml"], "text.yaml is in none of the formats that are read"),
        (
            vec!["good.yaml", "--format", "vcr"],
            "good.yaml is not in the format vcr: it has no list `http_interactions`",
        ),
        (vec!["good.yaml", "--format", "xml"], "unknown format \"xml\"; known are vcr, vcrpy"),
        (vec!["good.yaml", "--output", "bad.yaml"], "bad.yaml:1:1: "),
        (vec!["good.yaml", "--format", "exchanges"], "good.yaml is not in the format exchanges: it has no line with"),
        (vec!["-", "--output", "-"], "standard input (`-`) can be read once, and is named 2 times"),
        (vec!["good.yaml", "bad.yaml", "--output", "x"], "--output goes with one FILE, the requests of the batch"),
        (vec!["good.yaml", "--output", "x", "--format", "har"], "--output is for openai-batch, and not for har"),
        (vec!["good.yaml", "--store", "s.db", "--fixture", "f.db"], "cannot be used with"),
    ] {
        let output = test.args(["import"]).and(&args).status(2).stderr_contains(says).run();
        refused(&output, &test);
    }
    let nothing = test.args(["import", "none.yaml"]).status(2).stderr_contains("nothing was taken").run();
    assert!(nothing.stdout.starts_with("none.yaml (vcrpy): took 0, left out 1\n"), "{}", nothing.stdout);
    assert!(!test.path("nightreel.db").exists());
}

#[test]
fn a_known_credential_is_struck_from_bodies_and_so_from_keys() {
    let secret = "very-secret-value";
    let test = Test::new()
        .file("a.yaml", cassette(&[interaction(&format!("say {secret}"), &answer(secret))]))
        .file("b.yaml", cassette(&[interaction("say [redacted]", &answer("x"))]));
    test.args(["import", "a.yaml", "--store", "a.db"]).env("OPENAI_API_KEY", secret).run();
    test.args(["import", "b.yaml", "--store", "b.db"]).run();
    let (struck, plain) = (exchanges(&test, "a.db"), exchanges(&test, "b.db"));
    assert_eq!(struck[0]["request"], plain[0]["request"]);
    assert_eq!(struck[0]["key"], plain[0]["key"]);
    assert_eq!(struck[0]["body"]["text"], answer("[redacted]"));
}

#[test]
fn what_requests_were_sent_with_is_struck_from_what_repeats_it() {
    let key = "sk-proj-of-the-recording-1";
    let told = answer(&format!("Incorrect API key provided: {key}, query-secret-9."));
    let har = |url: &str, text: &str, encoding: &str| {
        let request = json!({
            "method": "POST", "url": url, "headers": [{"name": "x-api-key", "value": key}],
            "postData": {"text": "{\"model\":\"m\"}"},
        });
        let content = json!({"mimeType": "application/json", "text": text, "encoding": encoding});
        json!({"log": {"entries": [{"request": request, "response": {"status": 401, "content": content}}]}}).to_string()
    };
    let url = "https://h/v1/completions?API_KEY=query-secret-9";
    let struck = answer("Incorrect API key provided: [redacted], [redacted].");
    let packed = STANDARD.encode(gzip(&told));
    for (text, encoding) in [(told.as_str(), ""), (&packed, "base64")] {
        let test = Test::new().file("a.har", har(url, text, encoding));
        test.args(["import", "a.har"]).run();
        let kept = exchanges(&test, "nightreel.db")[0]["body"]["text"].as_str().unwrap().to_owned();
        assert_eq!(kept, struck, "{encoding}");
    }
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", &answer(CANARY))]));
    test.args(["import", "a.yaml"]).run();
    assert_eq!(exchanges(&test, "nightreel.db")[0]["body"]["text"], answer("[redacted]"));
}

#[test]
fn nothing_is_left_of_a_credential_that_begins_as_another_does() {
    let (short, long) = ("teamkey1", "teamkey1-9f8e7d6c5b4a3210");
    let both = answer(&format!("{long} {short}"));
    let ask = |prompt: &str, key: &str| interaction(prompt, &both).replace(CANARY, key);
    let test = Test::new()
        .file("sent.yaml", cassette(&[ask("1", short), ask("2", long)]))
        .file("known.yaml", cassette(&[ask("1", short), ask("2", "")]));
    test.args(["import", "sent.yaml", "--store", "sent.db"]).run();
    let known = test.args(["import", "known.yaml", "--store", "known.db"]);
    known.env("A_API_KEY", long).run();
    for store in ["sent.db", "known.db"] {
        let kept = exchanges(&test, store);
        assert!(kept.iter().all(|one| one["body"]["text"] == answer("[redacted] [redacted]")), "{kept:?}");
    }
}

#[test]
fn bodies_that_something_was_struck_from_are_counted_and_changed_requests_are_warned_of() {
    let test = Test::new().file(
        "a.yaml",
        cassette(&[
            interaction(&format!("I am {CANARY}"), &answer(CANARY)),
            interaction("2", &answer(CANARY)),
            interaction("3", &answer("hi")),
        ]),
    );
    let warning = "note: a credential was struck from 1 request body of a.yaml: a replay that is asked with another text \
                   in its place has no answer (redaction_difference)\n";
    let output = test.args(["import", "a.yaml"]).stderr(warning).run();
    let told = "  struck credentials from 1 request body and 2 response bodies\n";
    assert!(output.stdout.contains(told), "{}", output.stdout);
    let output = test.args(["import", "a.yaml", "--json"]).stderr(warning).run();
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["files"][0]["struck"], json!({"requests": 1, "responses": 2}));
}

#[test]
fn a_key_that_only_names_a_cache_is_struck_from_nothing() {
    let name = "quarterly-summaries-2024";
    let cached = interaction(&format!("read {name}"), &answer(name))
        .replace("authorization: [Bearer ", "cf-aig-cache-key: [")
        .replace(CANARY, name);
    let test = Test::new().file("a.yaml", cassette(&[cached]));
    let output = test.args(["import", "a.yaml"]).stderr("").run();
    assert!(!output.stdout.contains("struck"), "{}", output.stdout);
    assert_eq!(exchanges(&test, "nightreel.db")[0]["body"]["text"], answer(name));
}

#[test]
fn requests_that_differed_in_a_credential_alone_follow_each_other() {
    let ask = |key: &str, response: &str| interaction(&format!("I am {key}"), response).replace(CANARY, key);
    let test = Test::new().file("a.yaml", cassette(&[ask("credential-1", "one"), ask("credential-2", "two")]));
    test.args(["import", "a.yaml", "--fixture", "f.db"]).run();
    let exchanges = exchanges(&test, "f.db");
    let mut told = told(&exchanges);
    told.sort_unstable();
    assert_eq!(told, [(None, 0, "one"), (None, 1, "two")]);
}

#[test]
fn what_may_be_secret_still_is_told() {
    let key = format!("sk-or-v1-{}", "0f1e2d3c4b5a69788796a5b4c3d2e1f0".repeat(2));
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", &answer(&key))]));
    let note =
        "note: 1 place of what was taken may be secret (openrouter-key); `nightreel fixture scan f.db` shows where\n";
    test.args(["import", "a.yaml", "--fixture", "f.db"]).stderr(note).run();
    test.args(["fixture", "scan", "f.db"]).status(1).run();
}

#[test]
fn a_store_is_no_recording_and_it_is_told_what_to_do_with_it() {
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", "one")]));
    test.args(["import", "a.yaml", "--fixture", "f.db"]).run();
    test.args(["import", "f.db", "--fixture", "g.db"])
        .status(2)
        .stderr_contains("f.db is a nightreel store or fixture, and is read as it is: `nightreel fixture create ")
        .run();
    test.args(["export", "latest", "--store", "f.db", "--format", "exchanges", "-o", "f.jsonl"]).run();
    test.args(["import", "f.jsonl", "--fixture", "g.db"]).run();
    test.args(["fixture", "create", "--store", "f.db", "-o", "h.db"]).run();
    assert_eq!(told(&exchanges(&test, "g.db")), told(&exchanges(&test, "h.db")));
}

#[test]
fn recordings_may_come_from_standard_input() {
    let test =
        Test::new().file("a.gz", gzip(&cassette(&[interaction("1", "one")]))).file("empty", "").file("hello", "hello");
    let piped = |input: &str, args: &[&str]| test.args(["import", "-"]).and(args).stdin(input);
    let output = piped("a.gz", &["--session", "file"]).run();
    assert!(output.stdout.starts_with("stdin (vcrpy): took 1, left out 0\n"), "{}", output.stdout);
    assert_eq!(told(&exchanges(&test, "nightreel.db")), [(Some("stdin"), 0, "one")]);
    piped("empty", &[]).status(2).stderr_contains("stdin is empty: it holds no recordings").run();
    piped("hello", &["--format", "har"]).status(2).stderr_contains("stdin is not in the format har").run();
}

#[test]
fn what_is_exported_is_imported_again_as_it_was() {
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", &answer("one")), interaction("1", "no JSON")]));
    test.args(["import", "a.yaml", "--session", "s"]).run();
    for (format, file) in [("exchanges", "a.jsonl"), ("har", "a.har")] {
        test.args(["export", "latest", "--format", format, "--output", file]).run();
        test.args(["import", file, "--store", "again.db"]).run();
        assert_eq!(exchanges(&test, "again.db"), exchanges(&test, "nightreel.db"), "{format}");
    }
    let har: Value = serde_json::from_slice(&test.bytes("a.har")).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    assert_eq!(har["log"]["entries"][0]["response"]["content"]["text"], answer("one"));
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 2);
    let by_name = test.args(["export", "latest", "--output", "b.har"]).run();
    assert_eq!(by_name.stderr, "wrote 2 exchanges of run 1 to b.har\n");
    assert!(test.bytes("a.har") == test.bytes("b.har"));
}

#[test]
fn the_two_files_of_a_batch_go_out_and_come_in() {
    let test = Test::new().file("a.yaml", cassette(&[interaction("1", &answer("one")), interaction("2", "no JSON")]));
    test.args(["import", "a.yaml"]).run();
    let left_out = "left out 1 exchange, which the format has no place for";
    for (format, file) in [("openai-batch-input", "in.jsonl"), ("openai-batch-output", "out.jsonl")] {
        test.args(["export", "1", "--format", format, "--output", file]).stderr_contains(left_out).run();
    }
    test.args(["import", "in.jsonl"]).status(2).stderr_contains("name the file of its results too").run();
    test.args(["import", "in.jsonl", "--output", "out.jsonl", "--store", "again.db"]).run();
    assert_eq!(exchanges(&test, "again.db")[0]["body"], exchanges(&test, "nightreel.db")[0]["body"]);
}
