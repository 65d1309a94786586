//! The command that `show` prints to go on with a run: pasted, it does what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::support::{CANARY, Call, FaultyGateway, Play, Running, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";
const PRICES: &str = "[m]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 0\nrequest_usd = 0.25\n";

fn test() -> Test {
    let rows: String = (0..8).map(|row| format!("question {row}\n")).collect();
    Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"))
}

/// What `show` says of how the newest run goes on, with the words before the command and the command.
fn way_on(test: &Test) -> (String, String) {
    let shown = test.args(["show", "latest"]).run().stdout;
    let way = shown.lines().find(|line| line.starts_with("to "));
    let (first, command) = way.and_then(|way| way.split_once(": nightreel ")).unwrap_or_else(|| panic!("{shown}"));
    (first.to_owned(), command.to_owned())
}

fn pasted(test: &Test, command: &str) -> Call {
    test.args(command.split(' ')).env("OPENROUTER_API_KEY", CANARY)
}

/// A gateway that answers once it is let, and is silent until then.
fn gateway_that_answers_later() -> (FaultyGateway, Arc<AtomicBool>) {
    let answers = Arc::new(AtomicBool::new(false));
    let is_let = Arc::clone(&answers);
    let gateway =
        FaultyGateway::new(move |_| if is_let.load(Ordering::SeqCst) { Play::good("fine") } else { Play::Silence });
    (gateway, answers)
}

fn changes_of_the_budget(test: &Test) -> u64 {
    test.store().count("SELECT count(*) FROM limit_change WHERE what = 'budget_usd'")
}

/// Has the budget of a run changed that goes on.
fn set_budget(test: &Test, running: &mut Running, usd: &str) {
    let before = changes_of_the_budget(test);
    let runtime = test.directory().display().to_string();
    let setting = format!("budget_usd={usd}");
    test.args(["ctl", "job", "set", &setting]).env("XDG_RUNTIME_DIR", &runtime).run();
    running.until("the change in the store", |_| changes_of_the_budget(test) > before);
}

#[test]
fn a_budget_that_is_used_up_is_left_to_be_chosen() {
    for (job, flags) in [
        (JOB.to_owned(), ["--budget", "0.9"].as_slice()),
        (JOB.to_owned(), &["--set", "limits.budget_usd=0.9"]),
        (format!("{JOB}[limits]\nbudget_usd = 0.9\n"), &[]),
    ] {
        let test = test().job(&job);
        test.run_job().and(["--simulate", "--simulate-cost-usd", "0.4"]).and(flags).status(3).run();
        let (first, command) = way_on(&test);
        assert_eq!(first, "to go on, raise the budget above $0.900", "{flags:?}");
        assert!(!command.contains("0.9"), "{command}");
        pasted(&test, &command).status(2).stderr_contains("--budget <USD>").run();
        pasted(&test, &command.replace("--budget USD", "--budget 5")).stderr_contains("complete").run();
        assert_eq!(test.store().count("SELECT count(*) FROM attempts"), 8, "{flags:?}");
    }
}

#[test]
fn where_the_cost_is_unknown_a_price_table_goes_on() {
    let answer = r#"{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}]}"#;
    let gateway = FaultyGateway::new(move |_| Play::Answer(200, "", answer.to_owned()));
    let test = test().file("prices.toml", PRICES);
    test.run_job().to(&gateway).and(["--budget", "5"]).status(3).stderr_contains("cost unknown").run();
    let (first, command) = way_on(&test);
    assert!(first.contains("give a price table") && first.contains("without the budget"), "{first}");
    pasted(&test, &command).status(2).stderr_contains("FILE").run();
    pasted(&test, &command.replace("--prices FILE", "--prices prices.toml")).stderr_contains("complete").run();
}

#[test]
fn a_budget_that_was_changed_holds_on_until_the_run_is_called_with_another() {
    let (test, (gateway, answers)) = (test(), gateway_that_answers_later());
    let call = |usd: &str| {
        let runtime = test.directory().display().to_string();
        test.run_job().to(&gateway).and(["--prices", "prices.toml", "--budget", usd]).env("XDG_RUNTIME_DIR", &runtime)
    };
    test.write("prices.toml", PRICES);
    let mut running = call("3").start();
    running.until("a request", |_| gateway.received().len() == 1);
    set_budget(&test, &mut running, "0.5");
    running.kill();
    let (first, command) = way_on(&test);
    assert_eq!(first, "to go on");
    assert!(command.ends_with(" --budget 0.5") && !command.contains("--budget 3"), "{command}");

    // What was lost counts, and one more request fits.
    answers.store(true, Ordering::SeqCst);
    pasted(&test, &command).status(3).stderr_contains("$0.500 of $0.500 are spent").run();
    answers.store(false, Ordering::SeqCst);
    let mut running = call("2").start();
    running.until("another request", |_| gateway.received().len() >= 3);
    running.kill();
    let (_, command) = way_on(&test);
    assert!(command.contains(" --budget 2 "), "{command}");
}

#[test]
fn a_retry_that_was_cut_short_goes_on_with_what_failed() {
    let (gateway, answers) = gateway_that_answers_later();
    let failing = FaultyGateway::new(|_| Play::Answer(200, "", "{}".to_owned()));
    let test = test().job(&format!("{JOB}[retry]\nattempts = 1\n"));
    test.run_job().to(&failing).status(1).run();
    for signal in [None, Some(Signal::INT)] {
        let before = gateway.received().len();
        let flags = ["--in-flight", "2", "--retry", "failed", "--drain", "0"];
        let mut running = test.run_job().to(&gateway).and(flags).start();
        running.until("two requests", |_| gateway.received().len() == before + 2);
        match signal {
            None => running.kill(),
            Some(signal) => {
                running.signal(signal);
                running.wait()
            }
        };
        let (first, command) = way_on(&test);
        assert_eq!((first.as_str(), command.matches("--retry failed").count()), ("to go on", 1), "{command}");
    }
    answers.store(true, Ordering::SeqCst);
    let (_, command) = way_on(&test);
    pasted(&test, &command).stderr_contains("8 items: 8 ok").run();
    assert_eq!(gateway.received().len(), 2 + 2 + 8);
}

#[test]
fn what_failed_in_a_complete_run_is_asked_again_by_the_command_that_show_prints() {
    let refuses = Arc::new(AtomicBool::new(true));
    let is_refusing = Arc::clone(&refuses);
    let gateway = FaultyGateway::new(move |received| {
        let is_refused = is_refusing.load(Ordering::SeqCst) && received.text().contains("question 3");
        let error = r#"{"error":{"code":400,"message":"no"}}"#;
        if is_refused { Play::Answer(400, "", error.to_owned()) } else { Play::good("fine") }
    });
    let test = test();
    test.run_job().to(&gateway).and(["--limit", "5"]).status(1).run();
    let (first, command) = way_on(&test);
    assert_eq!(first, "to ask again what failed");
    refuses.store(false, Ordering::SeqCst);
    pasted(&test, &command).stderr_contains("5 items: 5 ok").run();
    assert_eq!(gateway.received().len(), 6);
    let shown = test.args(["show", "latest"]).run().stdout;
    assert!(!shown.contains("--retry"), "{shown}");
}

#[test]
fn rows_from_standard_input_are_asked_for_again() {
    let test = test();
    let piped = ["--input", "-", "--set", "input.format=csv", "--budget", "0.9"];
    test.run_job().and(["--simulate", "--simulate-cost-usd", "0.4"]).and(piped).stdin("rows.csv").status(3).run();
    let (first, command) = way_on(&test);
    assert!(first.ends_with(": with the same rows on its standard input"), "{first}");
    pasted(&test, &command.replace("--budget USD", "--budget 5")).stdin("rows.csv").run();
    assert_eq!(test.store().count("SELECT count(*) FROM run"), 1);
    assert_eq!(test.store().count("SELECT count(*) FROM items WHERE outcome = 'ok'"), 8);
}
