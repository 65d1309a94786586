//! What was in flight when a run's process ended: it is told, and the budget counts it.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Call, FaultyGateway, Play, Running, Test};

const JOB: &str = "prices = \"prices.toml\"\n[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"some/model\"]\n\
                   prompt = \"{{ q }}\"\n[limits]\nin_flight = 4\n";
const PRICES: &str =
    "[\"some/model\"]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 0\nrequest_usd = 0.25\n";

fn test() -> Test {
    let rows: String = (0..20).map(|row| format!("question {row}\n")).collect();
    Test::new().job(JOB).file("prices.toml", PRICES).file("rows.csv", format!("q\n{rows}"))
}

/// A gateway that answers the requests of some numbers, by which prices are tried, and no others ever.
fn nearly_silent(answered: &'static [usize]) -> FaultyGateway {
    let number = AtomicUsize::new(0);
    FaultyGateway::new(move |_| {
        let is_answered = answered.contains(&number.fetch_add(1, Ordering::SeqCst));
        if is_answered { Play::good("fine") } else { Play::Silence }
    })
}

fn budget(test: &Test, gateway: &FaultyGateway, usd: &str) -> Call {
    test.run_job().to(gateway).and(["--budget", usd])
}

/// Kills a run when so many requests have come to the gateway in all.
fn killed_at(call: Call, gateway: &FaultyGateway, requests: usize) -> u32 {
    let mut running = call.start();
    running.until("requests in flight", |_| gateway.received().len() == requests);
    let pid = running.id();
    running.kill();
    pid
}

/// The requests that the store says are in flight, or were when their process ended.
fn in_flight(test: &Test) -> u64 {
    test.store().count("SELECT coalesce(sum(requests), 0) FROM in_flight")
}

fn is_told(running: &mut Running, test: &Test, requests: u64) {
    running.until("the store to say what is in flight", |_| {
        let has_table = "SELECT count(*) FROM sqlite_schema WHERE name = 'in_flight'";
        test.path("nightreel.db").exists() && test.store().count(has_table) == 1 && in_flight(test) == requests
    });
}

fn shown(test: &Test) -> Value {
    serde_json::from_str(&test.args(["show", "latest", "--json"]).run().stdout).unwrap()
}

#[test]
fn a_budget_counts_what_was_in_flight_when_a_run_was_killed_however_often() {
    let (test, gateway) = (test(), nearly_silent(&[0, 5]));
    let first = killed_at(budget(&test, &gateway, "2.5"), &gateway, 5);
    assert_eq!(in_flight(&test), 4, "a request was sent that the store knows nothing of");
    let show = shown(&test);
    assert_eq!(
        (&show["state"], &show["lost_requests"], &show["lost_cost_usd"]),
        (&"killed".into(), &4.into(), &1.0.into())
    );

    let mut running = budget(&test, &gateway, "2.5").start();
    running.until("five more requests", |_| gateway.received().len() == 10);
    let said = format!(
        "4 requests were in flight when process {first} ended: they may have been billed, at most $1.00; \
         the budget counts that\n"
    );
    assert!(running.stderr().contains(&said), "{}", running.stderr());
    let second = running.id();
    running.kill();

    // The upstream may have billed $2.50: that is all there is.
    let page = test.args(["show", "latest"]).run().stdout;
    assert!(page.contains("to go on, raise the budget above $2.50: nightreel run job.toml "), "{page}");
    assert!(page.contains(" --budget USD\n"), "{page}");
    let stopped = budget(&test, &gateway, "2.5").status(3).run();
    let said = format!("8 requests were in flight when processes {first} and {second} ended: ");
    assert!(stopped.stderr.contains(&said), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("$2.50 of $2.50 are spent"), "{}", stopped.stderr);
    assert_eq!(gateway.received().len(), 10);

    // A higher budget goes on, and leaves nothing in flight at its end.
    let answering = FaultyGateway::new(|_| Play::good("fine"));
    let call = budget(&test, &answering, "10").output("results.jsonl");
    let whole = call.stderr_contains("cost unknown for 8 requests in flight when ").run();
    assert!(whole.stderr.contains("; the budget counts $2.00 for what is unknown\n"), "{}", whole.stderr);
    assert_eq!((in_flight(&test), answering.received().len()), (8, 18));
    let show = shown(&test);
    assert_eq!((&show["lost_requests"], &show["lost_cost_usd"]), (&8.into(), &2.0.into()));
    assert_eq!((&show["assumed_cost_usd"], &show["may_be_billed"]), (&2.0.into(), &8.into()));
    let page = test.args(["show", "latest"]).run().stdout;
    assert!(page.contains("cost unknown for 8 requests in flight when "), "{page}");
    assert_eq!(shown(&test)["state"], json!("complete"));
}

#[test]
fn what_was_in_flight_without_a_budget_is_told_and_counts_when_there_is_one() {
    let (test, gateway) = (test(), nearly_silent(&[]));
    let mut running = test.run_job().to(&gateway).start();
    is_told(&mut running, &test, 4);
    let pid = running.id();
    running.kill();
    let answering = FaultyGateway::new(|_| Play::good("fine"));
    let said = format!("4 requests were in flight when process {pid} ended: they may have been billed\n");
    let args = ["--in-flight", "1", "--limit", "2"];
    test.run_job().to(&answering).and(args).stderr_contains(&said).run();
    // Two answers at $0.25 each tell what the four may have cost.
    let stopped = budget(&test, &answering, "1.5").status(3).run();
    assert!(stopped.stderr.contains("$1.50 of $1.50 are spent"), "{}", stopped.stderr);
    assert_eq!(answering.received().len(), 2);
}

#[test]
fn requests_that_are_given_up_when_a_run_is_stopped_are_kept_and_not_counted_twice() {
    let (test, gateway) = (test(), nearly_silent(&[0]));
    let mut running = budget(&test, &gateway, "2").and(["--drain", "1"]).start();
    is_told(&mut running, &test, 4);
    running.signal(Signal::INT);
    assert_eq!(running.wait().status, Some(3));
    assert_eq!((in_flight(&test), test.store().count("SELECT count(*) FROM attempts")), (0, 5));
    let show = shown(&test);
    assert_eq!((&show["lost_requests"], &show["assumed_cost_usd"]), (&0.into(), &1.0.into()));
}

#[test]
fn what_a_killed_run_lost_is_told_once_when_another_one_begins() {
    let rows = |count: usize| (0..count).fold("q\n".to_owned(), |rows, row| format!("{rows}question {row}\n"));
    for (changed, flags) in [(21, [].as_slice()), (20, &["--new"])] {
        let (test, gateway) = (test(), nearly_silent(&[0]));
        let pid = killed_at(budget(&test, &gateway, "2.5"), &gateway, 5);
        test.write("rows.csv", rows(changed));
        let answering = FaultyGateway::new(|_| Play::good("fine"));
        let said = format!(
            "4 requests of run 1 were in flight when process {pid} ended: they may have been billed, at most $1.00; \
             the budget of this run, which is another one, does not count that\n"
        );
        budget(&test, &answering, "10").and(flags).stderr_contains(&said).run();
        assert_eq!(shown(&test)["lost_requests"], json!(0), "it is the other run's");
        test.write("rows.csv", rows(changed + 1));
        let next = budget(&test, &answering, "10").and(flags).run();
        assert!(!next.stderr.contains("in flight when"), "{}", next.stderr);
        assert_eq!(test.store().count("SELECT count(*) FROM run"), 3);
    }
}
