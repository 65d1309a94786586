//! What a test of a program has recorded and could not bring into its fixture: the command that it is told
//! with brings it there.

use std::path::Path;
use std::process::Command;

use nightreel::testing::{Endpoint, Fixture};
use serde_json::json;

use crate::support::{Destination as _, FaultyGateway, Play};

/// The variables that tell the test of a program what it does.
const FIXTURE: &str = "NIGHTREEL_TEST_FIXTURE";
const PROMPT: &str = "NIGHTREEL_TEST_PROMPT";
const END: &str = "NIGHTREEL_TEST_END";

/// How the test of a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passes,
    Fails,
    /// At once, as by SIGKILL.
    Killed,
}

fn chat(prompt: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": prompt}]}).to_string()
}

#[test]
#[ignore = "it is run by another test, in a process of its own"]
fn one_that_records() {
    // Whoever runs all that is ignored has no fixture for it.
    let Ok(fixture) = std::env::var(FIXTURE) else { return };
    let gateway = Fixture::at(fixture).session("one").gateway();
    let reply = gateway.ask(Endpoint::ChatCompletions, chat(&std::env::var(PROMPT).unwrap())).unwrap();
    assert_eq!(reply.status, 200);
    match std::env::var(END).unwrap().as_str() {
        "Passes" => {}
        "Fails" => panic!("it fails"),
        _ => std::process::abort(),
    }
}

/// Runs the test that records, in a directory; gives what it has told.
fn record(directory: &Path, fixture: &str, prompt: &str, end: End) -> String {
    let gateway = FaultyGateway::new(|_| Play::good("yes"));
    let temporary = directory.join("temporary files");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["left_recordings::one_that_records", "--exact", "--ignored"]).current_dir(directory);
    test.env(END, format!("{end:?}"));
    test.env_remove("CI").env("TMPDIR", temporary).env(FIXTURE, fixture).env(PROMPT, prompt);
    test.env("NIGHTREEL_MODE", "record").env("NIGHTREEL_BASE_URL", gateway.base_url());
    if end == End::Fails {
        test.arg("--nocapture");
    }
    let output = test.output().unwrap();
    assert_eq!(output.status.success(), end == End::Passes, "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Runs the command that was told, in a directory.
fn paste(told: &str, directory: &Path) {
    let (_, command) = told.split_once("; to add it to the fixture: ").unwrap_or_else(|| panic!("{told}"));
    let command = command.lines().next().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_nightreel")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh").args(["-c", command]).env("PATH", path).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}

#[test]
fn the_command_that_is_told_removes_nothing_that_another_test_records_before_it_is_called() {
    for fixture in ["fixture.db", "texts"] {
        let directory = tempfile::tempdir().unwrap();
        let told = record(directory.path(), fixture, "new", End::Fails);
        record(directory.path(), fixture, "later", End::Passes);
        paste(&told, directory.path());
        let gateway = Fixture::at(directory.path().join(fixture)).session("one").gateway();
        for prompt in ["new", "later"] {
            assert_eq!(gateway.ask(Endpoint::ChatCompletions, chat(prompt)).unwrap().status, 200, "{fixture} {prompt}");
        }
    }
}

#[test]
fn the_command_that_is_told_brings_what_a_failed_test_recorded_into_its_fixture() {
    for fixture in ["my fixture.db", "texts"] {
        for held in [&["old"][..], &[]] {
            let directory = tempfile::tempdir().unwrap();
            for prompt in held {
                record(directory.path(), fixture, prompt, End::Passes);
            }
            let told = record(directory.path(), fixture, "new", End::Fails);
            paste(&told, directory.path());
            let gateway = Fixture::at(directory.path().join(fixture)).session("one").gateway();
            for prompt in held.iter().chain(&["new"]) {
                let reply = gateway.ask(Endpoint::ChatCompletions, chat(prompt));
                assert_eq!(reply.unwrap().status, 200, "{fixture} {prompt}");
            }
            assert_eq!(gateway.report().unused, 0);
        }
    }
}

#[test]
fn the_next_test_that_records_tells_of_what_a_killed_one_had_recorded() {
    for fixture in ["fixture.db", "texts"] {
        let directory = tempfile::tempdir().unwrap();
        record(directory.path(), fixture, "lost", End::Killed);
        record(directory.path(), "another.db", "other", End::Passes);
        let told = record(directory.path(), fixture, "new", End::Passes);
        assert!(told.contains(&format!("{fixture} was killed; ")), "{told}");
        paste(&told, directory.path());
        let gateway = Fixture::at(directory.path().join(fixture)).session("one").gateway();
        for prompt in ["lost", "new"] {
            assert_eq!(gateway.ask(Endpoint::ChatCompletions, chat(prompt)).unwrap().status, 200, "{fixture} {prompt}");
        }
        let (_, rest) = told.split_once("was killed; ").unwrap();
        let (left, _) = rest.split_once(" can be removed").unwrap();
        std::fs::remove_dir_all(left).unwrap();
        assert_eq!(record(directory.path(), fixture, "new", End::Passes), "");
    }
}
