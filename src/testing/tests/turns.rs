//! Tests that start their session several times.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::*;
use crate::store::write_fixture;

/// Asks each of some prompts of a server of its own, all of them there at once or one after the other.
fn turns(fixture: &Fixture, environment: &Environment, prompts: &[&str], at_once: bool) -> Vec<(u16, String)> {
    let start = || fixture.serve_in(environment).unwrap();
    if at_once {
        let servers: Vec<_> = prompts.iter().map(|_| start()).collect();
        let answers = servers.iter().zip(prompts).map(|(server, prompt)| post(server, chat(prompt))).collect();
        // The last one is the first to go, as it is where each has a variable of its own.
        servers.into_iter().rev().for_each(drop);
        return answers;
    }
    prompts.iter().map(|prompt| post(&start(), chat(prompt))).collect()
}

#[test]
fn a_test_that_starts_its_session_several_times_is_given_what_it_recorded() {
    let upstream = Upstream::new();
    for prompts in [["a", "a", "a"], ["a", "b", "a"]] {
        for at_once in [false, true] {
            for mode in ["record", "auto"] {
                let places = Places::new();
                for path in places.both() {
                    let fixture = Fixture::at(&path).session("one").must_use_all();
                    let recorded = turns(&fixture, &upstream.environment(mode), &prompts, at_once);
                    let sessions = ["one", "one#2", "one#3"].map(str::to_owned);
                    let expected: Vec<_> = sessions.into_iter().zip(prompts.map(str::to_owned)).collect();
                    assert_eq!(asked(&path), expected, "{mode} {at_once}");
                    assert_eq!(turns(&fixture, &silent(), &prompts, at_once), recorded, "{mode} {at_once}");
                }
            }
        }
    }
}

#[test]
fn one_without_recordings_of_its_own_is_given_those_of_the_first_and_need_not_use_them() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one").must_use_all();
    let first = turns(&fixture, &upstream.environment("record"), &["a"], false);
    for _ in 0..2 {
        assert_eq!(turns(&fixture, &silent(), &["a"], false), first);
    }
    assert_eq!(fixture.serve_in(&silent()).unwrap().finish().unwrap().unused, 0);
    let server = fixture.serve_in(&silent()).unwrap();
    post(&server, chat("b"));
    assert!(matches!(server.finish(), Err(FinishError::Shortfall(_))), "a miss is one in every turn");
}

/// A fixture in which each of some sessions has an answer to "a".
fn old(places: &Places, upstream: &Upstream, sessions: &[&str]) -> PathBuf {
    let [path, _] = places.both();
    drop(turns(&Fixture::at(&path).session("another"), &upstream.environment("record"), &["a"], false));
    let [old] = held(&path).try_into().unwrap();
    let exchanges = sessions.iter().map(|session| Exchange {
        session: Some(*session).filter(|session| !session.is_empty()).map(Into::into),
        ..old.clone()
    });
    let path = places.0.path().join("old.db");
    write_fixture(&path, exchanges).unwrap();
    path
}

/// Each session of a fixture with what it asked.
fn left(path: &Path) -> Vec<String> {
    asked(path).into_iter().map(|(session, prompt)| format!("{session} {prompt}")).collect()
}

#[test]
fn what_is_recorded_anew_takes_the_place_of_its_own_turns_and_of_no_others() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let path = old(&places, &upstream, &["", "#2", "new", "new#1", "new#2", "new#3", "newer"]);
    drop(turns(&Fixture::at(&path).session("new"), &upstream.environment("record"), &["b", "b"], false));
    assert_eq!(left(&path), [" a", "#2 a", "new b", "new#1 a", "new#2 b", "new#3 a", "newer a"]);
}

#[test]
fn a_later_turn_that_fails_leaves_what_it_had() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let path = old(&places, &upstream, &["fails", "fails#2"]);
    let (fixture, environment) = (Fixture::at(&path).session("fails"), upstream.environment("record"));
    post(&fixture.serve_in(&environment).unwrap(), chat("b"));
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let server = fixture.serve_in(&environment).unwrap();
        post(&server, chat("b"));
        panic!("the test fails");
    }));
    assert!(failed.is_err());
    assert_eq!(left(&path), ["fails b", "fails#2 a"]);
}

#[test]
fn what_does_not_start_uses_up_no_turn() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let (fixture, environment) = (Fixture::at(&path).session("tried"), upstream.environment("record"));
    let fails = fixture.clone().redact("(", "");
    assert!(matches!(fails.serve_in(&environment), Err(FixtureError::Redact(_))));
    assert!(matches!(fails.gateway_in(&environment), Err(FixtureError::Redact(_))));
    drop(turns(&fixture, &environment, &["a", "b"], true));
    assert_eq!(left(&path), ["tried a", "tried#2 b"]);
    assert!(matches!(fails.gateway_in(&silent()), Err(FixtureError::Redact(_))));
    assert_eq!(turns(&fixture, &silent(), &["a", "b"], false).len(), 2);
    // One that has started is another's neighbour, whatever fails beside it.
    let server = fixture.serve_in(&environment).unwrap();
    assert!(fails.serve_in(&environment).is_err());
    drop(server);
    drop(turns(&fixture, &environment, &["c"], false));
    assert_eq!(left(&path), ["tried a", "tried#2 b", "tried#4 c"]);
}

#[test]
fn tests_that_share_a_session_by_its_name_are_all_given_the_first_turn() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("shared").must_use_all();
    let first = turns(&fixture, &upstream.environment("record"), &["a"], false);
    std::thread::scope(|scope| {
        for test in ["one_test", "another_test"] {
            let replay = || assert_eq!(turns(&fixture, &silent(), &["a"], false), first);
            let thread = std::thread::Builder::new().name(test.to_owned());
            thread.spawn_scoped(scope, replay).unwrap();
        }
    });
}
