//! The tests of the program, run again by themselves: where there is no network, and without their
//! fixture.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::missing::not_tested;

const FIXTURE: &str = "fixtures/triage";

/// The tests of this program but for these here, in a directory, under another program.
fn tests(directory: &Path, under: &[&str]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let words: Vec<&OsStr> = under.iter().map(OsStr::new).chain([tests.as_os_str()]).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["--skip", "without_network::"]).current_dir(directory);
    for variable in ["NIGHTREEL_MODE", "NIGHTREEL_BASE_URL", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a directory, named from there.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else {
                found.insert(path.strip_prefix(directory).unwrap().to_owned());
            }
        }
    }
    found
}

/// A directory of its own with a copy of some files of the fixture.
fn with_files(names: impl IntoIterator<Item = PathBuf>) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        let copy = directory.path().join(FIXTURE).join(&name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(root().join(FIXTURE).join(&name), copy).unwrap();
    }
    directory
}

/// The words that run a program in a network namespace with nothing in it but a loopback device
/// that is down; none where the system permits none.
fn unshared() -> Option<Vec<&'static str>> {
    let words = vec!["unshare", "-r", "-n"];
    let permitted = Command::new(words[0]).args(&words[1..]).arg("true").output();
    if !permitted.expect("unshare is missing: install the package util-linux").status.success() {
        not_tested("this system permits no network namespaces");
        return None;
    }
    Some(words)
}

#[test]
fn they_pass_where_there_is_no_network() {
    let Some(unshared) = unshared() else { return };
    let mut devices = Command::new(unshared[0]);
    devices.args(&unshared[1..]).args(["cat", "/proc/self/net/dev", "/proc/self/net/route"]);
    let devices = said(&devices.output().unwrap());
    let devices: Vec<_> = devices.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    assert_eq!(devices, ["lo"]);
    let output = tests(root(), &unshared).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(" 0 failed; 0 ignored"), "{}", said(&output));
}

#[test]
fn they_fail_without_their_fixture() {
    let empty = tempfile::tempdir().unwrap();
    let output = tests(empty.path(), &[]).output().unwrap();
    assert!(!output.status.success());
    let told = said(&output);
    assert!(
        told.contains(
            "there is no fixture fixtures/triage; record it with: NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=URL cargo test "
        ),
        "{told}"
    );
    assert!(told.contains("1 passed; 10 failed"), "{told}");
}

#[test]
fn one_fails_that_misses_one_recording() {
    let names = files(&root().join(FIXTURE));
    let is_left_out = |name: &PathBuf| name.to_string_lossy().contains("in-a_ticket_is_sorted");
    let directory = with_files(names.into_iter().filter(|name| !is_left_out(name)));
    let output = tests(directory.path(), &[]).output().unwrap();
    let told = said(&output);
    assert!(told.contains("10 passed; 1 failed"), "{told}");
    assert!(told.contains("not recorded: ") && told.contains("cargo test a_ticket_is_sorted -- --exact"), "{told}");
}

/// The fixture that the repository keeps is the one that the tests record, each in a process of its
/// own, all at once.
#[test]
fn they_record_their_fixture_by_one_variable() {
    let directory = tempfile::tempdir().unwrap();
    let listed = said(&tests(directory.path(), &[]).args(["--list", "--format", "terse"]).output().unwrap());
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    assert_eq!(names.len(), 11, "{listed}");
    let recording: Vec<_> = names
        .iter()
        .map(|name| {
            let mut test = tests(directory.path(), &[]);
            test.args(["--exact", name]).env("NIGHTREEL_MODE", "record");
            test.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for recorded in recording.into_iter().map(|test| test.wait_with_output().unwrap()) {
        assert!(recorded.status.success(), "{}", said(&recorded));
    }
    assert_eq!(files(&directory.path().join(FIXTURE)), files(&root().join(FIXTURE)), "record it anew");
    let replayed = tests(directory.path(), &[]).output().unwrap();
    assert!(replayed.status.success(), "{}", said(&replayed));
}
