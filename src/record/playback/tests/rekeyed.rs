//! Recordings that have another key under the rules of a replay.

use super::*;
use crate::model::Normaliser;

#[test]
fn what_was_recorded_under_other_rules_is_found_by_those_of_now() {
    let body = |user: &str| format!(r#"{{"model":"m","prompt":"why","user":"{user}"}}"#);
    let plain = KeyRules::default();
    let recorded = |user: &str, answer: &str| exchange(asked_with(&body(user), &plain), "", 0, answer);
    let fixture = Fixture::new(vec![recorded("ann", "a"), recorded("bob", "b")]);
    let rules = KeyRules { ignore: vec!["$.user".parse().unwrap()], ..KeyRules::default() };
    let playback = fixture.playback(Mode::Replay, Policy::Once, rules.clone());
    let mut given: Vec<_> =
        (0..3).map(|_| told(playback.ask("", &asked_with(&body("eve"), &rules)).unwrap())).collect();
    assert_eq!(given.pop().unwrap(), "miss 2");
    given.sort_unstable();
    assert_eq!(given, ["a", "b"]);
}

/// A store to which runs of recordings are added: of a body, in a session, with an answer.
struct Recorded {
    _directory: tempfile::TempDir,
    store: Store,
}

impl Recorded {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
        Self { _directory: directory, store }
    }

    /// Adds a run whose keys were made by some rules.
    fn add(&self, rules: &KeyRules, recordings: &[(&str, &str, u32, &str)]) {
        let ignored = if rules.ignore.is_empty() { "" } else { r#""$.user""# };
        let job_identity = format!(r#"{{"record":{{"ignore":[{ignored}]}}}}"#);
        let exchanges = recordings
            .iter()
            .map(|(body, session, occurrence, answer)| exchange(asked_with(body, rules), session, *occurrence, answer));
        self.store.keep_exchanges(&NewRun { job_identity, ..new_run() }, exchanges).unwrap();
    }

    /// What a session is answered that asks a body so many times.
    fn given(&self, rules: &KeyRules, session: &str, body: &str, times: usize) -> Vec<String> {
        let options = PlaybackOptions { rules: rules.clone(), ..PlaybackOptions::default() };
        let playback = Playback::new(vec![self.store.clone()], PlaybackOptions { mode: Mode::Replay, ..options });
        let playback = playback.unwrap();
        (0..times).map(|_| told(playback.ask(session, &asked_with(body, rules)).unwrap())).collect()
    }
}

#[test]
fn recordings_by_several_rules_are_handed_out_together() {
    const ANN: &str = r#"{"model":"m","prompt":"why","user":"ann"}"#;
    const NOBODY: &str = r#"{"model":"m","prompt":"why"}"#;
    let plain = KeyRules::default();
    let rules = KeyRules { ignore: vec!["$.user".parse().unwrap()], ..KeyRules::default() };
    let later = Recorded::new();
    later.add(&plain, &[(ANN, "", 0, "1"), (ANN, "", 1, "2"), (ANN, "a", 0, "3")]);
    later.add(&rules, &[(ANN, "", 2, "4"), (ANN, "b", 0, "5")]);
    assert_eq!(later.given(&rules, "", ANN, 4), ["1", "2", "4", "miss 3"]);
    assert_eq!(later.given(&rules, "a", ANN, 2), ["3", "miss 1"]);
    assert_eq!(later.given(&rules, "b", ANN, 2), ["5", "miss 1"]);
    let again = Recorded::new();
    again.add(&plain, &[(ANN, "", 0, "1"), (ANN, "", 0, "2"), (ANN, "", 1, "3")]);
    assert_eq!(again.given(&rules, "", ANN, 3), ["2", "3", "miss 2"], "the newest of one place");
    let mixed = Recorded::new();
    mixed.add(&plain, &[(ANN, "", 0, "1"), (NOBODY, "", 0, "2")]);
    assert_eq!(mixed.given(&rules, "", ANN, 3), ["1", "2", "miss 2"], "whichever has the key as it is");
    assert_eq!(mixed.given(&plain, "", NOBODY, 2), ["2", "miss 1"]);
    let ignoring = Recorded::new();
    ignoring.add(&rules, &[(ANN, "", 0, "1"), (NOBODY, "", 1, "2")]);
    assert_eq!(ignoring.given(&plain, "", NOBODY, 2), ["2", "miss 1"], "the other one was asked for ann");
    assert_eq!(ignoring.given(&plain, "", ANN, 1), ["1"]);
    assert_eq!(ignoring.given(&rules, "", ANN, 3), ["1", "2", "miss 2"]);
}

/// A request that tells the day.
fn on_day(day: &str, rules: &KeyRules) -> Request {
    asked_with(&format!(r#"{{"model":"m","prompt":"It is 2026-01-{day}. Poll."}}"#), rules)
}

/// What was recorded of a day, so many milliseconds after the first, in place of what would be there.
fn of_day(day: &str, (session, occurrence): (&str, u32), sent_at_ms: i64, answer: &str) -> Exchange {
    let recorded = exchange(on_day(day, &KeyRules::default()), session, occurrence, answer);
    Exchange { attempt: Attempt { sent_at_ms, ..recorded.attempt }, ..recorded }
}

/// What was recorded by rules that tell no days apart.
fn by_rules(occurrence: u32, sent_at_ms: i64, answer: &str) -> Exchange {
    let recorded = exchange(on_day("20", &of_any_day()), "", occurrence, answer);
    Exchange { attempt: Attempt { sent_at_ms, ..recorded.attempt }, ..recorded }
}

/// Rules that tell no days apart.
fn of_any_day() -> KeyRules {
    KeyRules { normalise: vec![Normaliser::Timestamps], ..KeyRules::default() }
}

/// What a session is given of a store under rules that tell no days apart.
fn given_of_days(store: &Store, policy: Policy, session: &str, times: usize) -> String {
    asked_of_days(&[store], Mode::Replay, policy, session, times)
}

fn asked_of_days(stores: &[&Store], mode: Mode, policy: Policy, session: &str, times: usize) -> String {
    let rules = of_any_day();
    let options = PlaybackOptions { mode, rules: rules.clone(), policy, struck_as: Vec::new() };
    let playback = Playback::new(stores.iter().copied().cloned().collect(), options).unwrap();
    let given = (0..times).map(|_| told(playback.ask(session, &on_day("31", &rules)).unwrap()));
    given.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_falls_together_comes_in_the_order_of_recording_from_a_store_and_from_its_fixture() {
    let (unnamed, a, b) = (("", 0), ("a", 0), ("b", 1));
    let days = || ["01", "02", "03", "04", "05", "06"].into_iter().zip(1..);
    let in_order: Vec<_> = days().map(|(day, at)| of_day(day, unnamed, at, day)).collect();
    // What was recorded in the place of a failure comes last, and is asked for first.
    let anew = vec![
        of_day("01", ("", 1), 2, "second"),
        of_day("02", unnamed, 3, "third"),
        of_day("03", unnamed, 4, "fourth"),
        of_day("01", unnamed, 9, "first"),
    ];
    let sessions = vec![
        of_day("04", unnamed, 1, "lent"),
        of_day("05", a, 2, "a1"),
        of_day("02", a, 3, "a2"),
        of_day("04", b, 4, "b2"),
        of_day("01", ("b", 0), 5, "b3"),
    ];
    let alone =
        vec![of_day("01", unnamed, 1, "lent"), of_day("01", ("b", 1), 2, "b2"), of_day("01", ("b", 3), 4, "b4")];
    for (recorded, policy, session, expected) in [
        (&in_order, Policy::Once, "", "01 02 03 04 05 06 miss 6"),
        (&in_order, Policy::RepeatLast, "", "01 02 03 04 05 06 06"),
        (&in_order, Policy::Cycle, "x", "01 02 03 04 05 06 01"),
        (&in_order, Policy::First, "", "01 01 01 01 01 01 01"),
        (&anew, Policy::Once, "", "first second third fourth miss 4 miss 4 miss 4"),
        (&sessions, Policy::RepeatLast, "a", "a1 a2 a2 a2 a2 a2 a2"),
        (&sessions, Policy::RepeatLast, "b", "lent b2 b3 b3 b3 b3 b3"),
        (&alone, Policy::RepeatLast, "b", "lent b2 b4 b4 b4 b4 b4"),
    ] {
        let kept = Recorded::new();
        kept.store.keep_exchanges(&new_run(), recorded.clone()).unwrap();
        let fixture = Fixture::new(recorded.clone());
        let fixture = Store::open(&fixture.path(), Access::ReadOnly).unwrap();
        for (store, name) in [(&kept.store, "store"), (&fixture, "fixture")] {
            assert_eq!(given_of_days(store, policy, session, 7), expected, "{name} {policy} {session:?}");
        }
    }
}

#[test]
fn a_run_hides_of_older_ones_what_had_the_same_key_when_it_was_recorded() {
    let asked = || NewRun { job_identity: r#"{"record":{}}"#.to_owned(), ..new_run() };
    let anew = || NewRun { mode: Mode::Record.as_str().to_owned(), ..asked() };
    let first = || vec![of_day("04", ("", 0), 1, "1"), of_day("02", ("", 0), 2, "2")];
    let second = || vec![of_day("04", ("", 1), 3, "3"), of_day("05", ("", 0), 4, "4")];
    let third = || vec![of_day("06", ("", 0), 5, "5")];
    let failed = || vec![of_day("02", ("", 0), 6, "2 again")];
    for (runs, expected) in [
        (vec![(asked(), first()), (asked(), second())], "1 2 3 4 miss 4"),
        (vec![(anew(), first()), (asked(), second()), (asked(), third())], "1 2 3 4 5"),
        (vec![(asked(), first()), (anew(), third())], "1 2 5 miss 3 miss 3"),
        (vec![(asked(), first()), (anew(), failed())], "1 2 again miss 2 miss 2 miss 2"),
        (vec![(asked(), first()), (asked(), third()), (asked(), failed())], "1 5 2 again miss 3 miss 3"),
        (vec![(new_run(), first()), (new_run(), third())], "1 2 5 miss 3 miss 3"),
    ] {
        let recorded = Recorded::new();
        for (run, exchanges) in runs {
            recorded.store.keep_exchanges(&run, exchanges).unwrap();
        }
        assert_eq!(given_of_days(&recorded.store, Policy::Once, "", 5), expected);
    }
}

/// What was recorded on some days without a session, the first so many milliseconds after the first of all.
fn of_days(days: &[&str], first_at: i64) -> Vec<Exchange> {
    let days = days.iter().zip(first_at..);
    days.map(|(day, at)| of_day(day, ("", 0), at, &at.to_string())).collect()
}

/// A fixture to which runs of servers are added.
fn fixture_with(first: Vec<Exchange>, runs: Vec<(NewRun, Vec<Exchange>)>) -> (Fixture, Store) {
    let fixture = Fixture::new(first);
    let store = Store::open(&fixture.path(), Access::ReadWrite).unwrap();
    for (run, exchanges) in runs {
        store.keep_exchanges(&run, exchanges).unwrap();
    }
    (fixture, store)
}

#[test]
fn what_a_server_recorded_into_a_fixture_hides_none_of_it() {
    let (first, later) = (of_days(&["09", "10", "11"], 1), of_days(&["14", "15"], 4));
    let (_directory, into_fixture) = fixture_with(first.clone(), vec![(new_run(), later.clone())]);
    let kept = Recorded::new();
    kept.store.keep_exchanges(&new_run(), first.clone()).unwrap();
    kept.store.keep_exchanges(&new_run(), later.clone()).unwrap();
    let (_other, anew) = fixture_with([first, later].concat(), Vec::new());
    for store in [&into_fixture, &kept.store, &anew] {
        assert_eq!(given_of_days(store, Policy::Once, "", 6), "1 2 3 4 5 miss 5");
        assert_eq!(asked_of_days(&[store], Mode::Auto, Policy::Once, "", 6), "1 2 3 4 5 send 5");
    }
}

#[test]
fn what_is_recorded_anew_by_the_rules_of_now_hides_all_that_they_make_one_of() {
    let identity = r#"{"record":{"normalise":["timestamps"]}}"#.to_owned();
    let now = || NewRun { job_identity: identity.clone(), ..new_run() };
    let anew = || NewRun { mode: Mode::Record.as_str().to_owned(), ..now() };
    for (run, asks, expected) in [(anew(), 2, "new miss 1"), (now(), 4, "1 2 new miss 3")] {
        let recorded = Recorded::new();
        recorded.store.keep_exchanges(&new_run(), of_days(&["09", "10"], 1)).unwrap();
        recorded.store.keep_exchanges(&run, vec![by_rules(0, 3, "new")]).unwrap();
        assert_eq!(given_of_days(&recorded.store, Policy::Once, "", asks), expected);
    }
}

#[test]
fn what_rules_of_now_recorded_comes_behind_all_that_they_make_one_of() {
    let now = || NewRun { job_identity: r#"{"record":{"normalise":["timestamps"]}}"#.to_owned(), ..new_run() };
    let failed = || of_account(of_day("10", ("", 0), 2, "failed"));
    let (first, later) = (of_days(&["09"], 1), of_days(&["14"], 9));
    for (first, runs, expected) in [
        (of_days(&["09", "10"], 1), vec![(now(), vec![by_rules(2, 3, "3")])], "1 2 3 send 3 send 4"),
        (of_days(&["09"], 1), vec![(now(), vec![by_rules(1, 3, "3")]), (new_run(), later)], "1 3 9 send 3 send 4"),
        ([first.clone(), vec![failed()]].concat(), vec![], "1 send 1 send 2 send 3 send 4"),
        ([first, vec![failed()]].concat(), vec![(now(), vec![by_rules(1, 3, "3")])], "1 3 send 2 send 3 send 4"),
    ] {
        let (_directory, store) = fixture_with(first.clone(), runs.clone());
        assert_eq!(asked_of_days(&[&store], Mode::Auto, Policy::Once, "", 5), expected);
        let all = runs.into_iter().flat_map(|(_, exchanges)| exchanges);
        let (_other, store) = fixture_with(first.into_iter().chain(all).collect(), Vec::new());
        assert_eq!(asked_of_days(&[&store], Mode::Auto, Policy::Once, "", 5), expected, "written anew");
    }
}

#[test]
fn stores_that_lie_together_hide_of_each_other_what_had_the_same_key() {
    let (_directory, fixture) = fixture_with(of_days(&["09", "10", "11"], 1), Vec::new());
    let beside = Recorded::new();
    beside.store.keep_exchanges(&new_run(), of_days(&["12"], 4)).unwrap();
    let stores = [&beside.store, &fixture];
    for (mode, last) in [(Mode::Replay, "miss 4"), (Mode::Auto, "send 4")] {
        assert_eq!(asked_of_days(&stores, mode, Policy::Once, "", 5), format!("1 2 3 4 {last}"));
    }
    beside.store.keep_exchanges(&new_run(), of_days(&["10"], 5)).unwrap();
    assert_eq!(asked_of_days(&stores, Mode::Replay, Policy::Once, "", 5), "1 3 4 5 miss 4");
}

#[test]
fn runs_that_record_anew_hide_no_other_day() {
    let anew = || NewRun { mode: Mode::Record.as_str().to_owned(), ..new_run() };
    let recorded = Recorded::new();
    recorded.store.keep_exchanges(&anew(), of_days(&["09"], 1)).unwrap();
    recorded.store.keep_exchanges(&anew(), of_days(&["14"], 2)).unwrap();
    assert_eq!(given_of_days(&recorded.store, Policy::Once, "", 3), "1 2 miss 2");
    assert_eq!(given_of_days(&recorded.store, Policy::Cycle, "", 3), "1 2 1");
    let options = PlaybackOptions { mode: Mode::Replay, rules: of_any_day(), ..PlaybackOptions::default() };
    let playback = Playback::new(vec![recorded.store.clone()], options).unwrap();
    for expected in [1, 0] {
        playback.ask("", &on_day("31", &of_any_day())).unwrap();
        assert_eq!(playback.report().unwrap().unused, expected);
    }
}
