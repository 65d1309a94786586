//! Several processes and one store.

use std::time::Duration;

use nightreel::simulate::{Latency, Options};

use crate::support::{Gateway, Running, Test, until};

fn job(name: &str) -> String {
    format!(
        "name = \"{name}\"\n[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{name} {{{{ q }}}}\"\n"
    )
}

fn test(rows: usize) -> Test {
    let rows: String = (0..rows).map(|row| format!("question {row}\n")).collect();
    Test::new().file("rows.csv", format!("q\n{rows}"))
}

fn gateway(latency: Duration) -> Gateway {
    Gateway::with(Options { latency: Latency::Fixed(latency), ..Options::default() })
}

#[test]
fn a_second_run_of_a_job_is_refused_while_the_first_goes_on() {
    let (test, gateway) = (test(3).job(&job("nightly")), gateway(Duration::from_mins(10)));
    let mut running = test.run_job().to(&gateway).start();
    running.until("the first run's requests", |_| gateway.requests() == 3);
    let refused = test
        .run_job()
        .to(&gateway)
        .status(6)
        .stderr("nightreel: another run of the job \"nightly\" is going on: process [PID] on [HOST], since [TIME]\n")
        .run();
    assert!(refused.stderr.contains(&format!("process {} on", running.id())), "{}", refused.stderr);
    assert_eq!(gateway.requests(), 3);
    // The rehearsal is another matter, and so is the job once its holder is gone.
    test.run_job().and(["--simulate"]).run();
    running.kill();
    test.run_job().to(&Gateway::new()).run();
}

#[test]
fn two_runs_that_begin_at_once_are_one_run_and_one_refusal() {
    let (test, gateway) = (test(3).job(&job("nightly")), gateway(Duration::from_mins(10)));
    let mut both = [test.run_job().to(&gateway).start(), test.run_job().to(&gateway).start()];
    let mut ended = Vec::new();
    until("a refusal and three requests", || {
        ended = both.iter_mut().map(Running::has_ended).collect();
        ended.contains(&true) && gateway.requests() == 3
    });
    let [first, second] = both;
    let (refused, running) = if ended[0] { (first, second) } else { (second, first) };
    assert_eq!(refused.wait().status, Some(6));
    assert_eq!(running.kill().signal, Some(9));
    assert_eq!(gateway.requests(), 3);
}

#[test]
fn two_jobs_write_one_store_at_once() {
    let (test, gateway) = (test(1_000), gateway(Duration::from_millis(2)));
    let jobs = ["first", "second"];
    for name in jobs {
        test.write(&format!("{name}.toml"), job(name));
    }
    let both = jobs.map(|name| {
        let args = ["run", &format!("{name}.toml"), "--progress", "none", "--output", &format!("{name}.jsonl")];
        test.args(args).to(&gateway).start()
    });
    for running in both {
        let output = running.wait();
        assert_eq!(output.status, Some(0), "{}", output.stderr);
    }
    assert_eq!(gateway.requests(), 2_000);
    let store = test.store();
    store.assert_whole();
    let runs = store.rows("SELECT job, count(*) FROM items JOIN runs USING (run) GROUP BY job ORDER BY job", |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))
    });
    assert_eq!(runs, [("first".to_owned(), 1_000), ("second".to_owned(), 1_000)]);
    for name in jobs {
        let args = ["replay", &format!("{name}.toml"), "--progress", "none", "--output", "replay.jsonl"];
        test.args(args).run();
        assert_eq!(test.bytes("replay.jsonl"), test.bytes(&format!("{name}.jsonl")));
    }
}

#[test]
fn a_replay_reads_a_store_that_another_job_is_writing() {
    let (test, slow) = (test(3), gateway(Duration::from_mins(10)));
    for name in ["done", "going-on"] {
        test.write(&format!("{name}.toml"), job(name));
    }
    test.args(["run", "done.toml", "--progress", "none", "--output", "run.jsonl"]).to(&Gateway::new()).run();
    let mut running = test.args(["run", "going-on.toml"]).to(&slow).start();
    running.until("the other job's requests", |_| slow.requests() == 3);
    test.args(["replay", "done.toml", "--progress", "none", "--output", "replay.jsonl"]).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("run.jsonl"));
    running.kill();
}
