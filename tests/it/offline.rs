//! A replay needs its store and nothing else.

use std::fs;
use std::process::Command;

use crate::support::{Gateway, Namespace, Test, not_tested};

const JOB: &str = r#"
[input]
path = "rows.csv"
[request]
models = ["m"]
prompt = "{{ q }}"
"#;

/// What a network call looks like in a trace. A netlink socket would be one too.
const CALLS: [&str; 4] = ["socket(", "socketpair(", "connect(", "bind("];

/// A directory with a run of 300 items and its results.
fn recorded() -> Test {
    let rows: String = (0..300).map(|row| format!("question {row}\n")).collect();
    let test = Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"));
    test.run_job().to(&Gateway::new()).output("results.jsonl").run();
    test
}

/// The network calls of a call of the binary.
fn traced(test: &Test, args: &[&str]) -> Vec<String> {
    let strace = Command::new("strace").arg("--version").output();
    assert!(strace.is_ok_and(|output| output.status.success()), "strace is missing: install the package strace");
    test.args(args).under(["strace", "-f", "-e", "trace=network", "-o", "trace.txt"]).run();
    let trace = test.text("trace.txt");
    assert!(trace.contains("+++ exited with 0 +++"), "{trace}");
    trace.lines().filter(|line| CALLS.iter().any(|call| line.contains(call))).map(str::to_owned).collect()
}

#[test]
fn a_replay_opens_no_socket() {
    let test = recorded();
    for args in [
        ["replay", "job.toml", "--output", "replay.jsonl"].as_slice(),
        &["run", "job.toml", "--mode", "replay", "--output", "replay.jsonl"],
    ] {
        assert_eq!(traced(&test, args), [""; 0]);
        assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
    }
    // The trace does see sockets where there are some.
    let rehearsal = ["run", "job.toml", "--simulate", "--limit", "1", "--store", "other.db"];
    assert!(traced(&test, &rehearsal).iter().any(|line| line.contains("connect(")));
}

#[test]
fn a_replay_works_where_there_is_no_network() {
    let test = recorded();
    let flags: &[&str] = if rustix::process::geteuid().is_root() { &["-n"] } else { &["-U", "-r", "-n"] };
    let permitted = Command::new("unshare").args(flags).arg("true").output().unwrap().status.success();
    if !permitted {
        not_tested("this system permits no network namespaces");
        return;
    }
    test.replay_job().under(["unshare"].iter().chain(flags)).output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn a_replay_works_from_a_directory_that_cannot_be_written() {
    let test = recorded();
    let (from, to) = (test.path("kept"), test.path("read-only"));
    fs::create_dir(&from).unwrap();
    fs::create_dir(&to).unwrap();
    for name in ["nightreel.db", "job.toml", "rows.csv"] {
        fs::copy(test.path(name), from.join(name)).unwrap();
    }
    let script = format!(
        "mount --bind '{from}' '{to}'\nmount -o remount,bind,ro '{to}'",
        from = from.display(),
        to = to.display()
    );
    let Some(namespace) = Namespace::new(&script) else { return };
    let output = test.path("replay.jsonl");
    let args = ["replay", "job.toml", "--progress", "none", "--output", output.to_str().unwrap()];
    test.args(args).under(namespace.inside(&to)).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
    // It cannot be written: a run says so, as it would not elsewhere.
    let run = test.args(["run", "job.toml", "--progress", "none", "--new"]).under(namespace.inside(&to)).status(5);
    run.stderr("nightreel: cannot open the store nightreel.db: Read-only file system (os error 30)\n").run();
    let names: Vec<_> = from.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "something was left beside the store: {names:?}");
}

#[test]
fn a_replay_changes_nothing_beside_its_store() {
    let test = recorded();
    let before = test.bytes("nightreel.db");
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("nightreel.db"), before);
    assert!(!test.path("nightreel.db-wal").exists() && !test.path("nightreel.db-shm").exists());
}

#[test]
fn a_key_that_looks_past_timestamps_is_found_at_another_time() {
    let job = format!("{JOB}[record]\nnormalise = [\"timestamps\"]\n");
    let rows = |time: &str| format!("q\nIt is {time}. Why?\nIt is {time}. How?\n");
    let test = Test::new().job(&job).file("rows.csv", rows("2026-11-22 18:24:14"));
    test.run_job().to(&Gateway::new()).output("results.jsonl").run();
    test.write("rows.csv", rows("23 November 2026 at 7:00 AM"));
    test.replay_job().output("replay.jsonl").run();
    let responses = |path: &str| test.json_lines(path).iter().map(|line| line["response"].clone()).collect::<Vec<_>>();
    assert_eq!(responses("replay.jsonl"), responses("results.jsonl"));
}

#[test]
fn what_is_not_recorded_is_told_with_what_is_nearest() {
    let test = recorded();
    let changed = test.text("rows.csv").replace("question 7\n", "question seven\n");
    test.write("rows.csv", changed);
    test.replay_job()
        .output("replay.jsonl")
        .status(4)
        .stderr(
            "job: a replay that is not kept · 300 items of 300 rows · model m · mode replay\n\
             job: replayed in [TIME]\n  \
             300 items: 1 not_recorded, 299 ok; nothing was sent\n  \
             results: replay.jsonl (300 lines)\n  \
             row \"8\", m: not recorded\n      \
             $.messages[0].content: recorded \"question »7«\", asked \"question »seven«\"\n  \
             record them: nightreel run job.toml --output replay.jsonl --base-url \
             http://127.0.0.1:[PORT]/v1/simulated/simulated/openrouter\n",
        )
        .run();
    let lines = test.json_lines("replay.jsonl");
    assert_eq!((lines.len(), lines[7]["outcome"].as_str()), (300, Some("not_recorded")));
}

#[test]
fn what_a_fixture_lacks_is_told_with_what_is_most_like_it() {
    let test = recorded();
    test.args(["fixture", "create", "1", "-o", "fixture.db"]).run();
    test.args(["fixture", "text", "export", "fixture.db", "texts"]).run();
    let changed = test.text("rows.csv").replace("question 7\n", "question 7 at last\n");
    test.write("rows.csv", changed + "question 8\n");
    for sources in [
        ["--store", "none.db", "--fixture", "fixture.db"].as_slice(),
        &["--store", "none.db", "--fixture", "texts"],
        &["--store", "fixture.db"],
    ] {
        let told = test.replay_job().and(sources).status(4).run().stderr;
        let lines: Vec<_> = told.lines().map(str::trim).collect();
        let of_row = |row: &str| lines.iter().position(|line| line.starts_with(&format!("row \"{row}\""))).expect(row);
        let changed = of_row("8");
        assert!(lines[changed + 1].starts_with("nearest: run 1, item "), "{told}");
        assert!(lines[changed + 1].contains(" % alike"), "{told}");
        assert!(lines[changed + 2].starts_with("$.messages[0].content: recorded \"question "), "{told}");
        assert_eq!(lines[of_row("301") + 1], "the same request was recorded fewer times than it is asked");
    }
    test.write("job.toml", JOB.replace("prompt =", "endpoint = \"completions\"\nprompt ="));
    let told = test.replay_job().and(["--store", "fixture.db"]).status(4).run().stderr;
    assert!(told.contains("\n      nothing like it is recorded\n"), "{told}");
}

#[test]
fn a_replay_without_a_store_says_how_to_make_one() {
    let test = Test::new().job(JOB).file("rows.csv", "q\nx\n");
    let says = "nightreel: there is no store nightreel.db; `nightreel run` makes one, or name another with --store\n";
    test.replay_job().status(5).stderr(says).run();
    assert!(!test.path("nightreel.db").exists());
}

#[test]
fn what_a_replay_lacks_is_recorded_where_its_run_was_sent() {
    let test = Test::new().job(JOB).file("rows.csv", "q\na\n");
    test.run_job().to(&Gateway::new()).and(["--budget", "2"]).run();
    test.write("rows.csv", "q\na\nb\n");
    let replayed = test.replay_job().status(4).run().plain_stderr();
    let told = "record them: nightreel run job.toml --base-url http://127.0.0.1:[PORT]";
    assert!(replayed.contains(told) && replayed.contains(" --budget 2\n"), "{replayed}");

    let test = Test::new().job(JOB).file("rows.csv", "q\na\n");
    test.run_job().and(["--simulate", "--simulate-seed", "3", "--simulate-reply-tokens", "7"]).run();
    test.write("rows.csv", "q\na\nb\n");
    let replayed = test.replay_job().status(4).run().stderr;
    let told = replayed.lines().find_map(|line| line.split_once("record them: nightreel ")).expect("it says how").1;
    for flag in ["--simulate", "--simulate-seed 3", "--simulate-reply-tokens 7"] {
        assert!(told.contains(flag), "{flag}: {told}");
    }
    test.args(told.split(' ')).run();
    test.replay_job().run();

    // A fixture's runs are of no job, also where it is named as the store.
    test.args(["fixture", "create", "latest", "-o", "simulated.db"]).run();
    test.write("rows.csv", "q\na\nb\nc\n");
    for named in ["--store", "--fixture"] {
        let replayed = test.args(["replay", "job.toml", named, "simulated.db"]).status(4).run().stderr;
        let told = replayed.lines().find_map(|line| line.split_once("record them: nightreel ")).expect("it says how").1;
        assert!(told.contains("--simulate"), "{named}: {told}");
    }
}
