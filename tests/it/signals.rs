//! Ctrl-C and its relatives.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use nightreel::simulate::{Latency, Options};
use rustix::process::Signal;

use crate::support::{Gateway, Test, until};

const ITEMS: u64 = 200;

const JOB: &str = r#"
[input]
path = "rows.csv"
[request]
models = ["m"]
prompt = "{{ q }}"
[limits]
in_flight = 8
"#;

fn test() -> Test {
    let rows: String = (0..ITEMS).map(|row| format!("question {row}\n")).collect();
    Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"))
}

fn gateway(latency: Duration) -> Gateway {
    Gateway::with(Options { latency: Latency::Fixed(latency), ..Options::default() })
}

#[test]
fn one_signal_saves_what_is_in_flight_and_the_same_command_goes_on() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (test, slow, quick) = (test(), gateway(Duration::from_millis(300)), Gateway::new());
        let mut running = test.run_job().to(&slow).output("results.jsonl").start();
        running.until("some requests", |_| slow.requests() >= 12);
        running.signal(signal);
        let stopped = running.wait();
        assert_eq!(stopped.status, Some(3), "{signal:?}: {}", stopped.stderr);
        let settled = test.store().count("SELECT count(*) FROM items WHERE outcome = 'ok'");
        assert_eq!(settled, slow.requests(), "an answer that was in flight was not saved");
        assert!(settled < ITEMS);
        for part in [
            "stopped: stopped by a signal",
            &format!("{settled} settled items are kept; the same command goes on with the rest"),
            "results.jsonl is written when the run is complete",
        ] {
            assert!(stopped.stderr.contains(part), "{part:?} is missing in\n{}", stopped.stderr);
        }
        assert!(!test.path("results.jsonl").exists());
        test.run_job().to(&quick).output("results.jsonl").run();
        assert_eq!(slow.requests() + quick.requests(), ITEMS);
        assert_eq!(test.json_lines("results.jsonl").len() as u64, ITEMS);
    }
}

/// A CSV of ninety million rows, which take minutes to check, in a file of some hundred kilobytes.
fn endless_rows() -> Vec<u8> {
    let member = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let block = member(&b"x\n".repeat(300_000));
    [member(b"q\n"), block.repeat(300)].concat()
}

#[test]
fn a_signal_while_the_input_is_checked_is_heard_and_no_run_begins() {
    for command in ["run", "replay"] {
        let test = test();
        test.run_job().to(&Gateway::new()).run();
        test.write("endless.csv.gz", endless_rows());
        let args = [command, "job.toml", "--input", "endless.csv.gz", "--progress", "lines"];
        let mut running = test.args(args).start();
        running.until("word of the check", |running| running.stderr().contains("checking the input"));
        running.signal(Signal::INT);
        let begun = Instant::now();
        let stopped = running.wait();
        assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
        assert_eq!(stopped.status, Some(3), "{command}: {}", stopped.stderr);
        assert_eq!(test.store().count("SELECT count(*) FROM run"), 1);
    }
}

#[test]
fn an_input_that_never_ends_does_not_keep_a_signal_from_being_heard() {
    for command in ["run", "replay"] {
        let test = test();
        test.run_job().to(&Gateway::new()).run();
        let made = Command::new("mkfifo").arg(test.path("rows.fifo")).status().unwrap();
        assert!(made.success());
        // It stays open, and nothing more comes.
        let mut rows = OpenOptions::new().read(true).write(true).open(test.path("rows.fifo")).unwrap();
        rows.write_all(b"q\nquestion 0\n").unwrap();
        let args = [command, "job.toml", "--input", "-", "--set", "input.format=csv", "--progress", "none"];
        let mut running = test.args(args).stdin("rows.fifo").start();
        running.until("the first row to be read", |_| rustix::io::ioctl_fionread(&rows).unwrap() == 0);
        running.signal(Signal::INT);
        running.signal(Signal::TERM);
        let stopped = running.wait();
        assert!(stopped.status == Some(3) || stopped.signal.is_some(), "{command}: {stopped:?}");
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once_and_loses_nothing_that_was_settled() {
    for second in [Signal::INT, Signal::TERM] {
        let test = test();
        let quick = Gateway::new();
        test.run_job().to(&quick).and(["--limit", "50"]).run();
        let slow = gateway(Duration::from_mins(10));
        let mut running = test.run_job().to(&slow).start();
        running.until("eight requests in flight", |_| slow.stats().in_flight == 8);
        running.signal(Signal::INT);
        running.until("word of the first signal", |running| running.stderr().contains("stopping: stopped by a signal"));
        let begun = Instant::now();
        // One that comes with the first is no second one: it is sent until it counts.
        until("the end", || {
            let ended = running.has_ended();
            if !ended {
                running.signal(second);
            }
            ended
        });
        let stopped = running.wait();
        assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
        assert_eq!(stopped.status, Some(3), "{}", stopped.stderr);
        let store = test.store();
        store.assert_whole();
        assert_eq!(store.count("SELECT count(*) FROM items"), 50);
        test.run_job().to(&quick).run();
        assert_eq!(quick.requests(), ITEMS);
    }
}

#[test]
fn what_is_in_flight_is_waited_for_no_longer_than_the_drain() {
    let (test, gateway) = (test(), gateway(Duration::from_mins(10)));
    let mut running = test.run_job().to(&gateway).and(["--drain", "1"]).start();
    running.until("eight requests in flight", |_| gateway.stats().in_flight == 8);
    running.signal(Signal::INT);
    let begun = Instant::now();
    let stopped = running.wait();
    assert!(begun.elapsed() >= Duration::from_millis(900), "it took {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    assert_eq!(stopped.status, Some(3));
}

#[test]
fn a_signal_during_a_pause_between_attempts_is_heard_at_once() {
    let faults = "rate_limited=1".parse().unwrap();
    let gateway = Gateway::with(Options { faults, retry_after: Duration::from_mins(5), ..Options::default() });
    let test = test();
    let mut running = test.run_job().to(&gateway).start();
    running.until("a refusal that is in the store", |_| {
        let store = test.path("nightreel.db");
        gateway.requests() > 0
            && store.exists()
            && test.store().count("SELECT count(*) FROM sqlite_schema WHERE name = 'attempts'") == 1
            && test.store().count("SELECT count(*) FROM attempts") > 0
    });
    let begun = Instant::now();
    running.signal(Signal::TERM);
    assert_eq!(running.wait().status, Some(3));
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
}

#[test]
fn requests_that_were_given_up_are_on_record_since_they_may_be_billed() {
    let (test, gateway) = (test(), gateway(Duration::from_mins(10)));
    let mut running = test.run_job().to(&gateway).and(["--drain", "1"]).start();
    running.until("eight requests in flight", |_| gateway.stats().in_flight == 8);
    running.signal(Signal::INT);
    let stopped = running.wait();
    assert_eq!(test.store().count("SELECT count(*) FROM attempts"), gateway.requests());
    assert!(stopped.stderr.contains("8 requests sent"), "{}", stopped.stderr);
}
