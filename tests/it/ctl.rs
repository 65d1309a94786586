//! Control of a run while it goes on.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use nightreel::simulate::{Latency, Options};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Call, Gateway, Namespace, Running, Test, not_tested, until};

const ITEMS: u64 = 400;

fn job(name: &str) -> String {
    format!("name = \"{name}\"\n[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{{{ q }}}}\"\n")
}

fn test() -> Test {
    let rows: String = (0..ITEMS).map(|row| format!("question {row}\n")).collect();
    Test::new().job(&job("nightly")).file("rows.csv", format!("q\n{rows}"))
}

fn gateway(latency: Duration) -> Gateway {
    Gateway::with(Options { latency: Latency::Fixed(latency), ..Options::default() })
}

/// A gateway that does not answer while the test looks at it.
fn endless() -> Gateway {
    gateway(Duration::from_mins(10))
}

fn runtime(test: &Test) -> String {
    test.directory().display().to_string()
}

/// Starts the job so that it listens in the test's own directory.
fn start(test: &Test, gateway: &Gateway, flags: &[&str]) -> Running {
    test.run_job().to(gateway).env("XDG_RUNTIME_DIR", &runtime(test)).and(flags).start()
}

fn ctl(test: &Test, words: &[&str]) -> Call {
    test.args(["ctl"]).and(words).env("XDG_RUNTIME_DIR", &runtime(test))
}

/// How the run stands, as a program reads it.
fn status(test: &Test) -> Value {
    serde_json::from_str(&ctl(test, &["nightly", "--json"]).run().stdout).unwrap()
}

/// The sockets that runs listen at, or have left behind.
fn sockets(test: &Test) -> Vec<PathBuf> {
    let entries = fs::read_dir(test.path("nightreel")).map(|entries| entries.map(|entry| entry.unwrap().path()));
    entries.into_iter().flatten().collect()
}

#[test]
fn a_run_says_how_it_stands() {
    let (test, gateway) = (test(), endless());
    let mut running = start(&test, &gateway, &["--in-flight", "4", "--rpm", "6000"]);
    running.until("four requests in flight", |_| gateway.stats().in_flight == 4);
    let found = status(&test);
    assert_eq!((&found["job"], &found["run"], &found["activity"]), (&json!("nightly"), &json!(1), &json!("running")));
    assert_eq!((&found["items"], &found["settled"]), (&json!(ITEMS), &json!(0)));
    assert_eq!((&found["in_flight"], &found["in_flight_limit"]), (&json!(4), &json!(4)));
    assert_eq!((&found["requests_per_minute"], &found["budget"]), (&json!(6_000), &Value::Null));
    assert_eq!((&found["lanes"][0]["model"], &found["lanes"][0]["in_flight"]), (&json!("m"), &json!(4)));
    let first = format!("nightly: run 1, running (process {})\n", running.id());
    for name in ["nightly", "job.toml", "./job.toml", "1", "latest"] {
        let shown = ctl(&test, &[name]).stderr("").run().stdout;
        assert!(shown.starts_with(&first), "{name}: {shown}");
        assert!(shown.contains("  in flight  4 of 4\n  quotas     6,000 requests a minute\n"), "{shown}");
    }
    running.kill();
}

#[test]
fn a_paused_run_sends_nothing_until_it_is_resumed() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(20)));
    let mut running = start(&test, &gateway, &["--in-flight", "4", "--output", "results.jsonl"]);
    running.until("some requests", |_| gateway.requests() >= 20);
    let paused = ctl(&test, &["nightly", "pause"]).run().stdout;
    assert!(paused.starts_with("nightly: paused, "), "{paused}");
    assert!(paused.ends_with("nightreel ctl nightly resume lets it go on\n"), "{paused}");
    let sent = gateway.requests();
    assert!(sent < ITEMS, "nothing is left to send");
    // What was in flight ends; each call takes longer than a request.
    running.until("the end of what is in flight", |_| status(&test)["settled"] == json!(sent));
    for _ in 0..5 {
        let found = status(&test);
        assert_eq!((&found["activity"], &found["in_flight"]), (&json!("paused"), &json!(0)));
    }
    assert_eq!(gateway.requests(), sent, "a paused run has sent something");
    ctl(&test, &["nightly", "resume"]).stdout("nightly: goes on\n").run();
    let ended = running.wait();
    assert_eq!((ended.status, gateway.requests()), (Some(0), ITEMS), "{}", ended.stderr);
    assert!(ended.stderr.contains("paused: nothing new is sent until"), "{}", ended.stderr);
    assert_eq!(test.json_lines("results.jsonl").len() as u64, ITEMS);
    assert_eq!(changes(&test), ["paused: 0 -> 1 (paused by the user)", "paused: 1 -> 0 (resumed by the user)"]);
}

/// What the store keeps of changed limits.
fn changes(test: &Test) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    test.store().rows("SELECT what, was, now, reason FROM limit_change ORDER BY id", |row| {
        let (what, reason): (String, String) = (row.get(0)?, row.get(3)?);
        Ok(format!("{what}: {} -> {} ({reason})", number(row.get(1)?), number(row.get(2)?)))
    })
}

#[test]
fn a_paused_run_that_is_stopped_stops() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(20)));
    let mut running = start(&test, &gateway, &["--in-flight", "4"]);
    running.until("some requests", |_| gateway.requests() >= 8);
    ctl(&test, &["nightly", "pause"]).run();
    running.signal(Signal::INT);
    assert_eq!(running.wait().status, Some(3));
    ctl(&test, &["nightly"]).status(3).run();
}

#[test]
fn more_and_fewer_may_be_in_flight() {
    let (test, gateway) = (test(), endless());
    let mut running = start(&test, &gateway, &["--in-flight", "2"]);
    running.until("two requests in flight", |_| gateway.stats().in_flight == 2);
    ctl(&test, &["nightly", "set", "in_flight=150"]).stdout("nightly: set in_flight=150, until this run ends\n").run();
    running.until("a hundred and fifty requests in flight", |_| gateway.stats().in_flight == 150);
    ctl(&test, &["nightly", "set", "--model", "m", "in_flight=3"]).run();
    let found = status(&test);
    assert_eq!((&found["in_flight"], &found["lanes"][0]["in_flight_limit"]), (&json!(150), &json!(3)));
    ctl(&test, &["nightly", "set", "--model", "m", "in_flight=auto"]).run();
    assert_eq!(status(&test)["lanes"][0]["adaptive"], json!(true));
    let said = running.stderr();
    assert!(said.contains("limits set for this session: in_flight=150"), "{said}");
    assert!(said.contains("limits of m set for this session: in_flight=3"), "{said}");
    running.kill();
    assert_eq!(changes(&test)[0], "in_flight: 2 -> 150 (set by the user)");
}

#[test]
fn fewer_in_flight_hold_from_the_next_request_on() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(20)));
    let mut running = start(&test, &gateway, &["--in-flight", "32"]);
    running.until("some requests", |_| gateway.requests() >= 64);
    ctl(&test, &["nightly", "set", "in_flight=1"]).run();
    assert_eq!(status(&test)["in_flight_limit"], json!(1));
    let sent = gateway.requests();
    running.until("some more requests", |_| gateway.requests() >= sent + 40);
    ctl(&test, &["nightly", "set", "in_flight=32"]).run();
    assert_eq!(running.wait().status, Some(0));
    // When the 32 that were on their way have ended, there is one at a time.
    let journal = gateway.journal();
    let after: Vec<u64> = journal.iter().map(|line| line.in_flight).skip(usize::try_from(sent).unwrap() + 1).collect();
    assert!(after[..30].iter().all(|in_flight| *in_flight == 1), "{after:?}");
}

#[test]
fn a_quota_is_held_to_from_now_on_and_given_up_at_once() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(10)));
    let mut running = start(&test, &gateway, &["--in-flight", "8"]);
    running.until("some requests", |_| gateway.requests() >= 20);
    ctl(&test, &["nightly", "set", "requests_per_minute=60"]).run();
    let sent = usize::try_from(gateway.requests()).unwrap();
    assert!((sent as u64) < ITEMS, "nothing is left to send");
    // Those that had passed the gate already may come behind the answer to `set`, at once.
    let arrivals = || gateway.journal().iter().map(|line| line.monotonic_us / 1_000).skip(sent).collect::<Vec<u64>>();
    let is_slow = |at_ms: &[u64]| at_ms.windows(2).any(|pair| pair[1] - pair[0] >= 900);
    running.until("a second between two requests", |_| is_slow(&arrivals()));
    let slow = arrivals().len();
    // One that waits for a minute's turn goes at once where the quota goes.
    ctl(&test, &["nightly", "set", "requests_per_minute=1"]).run();
    ctl(&test, &["nightly", "set", "requests_per_minute=none"]).run();
    let ended = running.wait();
    assert_eq!((ended.status, gateway.requests()), (Some(0), ITEMS), "{}", ended.stderr);
    let at_ms = arrivals();
    assert!(at_ms[at_ms.len() - 1] - at_ms[slow - 1] < 20_000, "the rest waited for the quota that was given up");
}

#[test]
fn a_budget_can_come_while_a_run_goes_on_and_counts_what_was_spent() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(20)));
    let mut running = start(&test, &gateway, &["--in-flight", "4"]);
    running.until("some requests", |_| gateway.requests() >= 40);
    ctl(&test, &["nightly", "pause"]).run();
    running.until("the end of what is in flight", |_| status(&test)["settled"] == json!(gateway.requests()));
    let spent = gateway.stats().cost_usd;
    assert!(spent > 0.0 && gateway.requests() < ITEMS);
    // Of this and what comes in flight it is counted what it costs.
    let cap = spent * 1.5;
    ctl(&test, &["nightly", "set", &format!("budget_usd={cap}")]).run();
    let budget = status(&test)["budget"].clone();
    assert!((budget["spent_usd"].as_f64().unwrap() - spent).abs() < 1e-9, "{budget}");
    ctl(&test, &["nightly", "resume"]).run();
    let stopped = running.wait();
    assert_eq!(stopped.status, Some(3), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("stopped: budget used up"), "{}", stopped.stderr);
    let cost = gateway.stats().cost_usd;
    assert!(cost > spent && cost <= cap + 1e-9, "${cost} were spent of ${cap}, ${spent} before there was a cap");
    test.run_job().to(&gateway).run();
    assert_eq!(gateway.requests(), ITEMS);
}

#[test]
fn what_a_run_does_not_take_is_refused_with_the_reason() {
    let (test, gateway) = (test(), endless());
    let mut running = start(&test, &gateway, &["--in-flight", "2"]);
    running.until("two requests in flight", |_| gateway.stats().in_flight == 2);
    for (words, says) in [
        (&["set", "in_flight=0"][..], "set: limits.in_flight must be a whole number from 1 to 100000, not 0"),
        (&["set", "in_fligth=3"], "\"in_fligth\" cannot be set while a run goes on; did you mean \"in_flight\"?"),
        (&["set", "--model", "n", "in_flight=3"], "the run does not ask \"n\"; it asks m"),
        (&["set", "--model", "m", "budget_usd=3"], "budget_usd is for the whole run, not for a model"),
        (&["set"], "there is nothing to set; write nightreel ctl JOB set KEY=VALUE…, such as in_flight=8"),
    ] {
        let call = ctl(&test, &["nightly"]).and(words).status(2).stdout("");
        call.stderr(&format!("nightreel: {says}\n")).run();
    }
    ctl(&test, &["nightly", "stop"]).status(2).run();
    assert_eq!(status(&test)["in_flight_limit"], json!(2));
    running.signal(Signal::INT);
    running.until("word of the signal", |running| running.stderr().contains("stopping"));
    let stopping = ctl(&test, &["nightly"]).run().stdout;
    assert!(stopping.contains("stopping"), "{stopping}");
    ctl(&test, &["nightly", "set", "in_flight=3"])
        .status(2)
        .stderr("nightreel: the run is stopping: it takes no changes any more\n")
        .run();
    running.kill();
}

#[test]
fn a_job_that_does_not_run_is_told_apart_by_the_exit_code() {
    let (test, gateway) = (test(), Gateway::new());
    ctl(&test, &["nightly"]).status(5).stderr_contains("there is no store nightreel.db").run();
    test.run_job().to(&gateway).run();
    for name in ["nightly", "job.toml", "1", "latest"] {
        ctl(&test, &[name, "pause"]).status(3).stderr("nightreel: no run of \"nightly\" is going on\n").run();
    }
    ctl(&test, &["weekly"]).status(3).stderr_contains("the store has no run of a job \"weekly\"").run();
    ctl(&test, &["2"]).status(3).stderr_contains("the store has no run 2").run();
}

#[test]
fn each_of_two_jobs_and_a_rehearsal_is_reached_by_its_name() {
    let (test, gateway) = (test(), endless());
    test.write("weekly.toml", job("weekly"));
    let here = runtime(&test);
    let mut nightly = start(&test, &gateway, &["--in-flight", "1"]);
    nightly.until("its request", |_| gateway.stats().in_flight == 1);
    let weekly =
        test.args(["run", "weekly.toml", "--progress", "none", "--in-flight", "2"]).env("XDG_RUNTIME_DIR", &here);
    let mut weekly = weekly.to(&gateway).start();
    weekly.until("the other job's requests", |_| gateway.stats().in_flight == 3);
    let rehearsal = ["--simulate", "--simulate-latency", "10m", "--in-flight", "3"];
    let mut rehearsal = test.run_job().env("XDG_RUNTIME_DIR", &here).and(rehearsal).start();
    rehearsal.until("the rehearsal", |_| sockets(&test).len() == 3);
    for (words, process, limit) in [
        (&["nightly"][..], nightly.id(), 1),
        (&["weekly"], weekly.id(), 2),
        (&["nightly", "--simulate"], rehearsal.id(), 3),
    ] {
        let shown = ctl(&test, words).run().stdout;
        assert!(shown.contains(&format!("(process {process})")), "{words:?}: {shown}");
        assert!(shown.contains(&format!(" of {limit}\n")), "{words:?}: {shown}");
    }
    nightly.kill();
    // The rehearsal is meant where nothing else runs.
    let shown = ctl(&test, &["nightly"]).run().stdout;
    assert!(shown.starts_with("nightly: rehearsal "), "{shown}");
    ctl(&test, &["weekly", "--simulate"]).status(3).run();
    weekly.kill();
    rehearsal.kill();
}

#[test]
fn a_socket_goes_with_its_run_and_one_that_was_left_behind_is_no_run() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(20)));
    let mut running = start(&test, &gateway, &["--in-flight", "2"]);
    running.until("a request", |_| gateway.requests() > 0);
    let directory = fs::metadata(test.path("nightreel")).unwrap();
    assert_eq!(directory.mode() & 0o777, 0o700);
    running.kill();
    assert_eq!(sockets(&test).len(), 1, "a killed process cannot tidy up");
    ctl(&test, &["nightly"]).status(3).stderr("nightreel: no run of \"nightly\" is going on\n").run();
    start(&test, &Gateway::new(), &[]).wait();
    assert_eq!(sockets(&test).len(), 1, "a run has left its socket behind");
}

#[test]
fn whoever_hangs_or_talks_nonsense_does_the_run_no_harm() {
    let (test, gateway) = (test(), gateway(Duration::from_millis(10)));
    let mut running = start(&test, &gateway, &["--in-flight", "2", "--output", "results.jsonl"]);
    running.until("a request", |_| gateway.requests() > 0);
    let socket = sockets(&test).pop().unwrap();
    let hanging: Vec<_> = (0..10).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    for bytes in [b"\x00\xff\n".to_vec(), b"{}\n".to_vec(), vec![b'['; 100_000]] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // It may hang up before it has heard everything.
        let _hung_up = stream.write_all(&bytes);
        let mut said = String::new();
        let _hung_up = stream.read_to_string(&mut said);
        assert!(said.is_empty() || said.contains("refused"), "{said}");
    }
    ctl(&test, &["nightly"]).run();
    assert_eq!(running.wait().status, Some(0));
    drop(hanging);
    assert_eq!((gateway.requests(), test.json_lines("results.jsonl").len() as u64), (ITEMS, ITEMS));
}

#[test]
fn a_run_of_another_machine_is_not_looked_for_here() {
    let (test, gateway) = (test(), endless());
    let mut running = start(&test, &gateway, &["--in-flight", "1"]);
    running.until("its request", |_| gateway.stats().in_flight == 1);
    test.store().execute("UPDATE lease SET host = 'elsewhere', boot = 'other'");
    ctl(&test, &["nightly", "pause"])
        .status(3)
        .stderr_contains("on elsewhere, since ")
        .stderr_contains(": nightreel ctl reaches it from that machine or container alone\n")
        .run();
    running.kill();
}

#[test]
fn a_run_that_finds_no_directory_of_its_own_says_so_and_goes_on() {
    let (test, gateway) = (test(), Gateway::new());
    // Both the session's directory and the one in /tmp are open to others.
    fs::create_dir(test.path("nightreel")).unwrap();
    fs::set_permissions(test.path("nightreel"), Permissions::from_mode(0o755)).unwrap();
    let script = "directory=/tmp/nightreel-$(id -u)\nmkdir -p -m 700 $directory\n\
                  mount -t tmpfs -o size=64k,mode=755 none $directory";
    let Some(namespace) = Namespace::new(script) else { return };
    let run = test.run_job().to(&gateway).env("XDG_RUNTIME_DIR", &runtime(&test)).and(["--limit", "3"]);
    let inside = namespace.inside(test.directory());
    let says = "warning: this run cannot be controlled with nightreel ctl: others may enter ";
    run.under(inside).stderr_contains(says).run();
    assert_eq!(gateway.requests(), 3);
}

#[test]
fn another_user_reaches_neither_the_run_nor_its_socket() {
    let (test, gateway) = (test(), endless());
    if !rustix::process::geteuid().is_root() {
        not_tested("only root can be another user");
        return;
    }
    let mut running = start(&test, &gateway, &["--in-flight", "1"]);
    running.until("its request", |_| gateway.stats().in_flight == 1);
    // All but the socket's own directory is open to everybody.
    for name in ["", "nightreel.db", "nightreel.db-wal", "nightreel.db-shm"] {
        let mode = Permissions::from_mode(0o777);
        fs::set_permissions(test.path(name), mode).unwrap();
    }
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let enters = test.args(["--version"]).under(nobody).start().wait();
    if enters.status != Some(0) {
        not_tested("another user cannot run the binary where it lies");
        return;
    }
    ctl(&test, &["nightly", "pause"])
        .under(nobody)
        .status(3)
        .stderr_contains("belongs to another user (uid 0); that user or root may control it")
        .run();
    let socket = sockets(&test).pop().unwrap();
    let looks = std::process::Command::new(nobody[0]).args(&nobody[1..]).args(["test", "-e"]).arg(&socket).status();
    assert!(!looks.unwrap().success(), "another user sees the socket");
    assert_eq!(status(&test)["activity"], json!("running"));
    until("the run to be there still", || !running.has_ended());
    running.kill();
}
