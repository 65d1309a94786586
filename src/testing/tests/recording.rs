//! What a test records is brought into its fixture, and nothing else is changed.

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
fn a_session_that_is_recorded_twice_by_one_test_keeps_both() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one");
    record(&fixture, &upstream.environment("record"), &["a"]);
    record(&fixture, &upstream.environment("record"), &["b"]);
    assert_eq!(asked(&path), pairs(&[("one", "a"), ("one", "b")]));
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
