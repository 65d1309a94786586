//! What a test records is brought into its fixture, and nothing else is changed.

use std::fs::Permissions;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;

use super::upstream::{Keys, answer, take};
use super::*;

/// Asks some prompts of a server that records, and drops it.
fn record(fixture: &Fixture, environment: &Environment, prompts: &[&str]) {
    let server = fixture.serve_in(environment).unwrap();
    for prompt in prompts {
        assert_eq!(post(&server, chat(prompt)).0, 200);
    }
}

fn pairs(asked: &[(&str, &str)]) -> Vec<(String, String)> {
    asked.iter().map(|(session, prompt)| ((*session).to_owned(), (*prompt).to_owned())).collect()
}

#[test]
fn record_replaces_what_the_session_had_and_auto_adds_what_it_had_not() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let (one, other) = (Fixture::at(&path).session("one"), Fixture::at(&path).session("other"));
        record(&one, &upstream.environment("record"), &["a", "b"]);
        record(&other, &upstream.environment("auto"), &["a", "c"]);
        // A test depends on no other test's recordings.
        assert_eq!(asked(&path), pairs(&[("one", "a"), ("one", "b"), ("other", "a"), ("other", "c")]));
        record(&other, &upstream.environment("record"), &["d", "a"]);
        assert_eq!(asked(&path), pairs(&[("one", "a"), ("one", "b"), ("other", "a"), ("other", "d")]));
    }
}

#[test]
fn nothing_changes_where_nothing_was_recorded() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let fixture = Fixture::at(&path).session("one");
        record(&fixture, &upstream.environment("record"), &["a", "b"]);
        let (before, requests) = (bytes(&path), upstream.requests());
        record(&fixture, &upstream.environment("auto"), &["b", "a"]);
        record(&fixture, &upstream.environment("record"), &[]);
        record(&fixture, &silent(), &["a"]);
        assert!(bytes(&path) == before, "{} has changed", path.display());
        assert_eq!(upstream.requests(), requests);
    }
}

#[test]
fn a_call_that_could_not_send_what_was_asked_fails_and_changes_nothing() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let fixture = Fixture::at(&path).session("one");
        record(&fixture, &upstream.environment("record"), &["a"]);
        let before = bytes(&path);
        for mode in ["record", "auto"] {
            let said = panic_of(|| {
                let server = fixture.serve_in(&unreachable(mode)).unwrap();
                assert_eq!(post(&server, chat("b")).0, 502);
                assert_eq!(post(&server, chat("b")).0, 502);
            });
            let begin = "1 of the requests that were to be recorded could not be sent, so the fixture stays as it was: \
                         nothing came from the server that was to answer: ";
            assert!(said.starts_with(begin), "{said}");
            assert!(bytes(&path) == before, "{} has changed", path.display());
        }
    }
}

#[test]
fn what_a_client_asked_again_until_it_was_sent_is_no_shortfall() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let upstream = thread::spawn(move || {
        let next = || take(listener.accept().unwrap().0, &Keys::default());
        // It goes on in another protocol, which nobody here knows.
        next().write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").unwrap();
        answer(next(), 0);
    });
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one").must_use_all();
    let server = fixture.serve_in(&environment(&[(MODE, "record"), (BASE_URL, &base_url)])).unwrap();
    assert_eq!([post(&server, chat("a")).0, post(&server, chat("a")).0], [502, 200]);
    let report = server.finish().unwrap();
    assert_eq!((report.refusals, report.live), (1, 1));
    upstream.join().unwrap();
    assert_eq!(asked(&path).len(), 1);
}

#[test]
fn a_test_that_panics_leaves_the_fixture_and_what_it_recorded() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let fixture = Fixture::at(&path).session("one");
        record(&fixture, &upstream.environment("record"), &["a"]);
        let before = bytes(&path);
        let prompt = format!("asked by {} of process {}", path.display(), std::process::id());
        panic_of(|| {
            let server = fixture.serve_in(&upstream.environment("record")).unwrap();
            post(&server, chat(&prompt));
            panic!("it fails");
        });
        assert!(bytes(&path) == before, "{} has changed", path.display());
        let left = left_with(&prompt);
        assert_eq!(left.len(), 1);
        std::fs::remove_dir_all(&left[0]).unwrap();
    }
}

/// The directories that tests have left with the recording of a prompt.
fn left_with(prompt: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| {
        // Those of other tests come and go.
        let exchanges = Contents::read(&path.join("recorded.db")).unwrap_or_default();
        exchanges.iter().any(|exchange| String::from_utf8_lossy(&exchange.request.body).contains(prompt))
    };
    let is_test = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("nightreel-");
    entries.filter(is_test).filter(ours).collect()
}

#[test]
fn tests_that_record_at_once_lose_nothing() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let sessions: Vec<String> = (0..8).map(|number| format!("s{number}")).collect();
        std::thread::scope(|scope| {
            for session in &sessions {
                let environment = upstream.environment("record");
                let (fixture, prompts) = (Fixture::at(&path).session(session), ["a", session.as_str()]);
                let recording = fixture.serve_in(&environment).unwrap();
                scope.spawn(move || prompts.map(|prompt| post(&recording, chat(prompt))));
            }
        });
        let expected: Vec<_> = sessions.iter().flat_map(|own| [(own.as_str(), "a"), (own.as_str(), own)]).collect();
        assert_eq!(asked(&path), pairs(&expected));
    }
}

#[test]
fn credentials_and_what_is_to_be_struck_get_into_no_fixture() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let url = upstream.base_url();
        let environment = environment(&[(MODE, "record"), (BASE_URL, &url), ("OPENROUTER_API_KEY", "sk-or-v1-canary")]);
        let fixture = Fixture::at(&path).session("one").redact("card [0-9]+", "card ####");
        record(&fixture, &environment, &["my key is sk-or-v1-canary and my card 4711"]);
        assert_eq!(asked(&path), pairs(&[("one", "my key is [redacted] and my card ####")]));
        let canaries = ["sk-or-v1-canary", "4711"];
        for (file, content) in bytes(&path) {
            let content = String::from_utf8_lossy(&content).into_owned();
            assert!(!canaries.iter().any(|canary| content.contains(canary)), "{}", file.display());
        }
        // The same rules find it again.
        let server = fixture.serve_in(&super::environment(&[("OPENROUTER_API_KEY", "sk-or-v1-canary")])).unwrap();
        assert_eq!(post(&server, chat("my key is sk-or-v1-canary and my card 12")).0, 200);
    }
}

#[test]
fn a_store_of_runs_is_never_written_over() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let path = places.0.path().join("quickstart.db");
    std::fs::copy("fixtures/quickstart.db", &path).unwrap();
    let error = Fixture::at(&path).serve_in(&upstream.environment("record")).unwrap_err().to_string();
    assert!(error.contains("holds runs of the job \"quickstart\" and is no fixture"), "{error}");
    assert!(std::fs::read(&path).unwrap() == std::fs::read("fixtures/quickstart.db").unwrap());
    // It is replayed as it is.
    assert_eq!(Fixture::at(&path).serve_in(&silent()).unwrap().finish().unwrap().unused, 10);
}

/// The variable that says that a test is run in a process of its own.
const ALONE: &str = "NIGHTREEL_TEST_ALONE";

#[test]
#[ignore = "it is run by another test, in a process of its own"]
fn one_leaves_its_working_directory() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let server = Fixture::at("named").serve();
    assert_eq!(post(&server, chat("a")).0, 200);
    std::env::set_current_dir("/").unwrap();
}

#[test]
fn a_fixture_lies_where_it_was_served_whatever_becomes_of_the_working_directory() {
    let (directory, upstream) = (tempfile::tempdir().unwrap(), Upstream::new());
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["testing::tests::recording::one_leaves_its_working_directory", "--exact", "--ignored"]);
    test.current_dir(directory.path()).env_remove("CI").env(ALONE, "");
    test.env(MODE, "record").env(BASE_URL, upstream.base_url());
    let output = test.output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    assert_eq!(asked(&directory.path().join("named")).len(), 1);
}

#[test]
fn what_could_not_be_written_is_told_before_anything_is_sent() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [read_only, _] = places.both();
    record(&Fixture::at(&read_only), &upstream.environment("record"), &["a"]);
    std::fs::set_permissions(&read_only, Permissions::from_mode(0o444)).unwrap();
    // Nobody writes there, whatever their rights.
    for (path, expected) in [
        (Path::new("/proc/new.db"), "cannot open the store /proc/new.db: "),
        (Path::new("/proc/new"), "cannot write into /proc: "),
        (Path::new("/proc/self"), "cannot write into /proc/self: "),
        (Path::new("Cargo.toml/new.db"), "cannot make the directory "),
        (&read_only, "cannot open the store "),
    ] {
        for mode in ["record", "auto"] {
            let error = Fixture::at(path).serve_in(&upstream.environment(mode)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
    assert_eq!(upstream.requests(), 1);
}

#[test]
fn what_could_not_be_written_is_left_where_it_was_recorded() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [_, path] = places.both();
    let fixture = Fixture::at(&path).session("one");
    let server = fixture.serve_in(&upstream.environment("record")).unwrap();
    post(&server, chat("a"));
    // Meanwhile a file takes the place of the directory that it would have been.
    std::fs::write(&path, "").unwrap();
    let error = server.finish().unwrap_err();
    let FinishError::Write { recorded, .. } = error else { panic!("{error}") };
    assert_eq!(asked(recorded.store()), pairs(&[("one", "a")]));
    std::fs::remove_dir_all(recorded.store().parent().unwrap()).unwrap();
}
