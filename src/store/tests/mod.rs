//! The store as its users see it: what was written comes back, whoever reads it and when.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{
    Attempt, Chunk, Class, End, Endpoint, Fault, FaultKind, Header, Key, KeyRules, Outcome, Reply, Success, Timing,
};

use super::*;

mod fixtures;
mod in_flight;
mod money;

fn new_run(job: &str) -> NewRun {
    NewRun {
        job: job.to_owned(),
        job_file: format!("{job}.toml"),
        job_identity: "{}".to_owned(),
        job_description: "{}".to_owned(),
        input: "rows.csv".to_owned(),
        input_hash: [7; 32],
        mode: "auto".to_owned(),
        simulated: false,
        continues: None,
        row_count: 2,
        item_count: 2,
        started_at_ms: 1_000,
    }
}

fn reply(body: impl Into<Bytes>) -> Reply {
    Reply {
        status: 200,
        headers: vec![
            Header { name: "content-type".to_owned(), value: "application/json".to_owned() },
            Header { name: "x-note".to_owned(), value: "one".to_owned() },
            Header { name: "x-note".to_owned(), value: "two".to_owned() },
        ],
        body: body.into(),
        chunks: vec![Chunk { offset_us: 5, length: 3 }, Chunk { offset_us: 9, length: 4 }],
        end: End::Complete,
    }
}

fn attempt(number: u32, class: Class, reply: Result<Reply, Fault>) -> Attempt {
    let timing = Timing { queued_us: 1, first_byte_us: 2, total_us: 3 };
    let cost_usd = (class == Class::Answered).then_some(0.25);
    Attempt { number, sent_at_ms: 1_234, timing, reply, class, cost_usd, assumed_cost_usd: None }
}

fn facts() -> Facts {
    Facts {
        prompt_tokens: Some(10),
        completion_tokens: Some(5),
        served_model: Some("served".to_owned()),
        provider: Some("provider".to_owned()),
        finish_reason: Some("stop".to_owned()),
        tells_cost: true,
    }
}

fn body(text: &str) -> Bytes {
    format!("{{\"model\":\"m\",\"prompt\":\"{text}\"}}").into()
}

fn exchange(run: RunId, position: u32, request: Bytes) -> Arc<ExchangeRecord> {
    let key = Key::of(Endpoint::ChatCompletions, &request, &KeyRules::default()).unwrap();
    let id = run.item(position).exchange(0);
    Arc::new(ExchangeRecord { id, key, occurrence: 0, session: None, endpoint: Endpoint::ChatCompletions, request })
}

fn item(run: RunId, position: u32, outcome: Outcome) -> ItemRecord {
    let row = RowRecord {
        number: position + 1,
        id: format!("row-{position}"),
        line: 2,
        fields: format!("{{\"q\":{position}}}").into(),
    };
    let error = (outcome != Outcome::Ok).then(|| format!("it failed with id {position}"));
    ItemRecord { id: run.item(position), row: Arc::new(row), model: "m".into(), sample: 0, outcome, error }
}

struct Fixture {
    _directory: tempfile::TempDir,
    store: Store,
    run: RunId,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("nightreel.db"), Access::ReadWrite).unwrap();
        let run = store.begin_run(&new_run("job")).unwrap();
        Self { _directory: directory, store, run }
    }

    /// Writes records, and gives the notes of those that are on the disk.
    fn write(&self, records: Vec<Record>) -> Vec<usize> {
        write_as(&self.store, "job", records)
    }

    fn reader(&self) -> Reader {
        self.store.reader().unwrap()
    }
}

fn write_as(store: &Store, job: &str, records: Vec<Record>) -> Vec<usize> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let lease = store.lease(job, false, 1_000).unwrap();
    let options = WriterOptions { job: job.to_owned(), run: None, lease: lease.clone(), now_ms: || 2_000 };
    let notes = runtime.block_on(async {
        let (writer, mut durable) = Writer::start(store, options).unwrap();
        let submit = writer.submit();
        for (index, record) in records.into_iter().enumerate() {
            submit.commit(record, Some(index)).await.unwrap();
        }
        drop(submit);
        let finishing = tokio::task::spawn_blocking(move || writer.finish());
        let mut notes = Vec::new();
        while let Some(batch) = durable.recv().await {
            notes.extend(batch.unwrap());
        }
        finishing.await.unwrap().unwrap();
        notes
    });
    lease.release().unwrap();
    notes
}

fn settled(run: RunId, position: u32, request: Bytes, reply_body: &str) -> Record {
    let attempt = attempt(1, Class::Answered, Ok(reply(reply_body.to_owned())));
    let item = item(run, position, Outcome::Ok);
    Record::Settled(exchange(run, position, request), Settled::Sent(attempt, facts()), Some(item))
}

#[test]
fn an_item_comes_back_with_every_byte_of_its_attempts() {
    let fixture = Fixture::new();
    let exchange = exchange(fixture.run, 0, body("q"));
    let lost = attempt(1, Class::ConnectionLost, Err(Fault { kind: FaultKind::Reset, message: "cut".to_owned() }));
    let blank = attempt(2, Class::BadBody, Ok(reply("  \n  ")));
    let good = attempt(3, Class::Answered, Ok(reply(&b"{\"a\":1}\xff\x00"[..])));
    let notes = fixture.write(vec![
        Record::Attempt(Arc::clone(&exchange), lost.clone(), Facts::default()),
        Record::Attempt(Arc::clone(&exchange), blank.clone(), Facts::default()),
        Record::Settled(
            exchange.clone(),
            Settled::Sent(good.clone(), facts()),
            Some(item(fixture.run, 0, Outcome::Ok)),
        ),
    ]);
    assert_eq!(notes, [0, 1, 2]);
    let mut reader = fixture.reader();
    let attempts = reader.attempts(fixture.run.item(0)).unwrap();
    let attempts: Vec<_> = attempts.into_iter().map(|view| (view.settling, view.attempt)).collect();
    assert_eq!(attempts, [(false, lost), (false, blank), (true, good.clone())]);
    let items = reader.items(fixture.run, 0, 10).unwrap();
    assert_eq!((items.len(), items[0].row_id.as_str(), &items[0].fields[..]), (1, "row-0", &b"{\"q\":0}"[..]));
    assert_eq!(items[0].steps[0].attempt, good);
    assert_eq!(reader.request(exchange.id).unwrap().unwrap(), exchange.request);
}

#[test]
fn failures_that_differ_in_an_id_alone_are_one_group() {
    let fixture = Fixture::new();
    let failed = Outcome::Failed(Class::ServerError);
    fixture.write((0..5).map(|position| Record::Item(item(fixture.run, position, failed))).collect());
    let failures = fixture.reader().failures(fixture.run, Success::default()).unwrap();
    assert_eq!((failures.len(), failures[0].count), (1, 5));
}

#[test]
fn an_item_that_is_asked_again_keeps_its_old_attempt_and_counts_once() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let request = body("a");
    let failed = attempt(1, Class::ServerError, Ok(reply("oops")));
    let outcome = Outcome::Failed(Class::ServerError);
    let exchange = exchange(run, 0, request.clone());
    let first = Record::Settled(exchange, Settled::Sent(failed, Facts::default()), Some(item(run, 0, outcome)));
    fixture.write(vec![first]);
    fixture.write(vec![settled(run, 0, request, "{}")]);
    let mut reader = fixture.reader();
    let totals = reader.totals(run).unwrap();
    assert_eq!((totals.settled(), totals.succeeded(Success::default()), totals.sent()), (1, 1, 2));
    let settling: Vec<_> = reader.attempts(run.item(0)).unwrap().iter().map(|view| view.settling).collect();
    assert_eq!(settling, [false, true]);
    let progress = reader.progress(run, 0, 10).unwrap();
    assert_eq!((progress[0].outcome, progress[0].exchanges[0].attempts), (Some(Outcome::Ok), 2));
}

#[test]
fn progress_tells_what_is_settled_and_what_is_not() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let waiting = attempt(1, Class::RateLimited, Ok(reply("slow down")));
    fixture.write(vec![
        settled(run, 0, body("a"), "{}"),
        Record::Attempt(exchange(run, 2, body("c")), waiting, Facts::default()),
    ]);
    let progress = fixture.reader().progress(run, 0, 10).unwrap();
    let told: Vec<_> = progress
        .iter()
        .map(|progress| (progress.item.position(), progress.outcome, progress.exchanges[0].settled))
        .collect();
    assert_eq!(told, [(0, Some(Outcome::Ok), true), (2, None, false)]);
    assert!(fixture.reader().progress(run, 3, 10).unwrap().is_empty());
}

#[test]
fn a_recording_is_found_by_key_where_its_scope_admits_it() {
    let fixture = Fixture::new();
    let (run, request) = (fixture.run, body("a"));
    fixture.write(vec![settled(run, 0, request.clone(), "{\"n\":1}")]);
    let key = Key::of(Endpoint::ChatCompletions, &request, &KeyRules::default()).unwrap();
    let all = Scope { others: true, ..Scope::default() };
    let body_of = |reader: &mut Reader, occurrence, scope| {
        let found = reader.find(&key, occurrence, scope).unwrap();
        found.map(|found| String::from_utf8(found.attempt.reply.unwrap().body.to_vec()).unwrap())
    };
    // A run that was killed has no keys in the index: a reader makes them for itself.
    assert_eq!(body_of(&mut fixture.reader(), 0, all), None);
    let mut late = fixture.reader();
    late.search_late_keys();
    assert_eq!(body_of(&mut late, 0, all), Some("{\"n\":1}".to_owned()));
    fixture.store.end_run(run, "complete", 3_000).unwrap();
    let reader = &mut fixture.reader();
    assert_eq!(body_of(reader, 0, all), Some("{\"n\":1}".to_owned()));
    assert_eq!(body_of(reader, 1, all), None);
    assert_eq!(body_of(reader, 0, Scope { simulated: Some(true), ..all }), None);
    assert_eq!(body_of(reader, 0, Scope::default()), None);
    // Another run of the same request: the newest answers, unless one is preferred.
    let newer = fixture.store.begin_run(&new_run("job")).unwrap();
    fixture.write(vec![settled(newer, 0, request.clone(), "{\"n\":2}")]);
    fixture.store.end_run(newer, "complete", 4_000).unwrap();
    let reader = &mut fixture.reader();
    assert_eq!(body_of(reader, 0, all), Some("{\"n\":2}".to_owned()));
    assert_eq!(body_of(reader, 0, Scope { preferred: Some(run), ..all }), Some("{\"n\":1}".to_owned()));
}

#[test]
fn a_failure_is_lent_to_no_other_run_that_wants_answers() {
    let fixture = Fixture::new();
    let (run, request) = (fixture.run, body("a"));
    let failed = attempt(1, Class::ServerError, Ok(reply("oops")));
    let exchange = exchange(run, 0, request);
    let key = exchange.key;
    fixture.write(vec![Record::Settled(exchange, Settled::Sent(failed, Facts::default()), None)]);
    fixture.store.end_run(run, "complete", 3_000).unwrap();
    let scope = Scope { others: true, answers_only: true, ..Scope::default() };
    assert!(fixture.reader().find(&key, 0, scope).unwrap().is_none());
    assert!(fixture.reader().find(&key, 0, Scope { preferred: Some(run), ..scope }).unwrap().is_some());
}

#[test]
fn a_replayed_exchange_points_to_the_attempt_and_counts_as_nothing_sent() {
    let fixture = Fixture::new();
    fixture.write(vec![settled(fixture.run, 0, body("a"), "{}")]);
    let attempt_id = fixture.reader().recorded(fixture.run, 0..1).unwrap()[0].attempt_id;
    let newer = fixture.store.begin_run(&new_run("job")).unwrap();
    let replayed = Settled::Replayed(attempt_id);
    let copied = Settled::Copied(attempt(1, Class::Answered, Ok(reply("{}"))), facts());
    fixture.write(vec![
        Record::Settled(exchange(newer, 0, body("a")), replayed, Some(item(newer, 0, Outcome::Ok))),
        Record::Settled(exchange(newer, 1, body("b")), copied, Some(item(newer, 1, Outcome::Ok))),
    ]);
    let mut reader = fixture.reader();
    let totals = reader.totals(newer).unwrap();
    assert_eq!((totals.settled(), totals.sent(), totals.replayed), (2, 0, 2));
    assert_eq!(reader.attempts(newer.item(0)).unwrap().len(), 1);
}

#[test]
fn large_bodies_are_kept_once_and_small_ones_learn_a_dictionary() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let large = body(&"long ".repeat(400_000));
    let mut records: Vec<Record> = (0..3).map(|position| settled(run, position, large.clone(), "{}")).collect();
    let small = |position: u32| {
        format!(
            "{{\"answer\":\"the number {position} is one of many that are alike\",\"more\":[1,2,3],\"object\":\"chat.completion\"}}"
        )
    };
    records.extend((3..1_600).map(|position| settled(run, position, body(&position.to_string()), &small(position))));
    fixture.write(records);
    let connection = fixture.store.writing().unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM body"), 1);
    assert!(count("SELECT count(*) FROM dictionary") >= 1);
    let mut reader = fixture.reader();
    assert_eq!(reader.request(run.item(2).exchange(0)).unwrap().unwrap(), large);
    for position in [3, 700, 1_599] {
        let recorded = &reader.recorded(run, position..position + 1).unwrap()[0];
        assert_eq!(recorded.attempt.reply.as_ref().unwrap().body, small(position));
    }
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    std::fs::write(&text, "a text that is long enough to be taken for the head of a database file".repeat(20)).unwrap();
    let other = directory.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    for path in [&text, &other] {
        let before = std::fs::read(path).unwrap();
        for access in [Access::ReadWrite, Access::ReadOnly] {
            assert!(matches!(Store::open(path, access), Err(StoreError::Foreign { .. })), "{}", path.display());
        }
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
    let missing = Store::open(Path::new("/nowhere/at/all.db"), Access::ReadOnly);
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
}

#[test]
fn a_store_whose_tables_cannot_be_read_is_told_from_a_file_that_is_no_store() {
    let fixture = Fixture::new();
    let path = fixture.store.path();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[100..4000].fill(0xff);
    std::fs::write(path, &bytes).unwrap();
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = Store::open(path, access).unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    }
    assert!(std::fs::read(path).unwrap() == bytes, "it is left alone");
}

#[test]
fn a_store_whose_end_is_missing_is_damaged_and_no_other_file() {
    let fixture = Fixture::new();
    let path = fixture.store.path();
    let bytes = std::fs::read(path).unwrap();
    let half = &bytes[..bytes.len() / 2];
    std::fs::write(path, half).unwrap();
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = Store::open(path, access).unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    }
    assert!(std::fs::read(path).unwrap() == half, "it is left alone");
}

#[test]
fn what_cannot_be_a_stores_is_told_as_damage_in_its_file() {
    use rusqlite::types::Type;
    for error in [
        rusqlite::Error::QueryReturnedNoRows,
        rusqlite::Error::InvalidColumnType(1, "text".to_owned(), Type::Text),
        rusqlite::Error::IntegralValueOutOfRange(1, -1),
    ] {
        let error = StoreError::from(error).in_file(Path::new("a.db"));
        assert!(error.to_string().starts_with("a.db is a nightreel store that is damaged: it holds "), "{error}");
    }
    let other = StoreError::NoRun(1).in_file(Path::new("a.db"));
    assert!(matches!(other, StoreError::NoRun(1)), "{other}");
}

#[test]
fn a_newer_store_is_refused_with_its_version() {
    let fixture = Fixture::new();
    fixture.store.writing().unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(fixture.store.path(), Access::ReadWrite).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn a_new_store_can_be_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let mode = std::fs::metadata(fixture.store.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn two_processes_worth_of_writers_do_not_get_in_each_others_way() {
    let fixture = Fixture::new();
    let other = fixture.store.begin_run(&new_run("other")).unwrap();
    let records = |run| (0..500).map(|position| settled(run, position, body("x"), "{}")).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        scope.spawn(|| fixture.write(records(fixture.run)));
        scope.spawn(|| write_as(&fixture.store, "other", records(other)));
    });
    for run in [fixture.run, other] {
        assert_eq!(fixture.reader().totals(run).unwrap().settled(), 500);
    }
}

#[test]
fn the_views_for_people_can_be_read() {
    let fixture = Fixture::new();
    let change = LimitChange {
        run: fixture.run,
        lane: None,
        at_ms: 5,
        what: Limit::Paused,
        was: Some(0.0),
        now: Some(1.0),
        reason: "asked for".to_owned(),
    };
    fixture.write(vec![settled(fixture.run, 0, body("a"), "{}"), Record::LimitChange(change)]);
    let connection = fixture.store.writing().unwrap();
    for view in ["runs", "items", "exchanges", "attempts", "limit_changes"] {
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {view} WHERE run = 1"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1, "{view}");
    }
}

#[test]
fn a_store_can_be_made_by_many_at_once() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nightreel.db");
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    let store = Store::open(&path, Access::ReadWrite).unwrap();
                    store.begin_run(&new_run("job")).unwrap();
                });
            }
        });
        let store = Store::open(&path, Access::ReadOnly).unwrap();
        assert_eq!(store.reader().unwrap().runs().unwrap().len(), 8);
    }
}

#[test]
fn a_store_at_rest_is_one_file_in_which_a_reader_finds_what_others_write() {
    let fixture = Fixture::new();
    let beside = |ending: &str| fixture.store.path().with_extension(format!("db{ending}")).exists();
    fixture.store.fold().unwrap();
    let held = fixture.reader();
    held.hold().unwrap();
    assert_eq!((held.runs().unwrap().len(), beside("-wal"), beside("-shm")), (1, false, false));
    held.let_go().unwrap();
    let second = fixture.store.begin_run(&new_run("job")).unwrap();
    held.hold().unwrap();
    assert_eq!(held.runs().unwrap().len(), 2);
    fixture.store.end_run(second, "complete", 3_000).unwrap();
    assert_eq!(held.run(second).unwrap().ended, None, "it holds the state from before");
    held.let_go().unwrap();
    assert_eq!(held.run(second).unwrap().ended.as_deref(), Some("complete"));
    // It has the log open, so it is the one that removes it.
    fixture.store.fold().unwrap();
    drop(held);
    assert!(!beside("-wal") && !beside("-shm"));
    let bytes = std::fs::read(fixture.store.path()).unwrap();
    assert_eq!(fixture.reader().runs().unwrap().len(), 2);
    assert!(std::fs::read(fixture.store.path()).unwrap() == bytes);
}

#[test]
fn a_reader_cannot_write() {
    let fixture = Fixture::new();
    let mut reader = fixture.reader();
    reader.index_late_keys().unwrap();
    let written = reader.connection.execute("DELETE FROM run", []);
    assert!(written.unwrap_err().to_string().contains("readonly"));
}
