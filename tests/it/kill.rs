//! Runs that are killed, and the same command again.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use nightreel::simulate::{Latency, Options};
use sha2::{Digest as _, Sha256};

use crate::support::{Gateway, Store, Test};

const ITEMS: usize = 5_000;
const IN_FLIGHT: usize = 32;

const JOB: &str = r#"
[input]
path = "rows.jsonl"
format = "requests"
[limits]
in_flight = 32
"#;

/// What a run's settled items add up to: items, attempts, tokens in, tokens out, cost.
type Totals = (u64, u64, i64, i64, String);

fn body(row: usize) -> String {
    format!(r#"{{"model":"openai/gpt-5-mini","messages":[{{"role":"user","content":"Row {row}"}}]}}"#)
}

fn test() -> Test {
    let rows = (0..ITEMS).fold(String::new(), |mut rows, row| {
        writeln!(rows, "{}", body(row)).unwrap();
        rows
    });
    Test::new().job(JOB).file("rows.jsonl", rows)
}

fn gateway() -> Gateway {
    Gateway::with(Options { latency: Latency::Fixed(Duration::from_millis(15)), ..Options::default() })
}

fn sha256(body: &str) -> String {
    Sha256::digest(body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn totals(store: &Store) -> Totals {
    let sum = |column: &str| store.value(&format!("SELECT sum({column}) FROM attempts WHERE settling = 1"));
    let cost: f64 = store.value("SELECT sum(cost_usd) FROM attempts WHERE settling = 1");
    (
        store.count("SELECT count(*) FROM items"),
        store.count("SELECT count(*) FROM attempts WHERE settling = 1"),
        sum("prompt_tokens"),
        sum("completion_tokens"),
        format!("{cost:.6}"),
    )
}

/// The results without the one thing that a clock decides.
fn results(test: &Test) -> Vec<serde_json::Value> {
    let mut lines = test.json_lines("results.jsonl");
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("latency_ms").unwrap();
    }
    lines
}

#[test]
fn a_run_killed_five_times_settles_every_item_once_and_comes_to_the_same() {
    let bodies: HashMap<String, usize> = (0..ITEMS).map(|row| (sha256(&body(row)), row)).collect();
    let (test, gateway) = (test(), gateway());
    let mut seen: HashSet<usize> = HashSet::new();
    let mut settled: HashSet<usize> = HashSet::new();
    // The place in the journal where each session begins.
    let mut begins = 0;
    for moment in [Some(1), Some(600), Some(1_500), Some(2_700), Some(3_900), None] {
        let run = test.run_job().to(&gateway).output("results.jsonl");
        if let Some(moment) = moment {
            let mut running = run.start();
            running.until("requests to be killed in", |_| gateway.requests() >= moment);
            assert_eq!(running.kill().signal, Some(9));
            assert!(!test.path("results.jsonl").exists(), "there are results of a run that was killed");
        } else {
            run.run();
        }
        let journal = gateway.journal();
        let session: Vec<usize> = journal[begins..].iter().map(|line| bodies[&line.body_sha256]).collect();
        begins = journal.len();
        let asked: HashSet<usize> = session.iter().copied().collect();
        assert_eq!(asked.len(), session.len(), "a session sent a request twice");
        let again = asked.intersection(&settled).count();
        assert_eq!(again, 0, "items that were settled were sent again");
        let twice = asked.intersection(&seen).count();
        assert!(twice <= IN_FLIGHT, "{twice} requests were received again after one kill");
        seen.extend(asked);
        if let Some(path) = Some(test.path("nightreel.db")).filter(|path| path.exists()) {
            let store = Store::open(&path);
            store.assert_whole();
            let now = store.rows("SELECT position FROM items", |row| Ok(row.get::<_, u32>(0)? as usize));
            assert_eq!(now.iter().collect::<HashSet<_>>().len(), now.len());
            assert!(settled.iter().all(|position| now.contains(position)), "settled items were lost");
            settled.extend(now);
        }
    }
    assert_eq!(settled.len(), ITEMS);
    let store = test.store();
    assert_eq!(store.count("SELECT count(*) FROM run"), 1);
    assert_eq!(store.value::<String>("SELECT ended FROM runs"), "complete");
    assert_eq!(store.count("SELECT count(*) FROM attempt"), ITEMS as u64);

    let control = self::test();
    control.run_job().to(&Gateway::new()).output("results.jsonl").run();
    assert_eq!(totals(&store), totals(&control.store()));
    assert!(results(&test) == results(&control), "the results differ from those of a run that was never killed");
    test.replay_job().output("replay.jsonl").run();
    assert!(test.bytes("replay.jsonl") == test.bytes("results.jsonl"), "the replay differs");
}

#[test]
fn a_killed_run_can_be_replayed_as_far_as_it_came() {
    let (test, gateway) = (test(), gateway());
    let mut running = test.run_job().to(&gateway).start();
    running.until("two hundred requests", |_| gateway.requests() >= 200);
    running.kill();
    test.replay_job().output("replay.jsonl").status(4).run();
    let settled = test.store().count("SELECT count(*) FROM items");
    let ok = test.json_lines("replay.jsonl").iter().filter(|line| line["outcome"] == "ok").count();
    assert_eq!(ok as u64, settled);
}

#[test]
fn the_attempts_of_a_killed_run_stay() {
    let job = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";
    let test = Test::new().job(job).file("rows.csv", "q\nx\n");
    let faults = "server_error=1".parse().unwrap();
    let failing = Gateway::with(Options { faults, ..Options::default() });
    let mut running = test.run_job().to(&failing).and(["--set", "retry.attempts=100"]).start();
    running.until("two attempts", |_| failing.requests() >= 3);
    running.kill();
    test.run_job().to(&Gateway::new()).output("results.jsonl").run();
    let classes = test.store().rows("SELECT class, number FROM attempts ORDER BY number", |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))
    });
    let numbers: Vec<u32> = classes.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, (1..=u32::try_from(classes.len()).unwrap()).collect::<Vec<_>>(), "{classes:?}");
    assert!(classes.len() >= 3 && classes.last().unwrap().0 == "answered", "{classes:?}");
}
