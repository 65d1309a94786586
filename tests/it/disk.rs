//! Disks that are full.

use std::fs;

use crate::support::{Gateway, Namespace, Store, Test};

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
fn copied(test: &Test, namespace: &Namespace, name: &str) -> Store {
    namespace.sh(test.directory(), &format!("mkdir {name} && cp disk/* {name}/"));
    Store::open(&test.path(name).join("nightreel.db"))
}

#[test]
fn a_full_disk_stops_the_run_and_leaves_a_whole_store_that_goes_on_when_there_is_space() {
    let (test, namespace) = small_disk(1024);
    let Some(namespace) = namespace else { return };
    let gateway = Gateway::new();
    let run = || {
        let args = ["--store", "disk/nightreel.db", "--in-flight", "32"];
        test.run_job().to(&gateway).and(args).under(namespace.inside(test.directory()))
    };
    let (mut settled, mut sent) = (0, 0);
    for copy in ["first", "second"] {
        run().status(5).stderr_contains("the disk is full").run();
        let store = copied(&test, &namespace, copy);
        store.assert_whole();
        let lost = (gateway.requests() - sent).saturating_sub(store.count("SELECT count(*) FROM items") - settled);
        assert!(lost <= 32, "{lost} answers of the {copy} run were lost, with 32 in flight");
        settled = store.count("SELECT count(*) FROM items");
        sent = gateway.requests();
    }
    assert!(settled < 3_000);

    namespace.sh(test.directory(), "mount -o remount,size=64m disk");
    run().output("results.jsonl").run();
    let after = copied(&test, &namespace, "third");
    after.assert_whole();
    assert_eq!(after.count("SELECT count(*) FROM items"), 3_000);
    assert_eq!(after.count("SELECT count(*) FROM run"), 1);
    assert_eq!(gateway.requests() - sent, 3_000 - settled, "what was settled was sent again");
    assert_eq!(test.json_lines("results.jsonl").len(), 3_000);
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
