//! Sessions of clients that run at once each get the recorded answers from the first on.

use std::collections::BTreeSet;
use std::sync::{Barrier, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Ask, CANARY, FaultyGateway, Play, Served, Test};

const SESSIONS: usize = 40;
const ANSWERS: usize = 5;

fn prompt() -> String {
    json!({"model": "m", "temperature": 1, "messages": [{"role": "user", "content": "the same"}]}).to_string()
}

/// A store with five answers to one prompt.
fn recorded() -> Test {
    let test = Test::new();
    let gateway = FaultyGateway::new(|received| Play::good(&format!("answer {}", received.times)));
    let server = Served::record(&test, &gateway);
    for _ in 0..ANSWERS {
        assert_eq!(server.chat(prompt()).answer().status, 200);
    }
    server.stop();
    test
}

/// The number of the answer that a session gets next.
fn next(server: &Served, session: &str, by_header: bool) -> usize {
    let ask = if session.is_empty() {
        server.chat(prompt())
    } else if by_header {
        server.chat(prompt()).header("x-nightreel-session", session)
    } else {
        Ask::post(format!("{}/chat/completions", server.session_url(session)), prompt())
    };
    let answer = ask.answer();
    assert_eq!(answer.status, 200, "{session}: {}", answer.text());
    let json = answer.json();
    let text = json["choices"][0]["message"]["content"].as_str().unwrap();
    text.strip_prefix("answer ").unwrap().parse().unwrap()
}

/// The turns of the clients of one session.
#[derive(Default)]
struct Turns {
    next: Mutex<usize>,
    passed: Condvar,
}

impl Turns {
    /// Does something when it is one's turn.
    fn take<T>(&self, turn: usize, act: impl FnOnce() -> T) -> T {
        let mut next = self.passed.wait_while(self.next.lock().unwrap(), |next| *next != turn).unwrap();
        let done = act();
        *next += 1;
        self.passed.notify_all();
        done
    }
}

#[test]
fn two_hundred_clients_in_forty_sessions_get_the_five_answers_in_order_twenty_times() {
    let test = recorded();
    for run in 0..20 {
        let server = Served::replay(&test);
        let sessions: Vec<_> = (0..SESSIONS).map(|_| Turns::default()).collect();
        let start = Barrier::new(SESSIONS * ANSWERS);
        thread::scope(|scope| {
            for client in 0..SESSIONS * ANSWERS {
                let (session, turn) = (client % SESSIONS, client / SESSIONS);
                let (server, turns, start) = (&server, &sessions[session], &start);
                scope.spawn(move || {
                    start.wait();
                    let got = turns.take(turn, || next(server, &format!("test-{session}"), session.is_multiple_of(2)));
                    assert_eq!(got, turn + 1, "run {run}, session {session}");
                });
            }
        });
    }
}

#[test]
fn clients_of_one_session_that_ask_at_once_get_each_answer_once() {
    let test = recorded();
    for run in 0..20 {
        let server = Served::replay(&test);
        let sessions: Vec<_> = (0..SESSIONS).map(|_| Mutex::new(BTreeSet::new())).collect();
        let start = Barrier::new(SESSIONS * ANSWERS);
        thread::scope(|scope| {
            for client in 0..SESSIONS * ANSWERS {
                let session = client % SESSIONS;
                let (server, got, start) = (&server, &sessions[session], &start);
                scope.spawn(move || {
                    start.wait();
                    let number = next(server, &format!("test-{session}"), session.is_multiple_of(2));
                    assert!(got.lock().unwrap().insert(number), "run {run}: {number} came twice");
                });
            }
        });
        for got in sessions {
            assert_eq!(got.into_inner().unwrap(), (1..=ANSWERS).collect(), "run {run}");
        }
    }
}

#[test]
fn a_session_that_has_had_its_answers_gets_no_more_and_another_begins_anew() {
    let test = recorded();
    let server = Served::replay(&test);
    for session in ["a", "b"] {
        for number in 1..=ANSWERS {
            assert_eq!(next(&server, session, true), number);
        }
        let url = format!("{}/chat/completions", server.session_url(session));
        assert_eq!(Ask::post(url, prompt()).answer().status, 400);
    }
    assert_eq!(server.chat(prompt()).answer().status, 200, "the unnamed session is one of its own");
}

#[test]
fn what_auto_adds_to_what_it_was_lent_is_replayed_behind_it_in_that_order() {
    for lent_by in [["--store", "served.db"].as_slice(), &["--fixture", "served.db", "--store", "new.db"]] {
        let test = Test::new();
        let gateway = FaultyGateway::new(|received| Play::good(&format!("answer {}", received.times)));
        let start = |mode| {
            let call = test.args(["serve", "--listen", "127.0.0.1:0", "--mode", mode]).and(lent_by.iter().copied());
            Served::start(if mode == "replay" { call } else { call.to(&gateway) })
        };
        let named = Served::record(&test, &gateway);
        assert_eq!([1, 2].map(|_| next(&named, "alpha", true)), [1, 2]);
        named.stop();
        let auto = start("auto");
        assert_eq!([1, 2, 3, 4].map(|_| next(&auto, "", false)), [1, 2, 3, 4]);
        auto.stop();
        let replay = start("replay");
        for session in ["", "zz"] {
            assert_eq!([1, 2, 3, 4].map(|_| next(&replay, session, false)), [1, 2, 3, 4], "{lent_by:?} {session:?}");
        }
        assert_eq!(replay.chat(prompt()).answer().status, 400, "{lent_by:?}");
    }
}

/// A gateway that refuses once.
fn refusing_once(status: u16, error: Value) -> FaultyGateway {
    FaultyGateway::new(move |received| match received.times {
        1 => Play::Answer(status, "", json!({ "error": error }).to_string()),
        times => Play::good(&format!("answer {times}")),
    })
}

fn no_such_key() -> FaultyGateway {
    refusing_once(401, json!({"message": "no such key", "code": 401}))
}

#[test]
fn what_a_refused_key_was_answered_is_neither_replayed_nor_sent_for_once_auto_has_an_answer() {
    is_sent_again(401, &no_such_key());
}

#[test]
fn a_403_that_says_nothing_of_its_cause_is_sent_again_and_one_of_a_moderation_is_replayed() {
    for error in [
        json!({"message": "Forbidden", "code": 403}),
        json!({"message": "m", "code": 403, "metadata": {"error_type": "permission_denied"}}),
        json!({"message": "not available in your region", "code": 403}),
    ] {
        is_sent_again(403, &refusing_once(403, error));
    }
    let moderated = json!({"message": "m", "code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "x"}});
    let (test, gateway) = (Test::new(), refusing_once(403, moderated));
    for _ in 0..2 {
        let server = Served::start(test.serve("auto").to(&gateway));
        assert_eq!(server.chat(prompt()).answer().status, 403);
        let said = server.stop().stderr;
        assert!(!said.contains("failed by the account"), "{said}");
    }
    assert_eq!(gateway.received().len(), 1);
}

/// Checks that what a gateway refuses once with a status is sent again, and told at the end.
fn is_sent_again(status: u16, gateway: &FaultyGateway) {
    let test = Test::new();
    let server = Served::start(test.serve("auto").to(gateway));
    assert_eq!([(); 2].map(|()| server.chat(prompt()).answer().status), [status, 200]);
    let said = server.stop().stderr;
    assert!(said.contains("  1 sent request failed by the account, or with a 403: "), "{said}");
    let auto = Served::start(test.serve("auto").to(gateway));
    assert_eq!(next(&auto, "", false), 2);
    auto.stop();
    test.args(["fixture", "create", "serve", "--store", "served.db", "-o", "fixture.db"]).run();
    for store in ["served.db", "fixture.db"] {
        let replay = test.args(["serve", "--listen", "127.0.0.1:0", "--mode", "replay", "--store", store]);
        let replay = Served::start(replay);
        assert_eq!(next(&replay, "", false), 2, "{store}");
        assert_eq!(replay.chat(prompt()).answer().status, 400, "{store}");
    }
    assert_eq!(gateway.received().len(), 2);
}

#[test]
fn what_record_was_answered_is_replayed_failures_and_all_and_auto_sends_those_again_in_their_places() {
    let (test, gateway) = (Test::new(), no_such_key());
    let server = Served::record(&test, &gateway);
    assert_eq!([(); 2].map(|()| server.chat(prompt()).answer().status), [401, 200]);
    server.stop();
    let replay = Served::replay(&test);
    assert_eq!([(); 3].map(|()| replay.chat(prompt()).answer().status), [401, 200, 400]);
    replay.stop();
    let auto = Served::start(test.serve("auto").to(&gateway));
    assert_eq!([(); 2].map(|()| next(&auto, "", false)), [3, 2]);
    auto.stop();
    let replay = Served::replay(&test);
    assert_eq!([(); 2].map(|()| next(&replay, "", false)), [3, 2]);
}

#[test]
fn a_credential_in_the_name_of_a_session_is_struck_before_it_is_kept() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("fine"));
    let server = Served::start(test.serve("record").to(&gateway).and(["--report", "report.json"]));
    let asks = [
        server.chat(prompt()).header("x-nightreel-session", &format!("s-{CANARY}")),
        Ask::post(format!("{}/chat/completions", server.session_url(CANARY)), prompt()),
    ];
    for ask in asks {
        assert_eq!(ask.header("authorization", &format!("Bearer {CANARY}")).answer().status, 200);
    }
    let output = server.stop();
    let store = String::from_utf8_lossy(&test.bytes("served.db")).into_owned();
    for text in [&output.stderr, &test.text("report.json"), &store] {
        assert!(!text.contains(&CANARY[..12]), "{text}");
    }
    let shown = test.args(["fixture", "textconv", "served.db"]).run().stdout;
    assert!(shown.contains("\nsession: s-[redacted]\n") && shown.contains("\nsession: [redacted]\n"), "{shown}");
}
