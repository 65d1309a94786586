//! What is said of each mistake: what, where, and what to do; and its exit code.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use nightreel::simulate::Options;
use rusqlite::Connection;

use crate::support::{CANARY, Call, Destination, Gateway, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\nid = \"id\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";
const ROWS: &str = "id,q\na,one\nb,two\n";

fn test() -> Test {
    Test::new().job(JOB).file("rows.csv", ROWS)
}

/// Runs a job that is wrong: it is said so, nothing is sent, and no store is made.
fn refused(test: &Test, stderr: &str) {
    let gateway = Gateway::new();
    test.run_job().to(&gateway).status(2).stdout("").stderr(stderr).run();
    assert_eq!(gateway.requests(), 0);
    assert!(!test.path("nightreel.db").exists(), "a store was made");
}

#[test]
fn a_wrong_key_stops_the_run() {
    let options = Options { api_key: Some("another key".to_owned()), ..Options::default() };
    let gateway = Gateway::with(options);
    let rows: String = (0..500).map(|row| format!("r{row},question {row}\n")).collect();
    let test = test().file("rows.csv", format!("id,q\n{rows}"));
    let stopped = test.run_job().to(&gateway).and(["--in-flight", "4"]).status(3).run();
    assert!(gateway.requests() <= 4, "{} requests were sent with a key that is refused", gateway.requests());
    let said = stopped.plain_stderr();
    for part in ["stopped: credentials refused: ", "HTTP 401", "0 settled items are kept; mend the credentials"] {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
    // With the right key it goes on.
    let gateway = Gateway::with(Options { api_key: Some(CANARY.to_owned()), ..Options::default() });
    test.run_job().to(&gateway).run();
    assert_eq!(gateway.requests(), 500);
}

#[test]
fn without_a_key_nothing_is_sent() {
    let gateway = Gateway::new();
    let says = "OPENROUTER_API_KEY is not set, so there is no key to send with; export OPENROUTER_API_KEY=…, or set \
                gateway.api_key_env = \"\" where the gateway stores the key, or rehearse with --simulate";
    let url = gateway.base_url();
    test().run_job().and(["--base-url", &url]).status(2).stderr_contains(says).run();
    test().run_job().and(["--base-url", &url]).env("OPENROUTER_API_KEY", " ").status(2).stderr_contains(says).run();
    assert_eq!(gateway.requests(), 0);
    test().run_job().and(["--base-url", &url, "--set", "gateway.api_key_env="]).run();
    assert_eq!(gateway.requests(), 2);
}

#[test]
fn without_a_gateway_nothing_is_sent() {
    let says = "gateway.account_id needs the environment variable CLOUDFLARE_ACCOUNT_ID, which is not set";
    test().run_job().env("OPENROUTER_API_KEY", CANARY).status(2).stderr_contains(says).run();
}

#[test]
fn an_address_that_is_none_is_told() {
    for (url, says) in [
        ("ftp://example.org", "the base URL must start with https:// or http://"),
        ("http://", "the base URL names no host; write it like https://openrouter.ai/api/v1"),
        ("https://gateway.ai.cloudflare.com/v1/a/b", "is the gateway's universal endpoint"),
        ("https://user:secret@example.org/v1", "give credentials by the environment, never in the URL"),
    ] {
        let output = test().run_job().to(url).status(2).stderr_contains(says).run();
        assert!(!output.stderr.contains("secret"), "{}", output.stderr);
    }
}

#[test]
fn where_nothing_listens_the_run_stops_and_no_item_fails() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let test = test();
    let says = "job: run 1, stopped after [TIME] (store nightreel.db)\n  \
                2 items: 2 not settled\n  \
                0 requests sent\n  \
                stopped: gateway not reachable: 127.0.0.1:[PORT] refused the connection; is the server running there?\n  \
                0 settled items are kept; wait until the gateway can be reached, and the same command goes on with the rest\n";
    let output = test.run_job().to(&format!("http://127.0.0.1:{port}/v1")).status(3).run();
    assert!(output.plain_stderr().ends_with(says), "{}", output.plain_stderr());
    test.run_job().to(&Gateway::new()).run();
    assert_eq!(test.store().count("SELECT count(*) FROM items WHERE outcome = 'ok'"), 2);
}

#[test]
fn an_unknown_key_of_the_job_is_told_with_the_nearest() {
    let test = Test::new().job(&JOB.replace("models =", "modles =")).file("rows.csv", ROWS);
    refused(&test, "nightreel: job.toml:5:1: unknown key request.modles; did you mean \"models\"?\n");
}

#[test]
fn a_job_that_is_no_toml_is_told_with_its_line() {
    let test = Test::new().job("[input\npath = \"rows.csv\"\n");
    let gateway = Gateway::new();
    let output = test.run_job().to(&gateway).status(2).run();
    assert!(output.stderr.starts_with("nightreel: job.toml:1:7: not TOML: "), "{}", output.stderr);
}

#[test]
fn a_missing_job_file_is_told_with_those_that_are_there() {
    let test = test();
    let says = "nightreel: jobb.toml: there is no such job file; did you mean job.toml?\n";
    test.args(["run", "jobb.toml"]).status(2).stderr(says).run();
}

#[test]
fn a_missing_input_is_told() {
    refused(&Test::new().job(JOB), "nightreel: rows.csv: no such file\n");
}

#[test]
fn a_missing_column_is_told_with_the_nearest() {
    let test = Test::new().job(&JOB.replace("{{ q }}", "{{ question }}")).file("rows.csv", "id,questoin\na,one\n");
    let gateway = Gateway::new();
    let output = test.run_job().to(&gateway).status(2).run();
    for part in ["question", "questoin", "request.prompt"] {
        assert!(output.stderr.contains(part), "{part:?} is missing in\n{}", output.stderr);
    }
    assert_eq!((gateway.requests(), output.stderr.lines().count()), (0, 1), "{}", output.stderr);
}

#[test]
fn a_bad_line_deep_in_a_compressed_file_is_told_by_its_number() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for line in 1..=9_000 {
        let row = if line == 7_312 {
            "{\"id\":\"x\",\"q\":".to_owned()
        } else {
            format!("{{\"id\":\"r{line}\",\"q\":\"question {line}\"}}")
        };
        writeln!(encoder, "{row}").unwrap();
    }
    let test =
        Test::new().job(&JOB.replace("rows.csv", "rows.jsonl.gz")).file("rows.jsonl.gz", encoder.finish().unwrap());
    let gateway = Gateway::new();
    let output = test.run_job().to(&gateway).status(2).run();
    assert!(output.stderr.starts_with("nightreel: rows.jsonl.gz:7312:"), "{}", output.stderr);
    assert_eq!((gateway.requests(), output.stderr.lines().count()), (0, 1), "{}", output.stderr);
}

#[test]
fn a_compressed_file_that_is_cut_short_is_told() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(ROWS.as_bytes()).unwrap();
    let mut bytes = encoder.finish().unwrap();
    bytes.truncate(bytes.len() - 9);
    let test = Test::new().job(&JOB.replace("rows.csv", "rows.csv.gz")).file("rows.csv.gz", bytes);
    let gateway = Gateway::new();
    test.run_job()
        .to(&gateway)
        .status(2)
        .stderr_contains("rows.csv.gz")
        .stderr_contains("the gzip data is cut short")
        .run();
    assert_eq!(gateway.requests(), 0);
}

#[test]
fn ragged_rows_are_told_each_by_its_line() {
    let test = Test::new().job(JOB).file("rows.csv", "id,q\na,one\nb,two,three\nc,four\nd\n");
    refused(
        &test,
        "nightreel: rows.csv:3: 2 cells were expected as in the header, but the row has 3: \"b,two,three\"\n\
         rows.csv:5: 2 cells were expected as in the header, but the row has 1: \"d\"\n",
    );
}

#[test]
fn ids_that_stand_twice_are_told_with_both_lines() {
    let test = Test::new().job(JOB).file("rows.csv", "id,q\na,one\nb,two\na,three\n");
    refused(&test, "nightreel: rows.csv:4: the id \"a\" stands on line 2 already; ids must differ\n");
}

#[test]
fn an_input_without_rows_is_told() {
    let test = Test::new().job(JOB).file("rows.csv", "id,q\n");
    refused(&test, "nightreel: rows.csv: there are no rows in it\n");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let test = test();
    test.run_job().and(["--simulate"]).run();
    test.store().execute("PRAGMA user_version = 99");
    let before = test.bytes("nightreel.db");
    let says = "nightreel: the store nightreel.db has version 99, and this nightreel knows versions up to 6; \
                use a newer nightreel, or another file with --store\n";
    let gateway = Gateway::new();
    test.run_job().to(&gateway).status(5).stderr(says).run();
    test.replay_job().status(5).stderr(says).run();
    assert_eq!((gateway.requests(), test.bytes("nightreel.db")), (0, before));
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let test = test();
    test.write("text.db", "This is no database. ".repeat(100));
    let connection = Connection::open(test.path("other.db")).unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(connection);
    let gateway = Gateway::new();
    for name in ["text.db", "other.db"] {
        let before = test.bytes(name);
        let says = format!("nightreel: {name} is not a nightreel store; name another file with --store\n");
        test.run_job().to(&gateway).and(["--store", name]).status(5).stderr(&says).run();
        test.replay_job().and(["--store", name]).status(5).stderr(&says).run();
        assert_eq!(test.bytes(name), before, "{name} was changed");
    }
    assert_eq!(gateway.requests(), 0);
}

#[test]
fn results_take_the_place_of_no_fixture_and_of_no_other_store() {
    let test = test();
    test.run_job().and(["--simulate", "--store", "sim.db"]).run();
    test.args(["fixture", "create", "latest", "--store", "sim.db", "-o", "f.db"]).run();
    test.write("with.toml", format!("{JOB}[record]\nfixture = \"f.db\"\n"));
    let files = ["sim.db", "f.db", "job.toml", "rows.csv"];
    let before = files.map(|name| test.bytes(name));
    let simulate = ["--simulate", "--store", "new.db"];
    let refused: [(&[&str], &str); 9] = [
        (&["run", "job.toml", "--fixture", "f.db", "-o", "f.db"], "f.db is the fixture itself; name another"),
        (&["run", "with.toml", "-o", "f.db"], "f.db is the fixture itself"),
        (&["run", "job.toml", "--fixture", "f.db", "-o", "f.db-wal"], "keeps beside the fixture"),
        (&["run", "job.toml", "-o", "sim.db"], "sim.db is an SQLite database, such as a store or a fixture"),
        (&["replay", "job.toml", "--fixture", "f.db", "-o", "f.db"], "f.db is the fixture itself"),
        (&["export", "latest", "--store", "sim.db", "-o", "f.db"], "f.db is an SQLite database"),
        (&["export", "latest", "--store", "sim.db", "-o", "job.toml"], "job.toml is the job file itself"),
        (&["export", "latest", "--store", "sim.db", "-o", "rows.csv"], "rows.csv is the input itself"),
        (&["serve", "--fixture", "f.db", "--report", "f.db", "--", "true"], "f.db is the fixture itself; name another"),
    ];
    for (words, says) in refused {
        let more = if words[0] == "run" { &simulate[..] } else { &[] };
        test.args(words).and(more).status(2).stderr_contains(says).run();
    }
    assert!(files.map(|name| test.bytes(name)) == before, "a file was changed");
    assert!(!test.path("new.db").exists(), "a store was made");
}

#[test]
fn a_fixture_that_cannot_be_read_is_named_and_what_is_said_is_of_fixtures() {
    let test = test();
    test.run_job().and(["--simulate", "--store", "sim.db"]).run();
    test.args(["fixture", "create", "latest", "--store", "sim.db", "-o", "f.db"]).run();
    let whole = test.bytes("f.db");
    test.write("half.db", &whole[..whole.len() / 2]);
    test.write("names.db", &whole);
    let connection = Connection::open(test.path("names.db")).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM name").unwrap();
    drop(connection);
    let told = [
        ("none.db", "there is no fixture none.db; --fixture names a store, or a directory of texts, that is there"),
        (
            "rows.csv",
            "rows.csv is no fixture: it is neither a nightreel store nor a directory of texts (--fixture names it, or",
        ),
        ("half.db", "half.db is a nightreel store that is cut short: it has"),
        ("names.db", "names.db is a nightreel store that is damaged: it holds something that points to"),
    ];
    let check = |call: Call, says: &str| {
        let output = call.status(5).stderr_contains(says).run();
        for advice in ["nightreel run", "--store"] {
            assert!(!output.stderr.contains(advice), "{}", output.stderr);
        }
    };
    for (name, says) in told {
        let fixtures = ["--fixture", "f.db", "--fixture", name];
        check(test.args(["serve", "--mode", "replay"]).and(fixtures).and(["--", "true"]), says);
        // A replay of a job reads no names.
        if name != "names.db" {
            check(test.replay_job().and(fixtures), says);
        }
    }
    let says = "names.db is a nightreel store that is damaged: it holds something that points to";
    test.args(["runs", "--store", "names.db"]).status(5).stderr_contains(says).run();
    let says = "names.db is a nightreel store that is damaged: it holds a value that is none of its column";
    for format in ["results.csv", "exchanges.har"] {
        test.args(["export", "1", "--store", "names.db", "-o", format]).status(5).stderr_contains(says).run();
        assert!(!test.path(format).exists(), "{format} was written");
    }
}

#[test]
fn a_fixture_that_cannot_be_read_leaves_no_run_behind() {
    let (test, gateway) = (test(), Gateway::new());
    for (fixture, says) in [("none.db", "there is no fixture none.db"), ("rows.csv", "rows.csv is no fixture: ")] {
        test.run_job().to(&gateway).and(["--fixture", fixture]).status(5).stderr_contains(says).run();
        assert!(!test.path("nightreel.db").exists(), "a store was made");
    }
    assert_eq!(gateway.requests(), 0);
}

#[test]
fn a_limit_of_no_rows_is_told_as_one() {
    let says = "nightreel: rows.csv: a limit of 0 rows leaves nothing to ask; it has 2\n";
    test().run_job().and(["--simulate", "--limit", "0"]).status(2).stderr(says).run();
}

#[test]
fn a_store_in_a_directory_that_is_not_there_is_told() {
    let says = "nightreel: cannot open the store no/such/nightreel.db: No such file or directory (os error 2)\n";
    test().run_job().and(["--simulate", "--store", "no/such/nightreel.db"]).status(5).stderr(says).run();
}

#[test]
fn results_that_cannot_be_written_are_told() {
    let test = test();
    std::fs::create_dir(test.path("results")).unwrap();
    let output = test.run_job().and(["--simulate"]).output("results").status(5).run();
    assert!(output.stderr.contains("results"), "{}", output.stderr);
}

#[test]
fn a_variable_that_one_model_alone_asks_for_is_missed_before_anything_is_sent() {
    let test = Test::new()
        .job(
            "[input]\npath = \"rows.jsonl\"\n[request]\nmodels = [\"a\", \"b\"]\n\
             prompt = \"{% if model == 'b' %}{{ hint }}{% endif %}{{ q }}\"\n",
        )
        .file("rows.jsonl", "{\"q\":\"one\",\"hint\":\"h\"}\n{\"q\":\"two\"}\n");
    let gateway = Gateway::new();
    test.run_job().to(&gateway).status(2).stderr_contains("rows.jsonl:2: request.prompt uses \"hint\"").run();
    assert_eq!(gateway.requests(), 0);
}
