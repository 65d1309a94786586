//! Limits: what a run holds to, and what becomes of it where it cannot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nightreel::simulate::{CostTold, Latency, Options};
use serde_json::Value;

use crate::support::{FaultyGateway, Gateway, Play, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\nid = \"id\"\n\n\
                   [request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\nparams = { max_tokens = 50 }\n";

fn rows(count: u32) -> String {
    (1..=count).fold("id,q\n".to_owned(), |rows, id| rows + &format!("{id},What of {id}?\n"))
}

fn test(rows_count: u32) -> Test {
    Test::new().job(JOB).file("rows.csv", rows(rows_count))
}

/// A gateway each of whose answers costs so much.
fn priced(cost_usd: &str) -> Gateway {
    let latency = Latency::Fixed(Duration::from_millis(2));
    Gateway::with(Options { cost_usd: Some(cost_usd.parse().unwrap()), latency, ..Options::default() })
}

#[test]
fn a_budget_ends_the_run_before_it_is_passed_and_a_higher_one_goes_on() {
    let (test, gateway) = (test(120), priced("0.0137"));
    let output = test.run_job().to(&gateway).and(["--in-flight", "64", "--budget", "1"]).status(3).run();
    assert!(output.stderr.contains("warning: the budget has no price of m: "), "{}", output.stderr);
    let cost_usd = gateway.stats().cost_usd;
    assert!((0.95..=1.0).contains(&cost_usd), "{cost_usd}");
    assert!(output.stderr.contains("stopped: budget used up: $0.986"), "{}", output.stderr);
    assert!(output.stderr.contains("--budget"), "{}", output.stderr);
    let sent = gateway.requests();
    assert_eq!(test.store().count("SELECT count(*) FROM items WHERE outcome = 'ok'"), sent);
    test.run_job().to(&gateway).and(["--in-flight", "64", "--budget", "1"]).status(3).run();
    assert_eq!(gateway.requests(), sent, "what is spent stays spent");
    test.run_job().to(&gateway).and(["--in-flight", "64", "--budget", "3"]).run();
    assert_eq!(gateway.requests(), 120);
}

#[test]
fn the_least_budget_that_sends_another_request_is_told_and_sends_one() {
    let (test, gateway) = (test(20), priced("0.00117"));
    let call = |budget: &str| test.run_job().to(&gateway).and(["--in-flight", "1", "--budget", budget]);
    let told = call("0.005").status(3).run().stderr;
    let least = |told: &str| {
        let (_, least) = told.split_once("raise the budget to at least $").unwrap_or_else(|| panic!("{told}"));
        least.split_once(" (--budget or limits.budget_usd), and").unwrap().0.to_owned()
    };
    let (least, sent) = (least(&told), gateway.requests());
    let below = format!("{:.5}", least.parse::<f64>().unwrap() - 0.000_01);
    call(&below).status(3).run();
    assert_eq!(gateway.requests(), sent, "{below} of {least}");
    call(&least).status(3).run();
    assert_eq!(gateway.requests(), sent + 1, "{least}");
}

#[test]
fn a_budget_is_kept_by_a_price_table_where_answers_do_not_say_what_they_cost() {
    let (test, gateway) = (test(40), Gateway::with(Options { cost_told: CostTold::Nothing, ..Options::default() }));
    for budget in ["1", "1", "2"] {
        let output = test.run_job().to(&gateway).and(["--budget", budget]).status(3).run();
        assert!(output.stderr.contains("stopped: cost unknown: an answer of m does not say"), "{}", output.stderr);
        assert!(output.stderr.contains("give a price table that has m (prices = "), "{}", output.stderr);
        assert!(!output.stderr.contains("max_tokens"), "{}", output.stderr);
        assert!(!output.stderr.contains("higher --budget"), "{}", output.stderr);
        assert_eq!(gateway.requests(), 1, "a budget of {budget} sends nothing more");
    }
    test.write("prices.toml", "[\"m\"]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 1000\n");
    let output = test.run_job().to(&gateway).and(["--budget", "1", "--prices", "prices.toml", "--new"]).status(3).run();
    assert!(output.stderr.contains("may cost $0.0500"), "{}", output.stderr);
    let spent = test.store().count("SELECT CAST(1000 * sum(cost_usd) AS INTEGER) FROM attempts WHERE run = 2");
    assert!((900..=1_000).contains(&spent), "{spent}");
}

#[test]
fn a_run_whose_last_answer_does_not_say_what_it_cost_is_complete() {
    let (test, gateway) = (test(1), Gateway::with(Options { cost_told: CostTold::Nothing, ..Options::default() }));
    let output = test.run_job().to(&gateway).and(["--budget", "1"]).run();
    assert!(output.stderr.contains("run 1, complete"), "{}", output.stderr);
    assert!(!output.stderr.contains("stopped"), "{}", output.stderr);
}

#[test]
fn a_budget_says_where_neither_the_job_nor_the_price_table_bounds_an_answer() {
    let unbounded = JOB.replace("params = { max_tokens = 50 }", "");
    let price = "[\"m\"]\nprompt_usd_per_million = 1\ncompletion_usd_per_million = 10\n";
    let longest = format!("{price}max_completion_tokens = 100\n");
    for (job, prices, is_told) in
        [(unbounded.as_str(), price, true), (unbounded.as_str(), longest.as_str(), false), (JOB, price, false)]
    {
        let test = Test::new().job(job).file("rows.csv", rows(2)).file("prices.toml", prices);
        let output = test.run_job().to(&priced("0.0001")).and(["--budget", "1", "--prices", "prices.toml"]).run();
        let warning = "warning: neither the job nor the price table says how long an answer of m may be: ";
        assert_eq!(output.stderr.contains(warning), is_told, "{}", output.stderr);
    }
}

#[test]
fn a_run_whose_cost_nothing_bounds_says_what_is_missing() {
    let unbounded = JOB.replace("params = { max_tokens = 50 }", "");
    let price = "[\"m\"]\nprompt_usd_per_million = 1\ncompletion_usd_per_million = 10\n";
    let other = price.replace("[\"m\"]", "[\"n\"]");
    let (has_m, length) = ("give a price table that has m (prices = ", "max_completion_tokens");
    let bare = || FaultyGateway::new(|_| Play::Answer(200, "", answer_without_usage()));
    let silent = || FaultyGateway::new(|_| Play::Reset);
    for (job, prices, expected, not) in [
        (unbounded.as_str(), price, "say how long an answer of m may be (max_completion_tokens", has_m),
        (JOB, other.as_str(), has_m, length),
        (unbounded.as_str(), other.as_str(), has_m, "say how long an answer of"),
    ] {
        for gateway in [bare(), silent()] {
            let test = Test::new().job(job).file("rows.csv", rows(20)).file("prices.toml", prices);
            let flags = ["--in-flight", "1", "--budget", "1", "--prices", "prices.toml"];
            let output = test.run_job().to(&gateway).and(flags).status(3).run();
            let (_, stopped) = output.stderr.split_once("stopped: cost unknown: ").expect(&output.stderr);
            assert!(stopped.contains(expected) && !stopped.contains(not), "{stopped}");
            assert_eq!(stopped.contains("max_tokens"), job != JOB, "{stopped}");
            let shown = test.args(["show", "latest"]).run().stdout;
            assert!(shown.contains("--prices") && shown.contains("max_tokens"), "{shown}");
        }
    }
}

/// An answer that says nothing of what it has used.
fn answer_without_usage() -> String {
    let choice = r#"{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}"#;
    format!(r#"{{"choices":[{choice}]}}"#)
}

#[test]
fn what_a_budget_counts_for_lost_answers_is_said_where_it_ends_a_run() {
    let (test, silent) = (test(40), FaultyGateway::new(|_| Play::Silence));
    test.write("prices.toml", "[\"m\"]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 2000\n");
    test.write("job.toml", format!("{JOB}[timeouts]\nidle = \"100ms\"\n"));
    let flags = ["--budget", "0.25", "--prices", "prices.toml"];
    let output = test.run_job().to(&silent).and(flags).status(3).run();
    let said = "$0.200 of $0.250 are spent, $0.200 of it counted for requests whose cost nobody knows, and the next";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    let output = test.run_job().to(&silent).and(["--budget", "0.25", "--new"]).status(3).run();
    assert!(output.stderr.contains("stopped: cost unknown: nobody knows what 5 requests cost"), "{}", output.stderr);
    assert!(
        output.stderr.contains("--prices) or go on without the budget, and the same command goes on"),
        "{}",
        output.stderr
    );
    assert_eq!(silent.received().len(), 2 + 5);
}

#[test]
fn a_price_table_that_is_too_low_passes_a_budget_by_no_more_than_a_reply_and_is_told_once_a_model() {
    let two = JOB.replace("[\"m\"]", "[\"m\", \"n\"]");
    let (test, gateway) = (Test::new().job(&two).file("rows.csv", rows(120)), priced("0.02"));
    let price = |name| format!("[\"{name}\"]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 12\n");
    test.write("prices.toml", price("m") + &price("n"));
    let flags = ["--in-flight", "64", "--budget", "0.1", "--prices", "prices.toml"];
    let output = test.run_job().to(&gateway).and(flags).status(3).run();
    let spent = || test.store().value::<f64>("SELECT sum(cost_usd) FROM attempts");
    assert!((0.04..0.1 + 1e-9).contains(&spent()), "{}", spent());
    assert!((gateway.stats().cost_usd - spent()).abs() < 1e-9);
    let told = |stderr: &str, model: &str| {
        let told = format!("{model} cost 33.3 times its price ($0.02 a reply instead of at most $0.0006): the budget");
        stderr.matches(&told).count()
    };
    assert_eq!(["m", "n"].map(|model| told(&output.stderr, model)), [1, 1], "{}", output.stderr);
    assert!(output.stderr.contains("warning: m cost ") && output.stderr.contains("correct the price"));
    assert!(output.stderr.contains("and the next request may cost $0.0400"), "{}", output.stderr);

    let (requests, before) = (gateway.requests(), spent());
    test.run_job().to(&gateway).and(flags).status(3).run();
    assert_eq!(gateway.requests(), requests, "a run that goes on has not forgotten what a reply cost");
    let more = ["--in-flight", "64", "--budget", "1", "--prices", "prices.toml"];
    let json = test.args(["run", "job.toml", "--progress", "json"]);
    let output = json.to(&gateway).and(more).status(3).run();
    assert!(before < spent() && (0.9..1.0 + 1e-9).contains(&spent()), "{}", spent());
    let warnings = output.stderr.lines().filter(|line| line.starts_with(r#"{"event":"warning""#));
    let warnings: String = warnings.collect();
    assert_eq!(["m", "n"].map(|model| told(&warnings, model)), [1, 1], "{}", output.stderr);
    let estimated = test.args(["estimate", "job.toml", "--prices", "prices.toml"]).run().stdout;
    assert!(estimated.contains("note: earlier answers of m cost $0."), "{estimated}");
}

/// An answer of a gateway, with what it says of its cost.
fn answer(cost: &str) -> Play {
    let usage = format!(r#"{{"prompt_tokens":10,"completion_tokens":5{cost}}}"#);
    let choice = r#"{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}"#;
    Play::Answer(200, "", format!(r#"{{"choices":[{choice}],"usage":{usage}}}"#))
}

/// Plays one of several, by how many requests have come.
fn in_turn(play: impl Fn(usize) -> Play + Send + Sync + 'static) -> FaultyGateway {
    let asked = AtomicUsize::new(0);
    FaultyGateway::new(move |_| play(asked.fetch_add(1, Ordering::Relaxed)))
}

#[test]
fn what_a_budget_counts_once_a_price_has_proved_too_low_stays_counted_in_every_call() {
    let gateway = in_turn(|asked| if asked < 30 { Play::Reset } else { answer(r#","cost":0.02"#) });
    let test = test(120);
    test.write("prices.toml", "[\"m\"]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 12\n");
    test.write("job.toml", format!("{JOB}[retry]\noutcome_unknown = 0\n"));
    let flags = ["--budget", "0.5", "--prices", "prices.toml"];
    let output = test.run_job().to(&gateway).and(flags).status(3).run();
    assert_eq!(gateway.received().len(), 31, "{}", output.stderr);
    let said = "$0.620 of $0.500 are spent, $0.600 of it counted for requests whose cost nobody knows";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    assert!(output.stderr.contains("the budget counts $0.600 for what is unknown"), "{}", output.stderr);
    for _ in 0..3 {
        let output = test.run_job().to(&gateway).and(flags).status(3).run();
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
    assert_eq!(gateway.received().len(), 31, "something was sent though the budget was used up");
    let shown: Value = serde_json::from_str(&test.args(["show", "latest", "--json"]).run().stdout).unwrap();
    assert!((shown["assumed_cost_usd"].as_f64().unwrap() - 0.6).abs() < 1e-9, "{shown}");
}

#[test]
fn a_price_that_has_proved_too_low_is_not_believed_of_replies_that_do_not_tell_their_cost() {
    let silent = || answer("");
    let free = || answer(r#","cost":0"#);
    let dear = || answer(r#","cost":0.01"#);
    let first_tells = in_turn(move |asked| if asked == 0 { dear() } else { silent() });
    let first_is_silent = in_turn(move |asked| if asked == 0 { silent() } else { dear() });
    let first_is_free = in_turn(move |asked| if asked == 0 { free() } else { dear() });
    for (name, gateway) in [("tells", first_tells), ("is silent", first_is_silent), ("is free", first_is_free)] {
        let test = test(200);
        test.write("prices.toml", "[\"m\"]\nprompt_usd_per_million = 1\ncompletion_usd_per_million = 12\n");
        let flags = ["--in-flight", "64", "--budget", "0.1", "--prices", "prices.toml"];
        test.run_job().to(&gateway).and(flags).status(3).run();
        let billed = gateway.received().len();
        assert!((2..=11).contains(&billed), "{billed} requests of a cent each, where the first {name}");
    }
}

#[test]
fn what_a_price_said_that_has_proved_too_low_is_told_as_the_least_everywhere() {
    // The first reply costs a hundredth of a cent by its price; the second one of `m` tells ten cents.
    let gateway = in_turn(|asked| if asked == 1 { answer(r#","cost":0.1"#) } else { answer("") });
    let (test, other) = (test(2), priced("0.25"));
    test.write("prices.toml", "[\"m\"]\nprompt_usd_per_million = 10\ncompletion_usd_per_million = 0\n");
    let flags = ["--in-flight", "1", "--budget", "5", "--prices", "prices.toml"];
    let summary = test.run_job().to(&gateway).and(flags).run().stderr;
    let told = "≥ $0.100; the price of m is too low: what it says of a reply is the least that it cost; the budget counts \
                $0.0999 for what is unknown";
    assert!(summary.contains(told), "{summary}");
    let shown = test.args(["show", "latest"]).run().stdout;
    assert!(shown.contains(told) && shown.lines().any(|line| line.ends_with("  ≥ $0.100")), "{shown}");
    assert!(test.args(["runs"]).run().stdout.contains("  ≥ $0.100  "));
    let json = |args: &[&str]| serde_json::from_str::<Value>(&test.args(args).run().stdout).unwrap();
    let (run, runs) = (json(&["show", "latest", "--json"]), json(&["runs", "--json"]));
    for sums in [&run, &run["models"][0], &runs[0]] {
        assert_eq!(sums["cost_is_lower_bound"], true, "{sums}");
        assert_eq!(sums["unknown_costs"], 0, "{sums}");
        let [known, assumed] = ["cost_usd", "assumed_cost_usd"].map(|name| sums[name].as_f64().unwrap());
        assert!((known - 0.1001).abs() < 1e-9 && (assumed - 0.0999).abs() < 1e-9, "{sums}");
    }
    let first = test.args(["show", "latest", "1"]).run().stdout;
    assert!(first.contains("  cost ≥ $0.000100, by a price that has proved too low\n"), "{first}");
    for (row, is_by_price) in [("1", true), ("2", false)] {
        let attempt = &json(&["show", "latest", row, "--json"])["items"][0]["exchanges"][0]["attempts"][0];
        let marks = ["cost_is_by_price", "cost_is_lower_bound"].map(|name| &attempt[name]);
        assert_eq!(marks, [is_by_price, is_by_price], "{attempt}");
    }
    // A run whose replies tell what they cost is told as exactly as before.
    test.run_job().to(&other).and(flags).and(["--new"]).run();
    assert_eq!(json(&["show", "latest", "--json"])["cost_is_lower_bound"], false);
}

#[test]
fn a_price_that_proves_too_low_in_a_later_call_counts_for_the_earlier_ones_too() {
    let gateway = in_turn(|asked| if asked < 30 { answer("") } else { answer(r#","cost":0.02"#) });
    let test = test(120);
    test.write("prices.toml", "[\"m\"]\nprompt_usd_per_million = 0\ncompletion_usd_per_million = 1\n");
    let flags = ["--budget", "0.5", "--prices", "prices.toml"];
    test.run_job().to(&gateway).and(flags).and(["--limit", "30"]).run();
    let output = test.run_job().to(&gateway).and(flags).status(3).run();
    assert_eq!(gateway.received().len(), 31, "{}", output.stderr);
    assert!(output.stderr.contains("stopped: budget used up: $0.620 of $0.500 are spent"), "{}", output.stderr);
    test.run_job().to(&gateway).and(flags).status(3).run();
    assert_eq!(gateway.received().len(), 31, "something was sent though the budget was used up");
}

#[test]
fn a_row_that_fits_in_no_minute_is_refused_by_its_line_before_anything_is_sent() {
    let (test, gateway) =
        (test(2).file("rows.csv", format!("id,q\n1,short\n2,{}\n", "word ".repeat(4_000))), Gateway::new());
    let output = test.run_job().to(&gateway).and(["--tpm", "1000"]).status(2).run();
    assert!(output.stderr.contains("rows.csv:3: the request for m has at least "), "{}", output.stderr);
    assert!(output.stderr.contains("limits.tokens_per_minute = 1000"), "{}", output.stderr);
    assert_eq!(gateway.requests(), 0);
}

#[test]
fn requests_a_day_are_counted_over_runs_and_jobs() {
    let (test, gateway) = (test(10), Gateway::new());
    let quota = ["--set", "limits.requests_per_day=7"];
    let output = test.run_job().to(&gateway).and(quota).status(3).run();
    assert!(output.stderr.contains("limits.requests_per_day = 7 is used up"), "{}", output.stderr);
    assert_eq!(gateway.requests(), 7);
    test.write("other.toml", JOB);
    test.args(["run", "other.toml"]).to(&gateway).and(quota).status(3).run();
    assert_eq!(gateway.requests(), 7, "another job of the same store has the same day");
    test.run_job().to(&gateway).and(["--set", "limits.requests_per_day=10"]).run();
    assert_eq!(gateway.requests(), 10);
}

#[test]
fn a_model_that_cannot_be_asked_ends_alone_and_the_others_go_on() {
    let two = JOB.replace("[\"m\"]", "[\"gone\", \"there\"]");
    let test = Test::new().job(&two).file("rows.csv", rows(200));
    let gateway = FaultyGateway::new(|received| {
        if received.text().contains("gone") {
            let body = r#"{"error":{"code":404,"message":"No endpoints found for gone."}}"#;
            return Play::Answer(404, "", body.to_owned());
        }
        Play::good("yes")
    });
    let output = test.run_job().to(&gateway).status(3).run();
    assert_eq!(test.store().count("SELECT count(*) FROM items WHERE outcome = 'ok' AND model = 'there'"), 200);
    assert_eq!(test.store().count("SELECT count(*) FROM items WHERE model = 'gone'"), 0);
    let gone = gateway.received().iter().filter(|received| received.text().contains("gone")).count();
    assert!(gone <= 32, "{gone} requests to a model that is not there");
    assert!(output.stderr.contains("warning: gone is asked no more in this run: "), "{}", output.stderr);
    assert!(output.stderr.contains("stopped: model closed: gone: "), "{}", output.stderr);
    assert!(output.stderr.contains("mend the model's name or its settings"), "{}", output.stderr);
    assert!(!output.stderr.contains("quota"), "{}", output.stderr);
    let shown = test.args(["show", "latest"]).run().stdout;
    assert!(shown.contains(" × gone: rejected: ") && shown.contains("No endpoints found for gone."), "{shown}");
    assert!(shown.contains("mend the model's name") && !shown.contains("the row:"), "{shown}");
    let json: serde_json::Value = serde_json::from_str(&test.args(["show", "latest", "--json"]).run().stdout).unwrap();
    assert_eq!((&json["refused"][0]["model"], &json["refused"][0]["class"]), (&"gone".into(), &"rejected".into()));
}

#[test]
fn a_limit_that_adapts_is_kept_with_its_reasons() {
    let latency = Latency::Fixed(Duration::from_millis(20));
    let (test, gateway) = (test(600), Gateway::with(Options { latency, ..Options::default() }));
    test.run_job().to(&gateway).run();
    let page = test.args(["show", "latest"]).run().stdout;
    assert!(page.contains("answers come as fast as before, so it doubles"), "{page}");
    assert!(gateway.stats().peak_in_flight > 16, "{}", gateway.stats().peak_in_flight);
}
