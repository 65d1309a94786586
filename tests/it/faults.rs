//! Gateways that misbehave: every item settles, and every attempt is on record.

use std::collections::BTreeMap;
use std::time::Duration;

use nightreel::simulate::{Faults, Options};

use crate::support::{FaultyGateway, Gateway, Play, Test};

/// A row for each way to misbehave once.
const ROWS: &str = "q\nrate-limited\nserver-error\nblank\nerror-inside\nreset\ncut-short\nnot-json\nno-choices\ngood\n";

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

fn misbehave(how: &str) -> Play {
    let answer = |status, headers, body: &str| Play::Answer(status, headers, body.to_owned());
    match how {
        "rate-limited" => answer(429, "retry-after: 1\r\n", r#"{"error":{"code":429,"message":"slow down"}}"#),
        "server-error" => answer(500, "", r#"{"error":{"code":500,"message":"Internal Server Error"}}"#),
        "blank" => answer(200, "", "\n         \n\n         \n"),
        "error-inside" => answer(200, "", r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
        "cut-short" => Play::CutShort(r#"{"choices":[{"message":{"content":"half"#.to_owned()),
        "not-json" => answer(200, "", "<html><title>Just a moment</title></html>"),
        "no-choices" => answer(200, "", r#"{"id":"gen-1","choices":[]}"#),
        "reset" => Play::Reset,
        _ => Play::good("fine"),
    }
}

#[test]
fn a_gateway_that_misbehaves_once_costs_an_attempt_and_no_item() {
    let gateway = FaultyGateway::new(|received| {
        let text = received.text();
        let how = ROWS.lines().find(|how| text.contains(&format!("\"{how}\""))).unwrap();
        if received.times == 1 { misbehave(how) } else { Play::good("fine") }
    });
    let test = Test::new().job(JOB).file("rows.csv", ROWS);
    // One after another: a pause that one answer asks for must not blur what the others do.
    test.run_job().to(&gateway).output("results.jsonl").run();
    let lines = test.json_lines("results.jsonl");
    let attempts: Vec<_> =
        lines.iter().map(|line| (line["outcome"].as_str().unwrap(), line["attempts"].as_u64().unwrap())).collect();
    let mut expected = vec![("ok", 2); 8];
    expected.push(("ok", 1));
    assert_eq!(attempts, expected);

    let sql = "SELECT row_id, number, class, status, attempts.ended, settling \
               FROM attempts JOIN items USING (run, position) ORDER BY position, number";
    let recorded = test.store().rows(sql, |row| {
        let status: Option<u16> = row.get(3)?;
        let (id, number, class, ended): (String, u32, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?);
        Ok(format!("{id} {number} {class} {} {ended} {}", status.unwrap_or(0), row.get::<_, u8>(5)?))
    });
    assert_eq!(
        recorded,
        [
            "1 1 rate_limited 429 complete 0",
            "1 2 answered 200 complete 1",
            "2 1 server_error 500 complete 0",
            "2 2 answered 200 complete 1",
            "3 1 bad_body 200 complete 0",
            "3 2 answered 200 complete 1",
            "4 1 server_error 200 complete 0",
            "4 2 answered 200 complete 1",
            "5 1 connection_lost 0 reset 0",
            "5 2 answered 200 complete 1",
            "6 1 bad_body 200 reset 0",
            "6 2 answered 200 complete 1",
            "7 1 bad_body 200 complete 0",
            "7 2 answered 200 complete 1",
            "8 1 bad_body 200 complete 0",
            "8 2 answered 200 complete 1",
            "9 1 answered 200 complete 1",
        ]
    );
    let received = gateway.received();
    let limited: Vec<_> = received.iter().filter(|received| received.text().contains("rate-limited")).collect();
    assert!(limited[1].at - limited[0].at >= Duration::from_secs(1), "Retry-After was not waited for");
    test.replay_job().output("replay.jsonl").run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn a_pause_that_is_longer_than_any_is_made_shorter_and_told_once_a_model() {
    let body = r#"{"error":{"code":429,"message":"slow down"}}"#;
    let gateway = FaultyGateway::new(move |received| match received.times {
        1 => Play::Answer(429, "retry-after: 7500\r\n", body.to_owned()),
        _ => Play::good("fine"),
    });
    let test = Test::new().job(JOB).file("rows.csv", "q\na\nb\nc\n");
    let output = test.run_job().to(&gateway).and(["--set", "retry.max_hint=1s"]).run();
    let told = "warning: m: the server asks to be left alone for 2 h 5 min; it is asked again after 1 s, \
                the longest pause made\n";
    assert_eq!(output.stderr.matches(told).count(), 1, "{}", output.stderr);
    assert_eq!(gateway.received().len(), 6);
}

#[test]
fn an_item_that_fails_for_good_settles_with_its_reason() {
    let gateway =
        FaultyGateway::new(|_| Play::Answer(500, "", r#"{"error":{"code":500,"message":"broken"}}"#.to_owned()));
    let test = Test::new().job(JOB).file("rows.csv", "q\nx\n");
    let twice = ["--set", "retry.attempts=2"];
    test.run_job().to(&gateway).and(twice).output("results.jsonl").status(1).run();
    assert_eq!(gateway.received().len(), 2);
    let line = &test.json_lines("results.jsonl")[0];
    assert_eq!((line["outcome"].as_str(), line["attempts"].as_u64()), (Some("server_error"), Some(2)));
    assert!(line["response"].is_null());
    assert!(line["error"].as_str().unwrap().contains("broken"), "{line}");
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}

#[test]
fn in_a_storm_of_faults_every_item_settles_and_every_request_is_on_record() {
    let rows: String = (0..1_000).map(|row| format!("question {row}\n")).collect();
    let test = Test::new().job(JOB).file("rows.csv", format!("q\n{rows}"));
    let faults: Faults = "rate_limited_without_hint=0.05,server_error=0.05,bad_gateway=0.03,overloaded=0.03,\
        provider_failed=0.02,reset=0.03,truncated=0.03,stall=0.005,hang=0.005,error_in_200=0.03,error_in_choice=0.02,\
        blank=0.03,not_json=0.02,empty=0.02,no_choices=0.02,length=0.02,blocked=0.01"
        .parse()
        .unwrap();
    let gateway = Gateway::with(Options { seed: 7, faults, ..Options::default() });
    let deadlines = ["--set", "timeouts.idle=1s", "--in-flight", "64"];
    test.run_job().to(&gateway).and(deadlines).output("results.jsonl").status(1).run();
    let stats = gateway.stats();
    let store = test.store();
    store.assert_whole();
    assert_eq!(store.count("SELECT count(*) FROM items"), 1_000);
    assert_eq!(store.count("SELECT count(*) FROM attempts"), stats.requests);
    let statuses = store
        .rows("SELECT status, count(*) FROM attempts WHERE status IS NOT NULL GROUP BY status", |row| {
            Ok((row.get::<_, u16>(0)?, u64::from(row.get::<_, u32>(1)?)))
        });
    assert_eq!(statuses.into_iter().collect::<BTreeMap<_, _>>(), stats.answered);
    let lines = test.json_lines("results.jsonl");
    assert_eq!(lines.len(), 1_000);
    let attempts: u64 = lines.iter().map(|line| line["attempts"].as_u64().unwrap()).sum();
    assert_eq!(attempts, stats.requests);
    let truncated = lines.iter().filter(|line| line["outcome"] == "truncated").count() as u64;
    assert_eq!(truncated, stats.faults["length"]);
    let blocked = lines.iter().filter(|line| line["outcome"] == "blocked").count() as u64;
    assert_eq!(blocked, stats.faults["blocked"]);
    drop(gateway);
    test.replay_job().output("replay.jsonl").status(1).run();
    assert_eq!(test.bytes("replay.jsonl"), test.bytes("results.jsonl"));
}
