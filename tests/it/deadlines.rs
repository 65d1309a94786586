//! Deadlines of items and of runs, and budgets of retries.

use std::time::{Duration, Instant};

use nightreel::simulate::{Latency, Options};

use crate::support::{FaultyGateway, Gateway, Play, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

fn test(rows: usize) -> Test {
    let rows: String = (0..rows).map(|row| format!("question {row}\n")).collect();
    Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"))
}

fn broken() -> Play {
    Play::Answer(500, "", r#"{"error":{"code":500,"message":"broken"}}"#.to_owned())
}

#[test]
fn an_item_is_given_up_when_its_deadline_has_passed_and_replays_as_it_was() {
    let (test, gateway) = (test(3), FaultyGateway::new(|_| broken()));
    let flags = ["--set", "timeouts.item=2s", "--set", "retry.attempts=1000", "--set", "retry.max_pause=200ms"];
    let begun = Instant::now();
    test.run_job().to(&gateway).and(flags).output("results.jsonl").status(1).run();
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    let received = gateway.received();
    assert!(received.len() > 3, "nothing was tried again");
    assert!(received.iter().all(|sent| sent.at - received[0].at < Duration::from_millis(2_500)));
    for line in test.json_lines("results.jsonl") {
        assert_eq!(line["outcome"], "server_error");
        assert!(line["error"].as_str().unwrap().contains("broken"), "{line}");
    }
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn an_item_whose_retry_waits_for_a_quota_settles_on_the_attempt_before_it() {
    let (test, gateway) = (test(1), FaultyGateway::new(|_| broken()));
    let flags = ["--rpm", "1", "--set", "timeouts.item=2s", "--set", "retry.max_pause=1ms"];
    test.run_job().to(&gateway).and(flags).output("results.jsonl").status(1).run();
    assert_eq!(gateway.received().len(), 1);
    let store = test.store();
    store.assert_whole();
    assert_eq!(store.count("SELECT count(*) FROM attempts WHERE settling = 1 AND number = 1"), 1);
    assert_eq!(store.count("SELECT count(*) FROM exchanges WHERE settled"), 1);
    let line = &test.json_lines("results.jsonl")[0];
    assert_eq!((&line["outcome"], &line["attempts"]), (&"server_error".into(), &1.into()));
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn a_run_whose_time_has_passed_stops_and_the_same_command_goes_on() {
    let slow = Gateway::with(Options { latency: Latency::Fixed(Duration::from_millis(200)), ..Options::default() });
    let (test, quick) = (test(200), Gateway::new());
    let limits = ["--in-flight", "4", "--deadline", "1s"];
    let stopped = test
        .run_job()
        .to(&slow)
        .and(limits)
        .output("results.jsonl")
        .status(3)
        .stderr_contains("  stopped: deadline passed\n")
        .stderr_contains(
            " settled items are kept; the same command goes on with the rest; --deadline or timeouts.run gives it more time\n",
        )
        .run();
    let settled = test.store().count("SELECT count(*) FROM items WHERE outcome = 'ok'");
    assert_eq!(settled, slow.requests(), "an answer that was in flight was not saved\n{}", stopped.stderr);
    assert!((4..200).contains(&settled), "{settled} items were settled");
    assert_eq!(test.store().value::<String>("SELECT ended FROM runs"), "deadline passed");
    test.run_job().to(&quick).and(["--set", "timeouts.run=1h"]).output("results.jsonl").run();
    assert_eq!(slow.requests() + quick.requests(), 200);
}

#[test]
fn a_deadline_that_is_no_time_is_refused_by_its_flag() {
    let says = "nightreel: --deadline: timeouts.run must be a time such as \"10s\", \"1.5m\", \"250ms\" or \"2h\"\n";
    test(1).run_job().and(["--simulate", "--deadline", "soon"]).status(2).stderr(says).run();
}

#[test]
fn rate_limits_do_not_use_attempts_up_and_have_a_budget_of_their_own() {
    let limited = || Play::Answer(429, "retry-after: 0\r\n", r#"{"error":{"code":429,"message":"slow"}}"#.to_owned());
    let patient = FaultyGateway::new(move |received| if received.times <= 4 { limited() } else { Play::good("fine") });
    let quick = ["--set", "retry.max_pause=1ms", "--set", "retry.attempts=2"];
    let test = test(1);
    test.run_job().to(&patient).and(quick).output("results.jsonl").run();
    assert_eq!(test.json_lines("results.jsonl")[0]["attempts"], 5);
    let told =
        "wrote 1 exchange of run 1 to e.jsonl\n4 earlier attempts are not written: an exchange is what settled it\n";
    test.args(["export", "1", "--format", "exchanges", "--output", "e.jsonl"]).stderr(told).run();
    let strict = FaultyGateway::new(move |_| limited());
    test.run_job()
        .to(&strict)
        .and(quick)
        .and(["--new", "--mode", "record", "--set", "retry.rate_limited=1"])
        .status(1)
        .run();
    assert_eq!(strict.received().len(), 2);
}

#[test]
fn an_outcome_that_is_unknown_is_asked_again_only_as_often_as_the_job_allows() {
    for (allowed, sent) in [("0", 1), ("1", 2), ("3", 4)] {
        let (test, gateway) = (test(1), FaultyGateway::new(|_| Play::Reset));
        let unknown = format!("retry.outcome_unknown={allowed}");
        let flags = ["--set", &unknown, "--set", "retry.max_pause=1ms"];
        let run = test.run_job().to(&gateway).and(flags).status(1).run();
        assert_eq!(gateway.received().len(), sent, "{allowed}: {}", run.stderr);
        let attempts = if sent == 1 { "1 attempt".to_owned() } else { format!("{sent} attempts") };
        let told = format!("cost unknown for {attempts} without an answer, which may have been billed");
        assert!(run.stderr.contains(&told), "{}", run.stderr);
    }
}
