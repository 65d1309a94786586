//! Disks that are full.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Call, Ending, FaultyGateway, Gateway, Namespace, Play, Served, Store, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

/// A test with 3,000 rows, and a disk of so many kilobytes in its directory `disk`.
fn small_disk(kilobytes: u32) -> (Test, Option<Namespace>) {
    let rows: String = (0..3_000).map(|row| format!("question {row}\n")).collect();
    let test = Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"));
    let disk = test.path("disk");
    fs::create_dir(&disk).unwrap();
    let namespace = Namespace::new(&format!("mount -t tmpfs -o size={kilobytes}k tmpfs '{}'", disk.display()));
    (test, namespace)
}

/// The store as it lies on the small disk, copied out.
fn copied(test: &Test, namespace: &Namespace, store: &str, name: &str) -> Store {
    namespace.sh(test.directory(), &format!("mkdir {name} && cp disk/* {name}/"));
    Store::open(&test.path(name).join(store))
}

#[test]
fn a_full_disk_stops_the_run_and_leaves_a_whole_store_that_goes_on_when_there_is_space() {
    let (test, namespace) = small_disk(1024);
    let Some(namespace) = namespace else { return };
    let gateway = Gateway::new();
    let run = || {
        let args = ["--store", "disk/nightreel.db", "--in-flight", "32", "--budget", "1000"];
        test.run_job().to(&gateway).and(args).under(namespace.inside(test.directory()))
    };
    let (mut settled, mut sent) = (0, 0);
    for copy in ["first", "second"] {
        run().status(5).stderr_contains("the disk is full").run();
        let store = copied(&test, &namespace, "nightreel.db", copy);
        store.assert_whole();
        let lost = (gateway.requests() - sent).saturating_sub(store.count("SELECT count(*) FROM items") - settled);
        assert!(lost <= 32, "{lost} answers of the {copy} run were lost, with 32 in flight");
        let attempts = store.count("SELECT count(*) FROM attempts");
        let told = store.count("SELECT coalesce(sum(requests), 0) FROM in_flight");
        let received = gateway.requests();
        assert!(received <= attempts + told, "{copy}: {attempts} kept and {told} in flight of {received}");
        settled = store.count("SELECT count(*) FROM items");
        sent = gateway.requests();
    }
    assert!(settled < 3_000);

    namespace.sh(test.directory(), "mount -o remount,size=64m disk");
    run().output("results.jsonl").run();
    let after = copied(&test, &namespace, "nightreel.db", "third");
    after.assert_whole();
    assert_eq!(after.count("SELECT count(*) FROM items"), 3_000);
    assert_eq!(after.count("SELECT count(*) FROM run"), 1);
    assert_eq!(gateway.requests() - sent, 3_000 - settled, "what was settled was sent again");
    assert_eq!(test.json_lines("results.jsonl").len(), 3_000);
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_leaves_a_whole_store() {
    let rows: String = (0..3_000).map(|row| format!("question {row}\n")).collect();
    let test = Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"));
    let gateway = Gateway::new();
    let run = || test.run_job().to(&gateway).and(["--in-flight", "32"]);
    let limited = |call: Call, blocks| call.under(["sh", "-c", &format!("ulimit -f {blocks}; exec \"$@\""), "sh"]);
    limited(run(), 512).status(5).stderr_contains("a limit on the size of files (ulimit -f)").run();
    let store = Store::open(&test.path("nightreel.db"));
    store.assert_whole();
    let settled = store.count("SELECT count(*) FROM items");
    assert!(settled > 0, "nothing was kept");
    assert!(gateway.requests() - settled <= 32, "{} were sent, {settled} kept", gateway.requests());
    drop(store);
    run().run();
    limited(test.args(["export", "latest", "-o", "results.jsonl"]), 8)
        .status(5)
        .stderr_contains("File too large")
        .run();
    assert!(!test.path("results.jsonl").exists());
}

/// A text that does not get shorter when it is compressed.
fn noise(seed: usize, length: usize) -> String {
    let mut state = seed as u64 + 1;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + u8::try_from((state >> 33) % 64).unwrap()).to_ascii_lowercase()
    };
    (0..length).map(letter).map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

#[test]
fn a_server_says_that_the_disk_is_full_and_counts_what_the_lost_answer_cost() {
    let (test, namespace) = small_disk(1024);
    let Some(namespace) = namespace else { return };
    let gateway = FaultyGateway::new(|received| {
        let content = noise(received.body.len(), 150_000);
        let choice = json!({"message": {"content": content}, "finish_reason": "stop"});
        Play::Answer(200, "", json!({"choices": [choice], "usage": {"cost": 0.5}}).to_string())
    });
    let args = ["serve", "--mode", "record", "--listen", "0", "--store", "disk/served.db", "--report", "report.json"];
    let server = Served::start(test.args(args).to(&gateway).under(namespace.inside(test.directory())));
    let ask = |number: usize| server.chat(json!({"model": "m", "prompt": "x".repeat(number)}).to_string()).answer();
    let lost = (0..100).find(|number| ask(*number).ending != Ending::Whole).expect("the disk is full at some time");
    let refused = ask(lost + 1);
    assert_eq!(refused.status, 500);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("the disk is full"), "{message}");
    let output = server.stop();
    assert_eq!(output.status, Some(5), "{}", output.stderr);
    assert!(output.stderr.contains("the disk is full"), "{}", output.stderr);
    let report: Value = serde_json::from_slice(&test.bytes("report.json")).unwrap();
    let sent = report["live"].as_u64().unwrap();
    assert_eq!((sent, gateway.received().len() as u64), (lost as u64 + 1, sent), "nothing is sent any more");
    assert_eq!(report["live_cost_usd"], json!(f64::from(u32::try_from(sent).unwrap()) / 2.0));
    assert_eq!(report["refusals"], 1);
    let store = copied(&test, &namespace, "served.db", "after");
    store.assert_whole();
    assert_eq!(store.count("SELECT count(*) FROM items"), lost as u64);
}

#[test]
fn results_that_do_not_fit_are_told_and_the_run_stays_complete() {
    let (test, namespace) = small_disk(256);
    let Some(namespace) = namespace else { return };
    let gateway = Gateway::new();
    let run = || test.run_job().to(&gateway).output("disk/results.jsonl").under(namespace.inside(test.directory()));
    let says = "nightreel: cannot write the results to disk/results.jsonl: No space left on device (os error 28)";
    run().status(5).stderr_contains(says).run();
    assert_eq!(gateway.requests(), 3_000);
    namespace.sh(test.directory(), "test -z \"$(ls -A disk)\" && mount -o remount,size=64m disk");
    run().run();
    assert_eq!(gateway.requests(), 3_000);
    namespace.sh(test.directory(), "cp disk/results.jsonl results.jsonl");
    assert_eq!(test.json_lines("results.jsonl").len(), 3_000);
}
