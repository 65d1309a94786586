//! Servers that nobody drops: what they record gets into the fixture.

use std::process::Command;
use std::sync::LazyLock;

use super::*;

/// The variable that names the fixture of the tests that are run in a process of their own.
const FIXTURE: &str = "NIGHTREEL_TEST_FIXTURE";
/// The variable that names their session, where they share one.
const SESSION: &str = "NIGHTREEL_TEST_SESSION";

fn prompts(path: &Path) -> Vec<String> {
    asked(path).into_iter().map(|(_, prompt)| prompt).collect()
}

#[test]
fn what_a_server_records_that_outlives_its_thread_is_in_the_fixture_at_once() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let fixture = Fixture::at(&path).session("one");
        drop(fixture.serve_in(&upstream.environment("record")).map(|server| post(&server, chat("old"))));
        let start = || {
            let server = fixture.serve_in(&upstream.environment("record")).unwrap();
            post(&server, chat("a"));
            assert_eq!(prompts(&path), ["old"], "the test is not done yet");
            server
        };
        let server = std::thread::scope(|scope| scope.spawn(start).join().unwrap());
        // The same process has recorded the session before, so that stays.
        assert_eq!(prompts(&path), ["a", "old"]);
        post(&server, chat("b"));
        post(&server, chat("a"));
        assert_eq!(prompts(&path), ["a", "a", "b", "old"]);
        let before = bytes(&path);
        panic_of(|| {
            let _server = server;
            panic!("it fails");
        });
        assert!(bytes(&path) == before, "the end of it adds nothing");
    }
}

#[test]
fn a_server_that_its_thread_drops_is_not_brought_twice() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one");
    std::thread::scope(|scope| {
        let record = || {
            panic_of(|| {
                let server = fixture.serve_in(&upstream.environment("record")).unwrap();
                post(&server, chat(&format!("of a test that fails in {}", std::process::id())));
                panic!("it fails");
            });
        };
        scope.spawn(record).join().unwrap();
    });
    assert!(!path.exists(), "a test that fails changes nothing");
}

static SERVER: LazyLock<FixtureServer> = LazyLock::new(|| {
    let fixture = Fixture::at(std::env::var(FIXTURE).unwrap());
    match std::env::var(SESSION) {
        Ok(session) => fixture.session(session).serve(),
        Err(_) => fixture.serve(),
    }
});

#[test]
#[ignore = "it is run by another test, in a process of its own"]
fn one_in_a_static_is_asked() {
    // Whoever runs all that is ignored has no fixture for it.
    if std::env::var_os(FIXTURE).is_none() {
        return;
    }
    assert_eq!(post(&SERVER, chat("a")).0, 200);
    assert_eq!(post(&SERVER, chat("b")).0, 200);
}

#[test]
#[ignore = "it is run by another test, in a process of its own"]
fn one_in_a_static_is_asked_by_another_test() {
    if std::env::var_os(FIXTURE).is_none() {
        return;
    }
    assert_eq!(post(&SERVER, chat("c")).0, 200);
}

/// A test of this file that has a process of its own, with what it asks in a fixture and how it is run.
fn alone(test: &str, (mode, threads): (&str, &str), path: &Path, upstream: &Upstream) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("testing::tests::outliving::{test}"), "--exact", "--ignored", "--test-threads", threads]);
    command.env_remove("CI").env(FIXTURE, path).env(MODE, mode).env(BASE_URL, upstream.base_url());
    command
}

fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn a_test_that_shares_a_server_in_a_static_records_what_it_asks_and_leaves_what_others_do() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let asks_a_and_b = "one_in_a_static_is_asked";
    let asks_c = "one_in_a_static_is_asked_by_another_test";
    // Both in the same session, as a person is told to name it.
    let run = |test: &str| passes(alone(test, ("record", "1"), &path, &upstream).env(SESSION, "shared"));
    for test in [asks_a_and_b, asks_c, asks_a_and_b, asks_c] {
        run(test);
    }
    assert_eq!(prompts(&path), ["a", "b", "c"]);
}

#[test]
fn what_a_server_in_a_static_records_is_in_the_fixture_when_the_process_has_ended() {
    let (places, upstream, mut requests) = (Places::new(), Upstream::new(), 0);
    for (path, threads) in places.both().into_iter().zip(["1", "2"]) {
        let temporary = tempfile::tempdir().unwrap();
        let run = |mode: &str| {
            let mut test = alone("one_in_a_static_is_asked", (mode, threads), &path, &upstream);
            passes(test.env("TMPDIR", temporary.path()));
            temporary.path().read_dir().unwrap().count()
        };
        // Each process leaves a directory, and removes that of the one before.
        assert_eq!(run("record"), 1);
        assert_eq!(prompts(&path), ["a", "b"]);
        let before = bytes(&path);
        for mode in ["replay", "auto"] {
            assert_eq!(run(mode), 1, "{mode}");
        }
        assert!(bytes(&path) == before, "{} has changed", path.display());
        assert_eq!(run("record"), 1);
        assert_eq!(prompts(&path), ["a", "b"]);
        requests += 4;
        assert_eq!(upstream.requests(), requests);
    }
}
