//! Exchanges in and out of a store, and fixtures.

use crate::model::{Exchange, Request};

use super::*;

fn asked(body: &str, occurrence: u32, answer: &str) -> Exchange {
    let body = Bytes::from(body.to_owned());
    let request = Request::new(Endpoint::ChatCompletions, "m".into(), body, &KeyRules::default()).unwrap();
    let attempt = attempt(1, Class::Answered, Ok(reply(answer.to_owned())));
    Exchange { request, session: None, occurrence, attempt }
}

fn in_session(session: &str, exchange: Exchange) -> Exchange {
    Exchange { session: Some(session.into()), ..exchange }
}

fn some() -> Vec<Exchange> {
    let large = format!("{{\"prompt\":\"{}\"}}", "x".repeat(20_000));
    vec![
        asked(r#"{"prompt":"b"}"#, 0, "{}"),
        asked(&large, 0, &format!("{{\"a\":\"{}\"}}", "y".repeat(9_000))),
        in_session("one", asked(r#"{"prompt":"b"}"#, 0, "[1]")),
        asked(r#"{"prompt":"b"}"#, 1, "[2]"),
        asked(r#"{"prompt":"a"}"#, 0, "[3]"),
    ]
}

fn read(store: &Store) -> Vec<Exchange> {
    let mut reader = store.reader().unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = reader.exchanges(RunId(1), after, 2).unwrap();
        let Some(last) = page.last() else { return found };
        after = Some(last.id);
        found.extend(page.into_iter().map(|kept| kept.exchange));
    }
}

#[test]
fn exchanges_come_back_as_they_were_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let run = store.keep_exchanges(&new_run("import"), some()).unwrap();
    assert_eq!(read(&store), some());
    let run = store.reader().unwrap().run(run).unwrap();
    assert_eq!((run.begun.item_count, run.ended.as_deref()), (5, Some("complete")));
}

#[test]
fn the_same_exchanges_in_any_order_are_the_same_fixture() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut reversed = some();
    reversed.reverse();
    write_fixture(&path("a.db"), some()).unwrap();
    write_fixture(&path("b.db"), reversed).unwrap();
    let store = Store::open(&path("a.db"), Access::ReadOnly).unwrap();
    write_fixture(&path("c.db"), read(&store)).unwrap();
    let bytes = |name: &str| std::fs::read(path(name)).unwrap();
    assert_eq!(bytes("a.db"), bytes("b.db"));
    assert_eq!(bytes("a.db"), bytes("c.db"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3, "nothing is left beside them");
}

#[test]
fn a_fixture_holds_each_occurrence_once_and_the_later_one_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.db");
    write_fixture(&path, [asked("{}", 0, "[1]"), asked("{}", 1, "[2]"), asked("{}", 0, "[3]")]).unwrap();
    let found = read(&Store::open(&path, Access::ReadOnly).unwrap());
    assert_eq!(found, [asked("{}", 0, "[3]"), asked("{}", 1, "[2]")]);
}

#[test]
fn a_fixture_that_cannot_be_written_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nowhere/f.db");
    let error = write_fixture(&path, some()).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn an_empty_fixture_is_a_store_without_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.db");
    write_fixture(&path, []).unwrap();
    assert!(Store::open(&path, Access::ReadOnly).unwrap().reader().unwrap().runs().unwrap().is_empty());
}

#[test]
fn a_place_says_whether_its_attempt_stands() {
    let ends = [Ok(End::Complete), Ok(End::Reset), Ok(End::GivenUp), Err(FaultKind::TimedOut), Err(FaultKind::GivenUp)];
    let attempts = Class::ALL.into_iter().flat_map(|class| {
        ends.map(|end| {
            let came = end.map(|end| Reply { end, ..reply("{}") });
            attempt(1, class, came.map_err(|kind| Fault { kind, message: "it".to_owned() }))
        })
    });
    let forbidden =
        [Class::Rejected, Class::Blocked].map(|class| attempt(1, class, Ok(Reply { status: 403, ..reply("{}") })));
    assert_eq!([&forbidden[0], &forbidden[1]].map(Attempt::stands), [false, true]);
    let exchanges: Vec<Exchange> = attempts
        .chain(forbidden)
        .zip(0..)
        .map(|(attempt, number)| Exchange { attempt, ..asked(&format!("{{\"prompt\":{number}}}"), 0, "{}") })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.db");
    write_fixture(&path, exchanges.clone()).unwrap();
    let mut reader = Store::open(&path, Access::ReadOnly).unwrap().reader().unwrap();
    for exchange in exchanges {
        let [place] = <[_; 1]>::try_from(reader.places(&exchange.request.key).unwrap()).unwrap();
        assert_eq!(place.stands, exchange.attempt.stands(), "{:?}", exchange.attempt);
    }
}

#[test]
fn a_log_that_a_killed_process_left_does_not_get_into_what_takes_the_place_of_its_store() {
    let fixture = Fixture::new();
    let reader = fixture.reader();
    fixture.write(vec![settled(fixture.run, 0, body("a"), "{}")]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.db");
    let log = directory.path().join("f.db-wal");
    // The reader keeps the log from being folded: these are what a killed process leaves.
    std::fs::copy(fixture.store.path(), &path).unwrap();
    std::fs::copy(fixture.store.path().with_extension("db-wal"), &log).unwrap();
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    drop(reader);
    write_fixture(&path, some()).unwrap();
    assert!(!log.exists());
    assert_eq!(read(&Store::open(&path, Access::ReadOnly).unwrap()).len(), 5);
}

#[test]
fn a_store_that_somebody_writes_is_not_replaced() {
    let fixture = Fixture::new();
    let writing = fixture.store.writing().unwrap();
    let refused = write_fixture(fixture.store.path(), some());
    assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
    assert_eq!(fixture.reader().runs().unwrap().len(), 1);
    drop(writing);
    write_fixture(fixture.store.path(), some()).unwrap();
    let lost = fixture.store.begin_run(&new_run("job"));
    assert!(matches!(lost, Err(StoreError::Replaced { .. })), "{lost:?}");
    assert!(matches!(fixture.store.fold(), Err(StoreError::Replaced { .. })));
}

#[test]
fn the_index_in_memory_finds_what_a_search_in_the_file_does() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let numbered = |number: u32| asked(&format!("{{\"prompt\":{number}}}"), 0, "{}");
    store.keep_exchanges(&new_run("one"), some()).unwrap();
    store.keep_exchanges(&new_run("two"), some().into_iter().chain((0..500).map(numbered))).unwrap();
    let mut reader = store.reader().unwrap();
    let index = reader.key_index(1 << 20, || true).unwrap().unwrap();
    let asked = some().into_iter().chain((0..600).map(numbered)).map(|exchange| exchange.request.key);
    let counts: Vec<usize> = asked
        .map(|key| {
            let places = reader.places_in(&index, &key).unwrap();
            assert_eq!(places, reader.places(&key).unwrap());
            places.len()
        })
        .collect();
    assert_eq!(counts[..5], [6, 2, 6, 6, 2]);
    assert_eq!((counts[5..505].iter().sum::<usize>(), counts[505..].iter().sum()), (500, 0));
}

#[test]
fn an_index_that_would_not_be_whole_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let is_read =
        |most_bytes, is_wanted: bool| store.reader().unwrap().key_index(most_bytes, || is_wanted).unwrap().is_some();
    assert!(!is_read(1 << 20, true), "it is empty");
    store.keep_exchanges(&new_run("one"), some()).unwrap();
    assert_eq!([is_read(1 << 20, true), is_read(1 << 20, false), is_read(100, true)], [true, false, false]);
    // A run begins, and nobody ends it.
    store.begin_run(&new_run("two")).unwrap();
    assert!(!is_read(1 << 20, true));
}
