//! What is recorded answers, what is not does not, and both are told.

use super::*;

fn recorded(fixture: &Fixture, prompts: &[&str]) -> Vec<(u16, String)> {
    let upstream = Upstream::new();
    let server = fixture.serve_in(&upstream.environment("record")).unwrap();
    prompts.iter().map(|prompt| post(&server, chat(prompt))).collect()
}

#[test]
fn what_was_recorded_answers_with_the_same_bytes_in_either_form() {
    let places = Places::new();
    for path in places.both() {
        let fixture = Fixture::at(&path).must_use_all();
        let first = recorded(&fixture, &["why?", "how?"]);
        assert!(first.iter().all(|(status, _)| *status == 200), "{first:?}");
        let server = fixture.serve_in(&silent()).unwrap();
        let again: Vec<_> = ["why?", "how?"].map(|prompt| post(&server, chat(prompt))).into();
        assert_eq!(again, first);
        assert_eq!(server.finish().unwrap().hits, 2);
    }
}

#[test]
fn the_session_is_the_test_by_its_name() {
    let places = Places::new();
    let [path, _] = places.both();
    recorded(&Fixture::at(&path), &["why?"]);
    let name = "testing::tests::replay::the_session_is_the_test_by_its_name";
    assert_eq!(asked(&path), [(name.to_owned(), "why?".to_owned())]);
    let server = Fixture::at(&path).serve_in(&silent()).unwrap();
    assert_eq!(server.base_url(), format!("http://{}/session/{name}/v1", server.address()));
    assert_eq!(server.root_url(), format!("http://{}/session/{name}", server.address()));
    let server = Fixture::at(&path).session("").serve_in(&silent()).unwrap();
    assert_eq!(server.base_url(), format!("http://{}/v1", server.address()));
}

#[test]
fn what_is_not_recorded_is_a_miss_that_the_report_tells() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("a");
    recorded(&fixture, &["why?"]);
    let server = fixture.serve_in(&silent()).unwrap();
    let (status, body) = post(&server, chat("what?"));
    assert_eq!(status, 400, "{body}");
    let report = server.report();
    assert_eq!((report.hits, report.misses, report.unused), (0, 1, 1));
    assert_eq!(report.missed.shown[0].session, "a");
    // A miss alone fails no test: the program may be meant to meet one.
    drop(server);
}

#[test]
fn a_test_that_must_use_all_fails_by_what_it_left_and_missed() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("a").must_use_all();
    recorded(&fixture, &["why?", "how?"]);
    let said = panic_of(|| {
        let server = fixture.serve_in(&silent()).unwrap();
        post(&server, chat("why?"));
        post(&server, chat("what?"));
    });
    assert!(said.starts_with("the session \"a\" was to use all that "), "{said}");
    assert!(said.contains("1 recording was not asked for, and nothing answered 1 request\n"), "{said}");
    assert!(said.contains("not asked for: chat/completions m \"how?\""), "{said}");
    assert!(said.ends_with(
        "if the test returned an error, that came first, and this hides it: unwrap it in the test to see it"
    ));
    let fixture = fixture.session("b");
    recorded(&fixture, &["why?", "how?"]);
    let server = fixture.serve_in(&silent()).unwrap();
    let error = server.finish().unwrap_err();
    assert!(matches!(&error, FinishError::Shortfall(shortfall) if shortfall.unused.total() == 2), "{error}");
}

#[test]
fn a_test_that_must_use_all_fails_by_what_was_refused() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("a").must_use_all();
    recorded(&fixture, &["why?"]);
    for (path, body, status, because) in [
        ("audio/speech", "{}", 404, "refused: nothing is answered at POST /session/a/v1/audio/speech"),
        ("chat/completions", "{not json", 400, "refused: the body of the request is not JSON"),
    ] {
        let said = panic_of(|| {
            let server = fixture.serve_in(&silent()).unwrap();
            post(&server, chat("why?"));
            assert_eq!(post_to(&server, path, body.to_owned()).0, status);
        });
        assert!(said.contains("for it: nothing answered 1 request\n") && said.contains(because), "{said}");
    }
}

#[test]
fn what_a_policy_never_hands_out_need_not_be_used() {
    let places = Places::new();
    let [path, _] = places.both();
    recorded(&Fixture::at(&path).session("a"), &["why?", "why?", "how?"]);
    let fixture = Fixture::at(&path).session("a").policy(Policy::First).must_use_all();
    let server = fixture.serve_in(&silent()).unwrap();
    let answers = ["why?", "why?", "how?"].map(|prompt| post(&server, chat(prompt)));
    assert_eq!(answers[0], answers[1]);
    server.finish().unwrap();
    recorded(&Fixture::at(&path).session("d"), &["why?", "why?", "how?"]);
    let server = fixture.clone().session("d").serve_in(&silent()).unwrap();
    post(&server, chat("how?"));
    let error = server.finish().unwrap_err();
    assert!(matches!(&error, FinishError::Shortfall(shortfall) if shortfall.unused.total() == 1), "{error}");
    // One who is lent what others have recorded is given one of them too.
    recorded(&Fixture::at(&path).session("b"), &["why?"]);
    let server = fixture.session("c").serve_in(&silent()).unwrap();
    _ = ["why?", "how?"].map(|prompt| post(&server, chat(prompt)));
    server.finish().unwrap();
}

#[test]
fn a_test_that_fails_by_itself_says_what_itself_says() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("a").must_use_all();
    recorded(&fixture, &["why?"]);
    let said = panic_of(|| {
        let _server = fixture.serve_in(&silent()).unwrap();
        panic!("itself");
    });
    assert_eq!(said, "itself");
}

#[test]
fn a_server_ends_while_a_client_waits_for_it() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path);
    recorded(&fixture, &["why?"]);
    let server = fixture.serve_in(&silent()).unwrap();
    // It has sent no request, and keeps its connection.
    let waiting = std::net::TcpStream::connect(server.address()).unwrap();
    let began = std::time::Instant::now();
    drop(server);
    assert!(began.elapsed().as_millis() < 1_500, "it took {:?}", began.elapsed());
    drop(waiting);
}

#[tokio::test]
async fn it_may_be_started_asked_and_dropped_within_a_runtime() {
    let places = Places::new();
    let [_, path] = places.both();
    let fixture = Fixture::at(&path);
    let first = recorded(&fixture, &["why?"]);
    let server = fixture.serve_in(&silent()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let asked = client.post(format!("{}/chat/completions", server.base_url())).body(chat("why?")).send();
    assert_eq!(asked.await.unwrap().text().await.unwrap(), first[0].1);
    drop(server);
}

#[test]
fn what_cannot_be_used_is_told_before_anything_is_asked() {
    let places = Places::new();
    let [path, _] = places.both();
    let url = ("NIGHTREEL_BASE_URL", "not a URL");
    for (fixture, variables, expected) in [
        (
            Fixture::at("no/such/fixture"),
            &[][..],
            "there is no fixture no/such/fixture; record it with: NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=URL cargo test \
             testing::tests::replay::what_cannot_be_used_is_told_before_anything_is_asked -- --exact",
        ),
        (Fixture::at(&path), &[(MODE, "rec")], "NIGHTREEL_MODE: unknown mode \"rec\"; known are auto, record, replay"),
        (Fixture::at(&path), &[(MODE, "auto")], "mode auto sends what is not recorded, and nothing says where to;"),
        (Fixture::at(&path), &[(MODE, "record"), url], "the upstream \"not a URL\": "),
        (Fixture::at(&path).ignore("user"), &[], "ignore: \"user\" is not a path of names"),
        (
            Fixture::at("Cargo.toml"),
            &[],
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml is no fixture: it is neither a"),
        ),
        (Fixture::at("fixtures/quickstart.db").redact("(", ""), &[], "redact: pattern 1 is not a regular"),
        (Fixture::at("fixtures/quickstart.db").pace(-1.0), &[], "pace: \"-1\" is no pace"),
        (Fixture::at("fixtures/quickstart.db").session(" "), &[], "\" \" is no session's name"),
    ] {
        let error = fixture.serve_in(&environment(variables)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!path.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_a_runtime_is_told_to_name_its_session() {
    let serve = |fixture: Fixture| async move { fixture.serve_in(&silent()).map(drop) };
    let quick_start = Fixture::at("fixtures/quickstart.db");
    let error = tokio::spawn(serve(quick_start.clone())).await.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("the thread \"tokio-rt-worker\" is not the thread of a test"), "{error}");
    tokio::spawn(serve(quick_start.session("named"))).await.unwrap().unwrap();
}
