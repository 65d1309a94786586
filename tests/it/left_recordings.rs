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
const FAILS: &str = "NIGHTREEL_TEST_FAILS";

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
    assert!(std::env::var_os(FAILS).is_none(), "it fails");
}

/// Runs the test that records, in a directory; gives what it has told.
fn record(directory: &Path, fixture: &str, prompt: &str, fails: bool) -> String {
    let gateway = FaultyGateway::new(|_| Play::good("yes"));
    let temporary = directory.join("temporary files");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["left_recordings::one_that_records", "--exact", "--ignored", "--nocapture"]).current_dir(directory);
    test.env_remove("CI").env("TMPDIR", temporary).env(FIXTURE, fixture).env(PROMPT, prompt);
    test.env("NIGHTREEL_MODE", "record").env("NIGHTREEL_BASE_URL", gateway.base_url());
    if fails {
        test.env(FAILS, "1");
    }
    let output = test.output().unwrap();
    assert_eq!(output.status.success(), !fails, "{output:?}");
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
        let told = record(directory.path(), fixture, "new", true);
        record(directory.path(), fixture, "later", false);
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
                record(directory.path(), fixture, prompt, false);
            }
            let told = record(directory.path(), fixture, "new", true);
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
