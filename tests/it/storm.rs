//! Ten thousand items in a storm of faults: each ends with its true cause, and the run's own numbers
//! are the gateway's, to the last request.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use nightreel::simulate::{JournalLine, NanoUsd, Options, Stats};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Gateway, Store, Test};

const ITEMS: usize = 10_000;
/// A pause that the gateway asks for holds one lane: with many of them none waits for long.
const LANES: usize = 20;

const FAULTS: &str = "rate_limited=0.05,rate_limited_without_hint=0.05,server_error=0.05,overloaded=0.03,\
    reset=0.015,reset_in_body=0.015,truncated=0.03,hang=0.01,stall=0.01,error_in_200=0.01,error_in_choice=0.01,\
    finish_error=0.01,blank=0.02,not_json=0.02,empty=0.01";

/// The idle time-out is what each hang takes.
const JOB: &str = "[input]\npath = \"rows.jsonl\"\nformat = \"requests\"\n[timeouts]\nidle = \"1s\"\n";

/// What attempts cost, exactly: each cost is a number of billionths.
const NANO_USD: &str = "sum(CAST(round(cost_usd * 1e9) AS INTEGER))";

/// Bodies that are sent as they stand, so that the gateway's journal names each by its hash.
fn bodies() -> Vec<String> {
    let body = |item| {
        let lane = item % LANES;
        format!(r#"{{"model":"storm/{lane}","messages":[{{"role":"user","content":"Question {item}."}}]}}"#)
    };
    (0..ITEMS).map(body).collect()
}

fn gateway() -> Gateway {
    Gateway::with(Options {
        seed: 11,
        faults: FAULTS.parse().unwrap(),
        latency: "0..5ms".parse().unwrap(),
        reply_tokens: "5..60".parse().ok(),
        cost_usd: "0.0137".parse().ok(),
        retry_after: Duration::from_millis(20),
        ..Options::default()
    })
}

/// What an attempt is on record as, by what the gateway did: class, status, how it ended, and
/// whether its cost is known.
fn truth(line: &JournalLine) -> (&'static str, Option<u16>, &'static str, bool) {
    let (class, ended, is_known) = match (line.fault.as_deref(), line.status) {
        (None, Some(200)) => ("answered", "complete", true),
        (Some("rate_limited" | "rate_limited_without_hint"), Some(429)) => ("rate_limited", "complete", true),
        (Some("server_error"), Some(500))
        | (Some("overloaded"), Some(529))
        | (Some("error_in_200" | "error_in_choice" | "finish_error"), Some(200)) => ("server_error", "complete", true),
        // The edge gave up; the provider behind it may not have.
        (Some("overloaded"), Some(524)) => ("timed_out", "complete", false),
        (Some("hang"), None) | (Some("stall"), Some(200)) => ("timed_out", "timed_out", false),
        (Some("reset"), None) => ("connection_lost", "reset", false),
        (Some("reset_in_body" | "truncated"), Some(200)) => ("bad_body", "reset", false),
        (Some("blank" | "not_json"), Some(200)) => ("bad_body", "complete", false),
        (Some("empty"), Some(200)) => ("bad_body", "complete", true),
        other => panic!("the storm has no {other:?}"),
    };
    (class, line.status, ended, is_known)
}

/// What the gateway did to each item, in the order of the attempts.
fn attempts_seen(journal: Vec<JournalLine>) -> Vec<Vec<JournalLine>> {
    let hash = |body: &String| Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let items: HashMap<_, _> = bodies().iter().map(hash).zip(0..).collect();
    let mut seen = vec![Vec::new(); ITEMS];
    for line in journal {
        let item: usize = items[&line.body_sha256];
        seen[item].push(line);
    }
    seen
}

/// Every attempt is on record, and as what it was.
fn assert_attempts(store: &Store, seen: &[Vec<JournalLine>]) {
    let sql = "SELECT position, number, class, status, ended, cost_usd IS NOT NULL FROM attempts ORDER BY 1, 2";
    let mut recorded = vec![Vec::new(); ITEMS];
    for (position, attempt) in store.rows(sql, |row| {
        let (class, ended): (String, String) = (row.get(2)?, row.get(4)?);
        Ok((row.get::<_, u32>(0)?, (row.get::<_, u32>(1)?, class, row.get::<_, Option<u16>>(3)?, ended, row.get(5)?)))
    }) {
        recorded[position as usize].push(attempt);
    }
    for (item, (seen, recorded)) in seen.iter().zip(recorded).enumerate() {
        let told = |line: &JournalLine| {
            let (class, status, ended, is_known) = truth(line);
            (line.attempt, class.to_owned(), status, ended.to_owned(), is_known)
        };
        assert_eq!(recorded, seen.iter().map(told).collect::<Vec<_>>(), "item {item}");
    }
}

/// Every item ends as its last attempt did.
fn assert_outcomes(lines: &[Value], seen: &[Vec<JournalLine>]) {
    assert_eq!(lines.len(), ITEMS);
    for (item, (line, seen)) in lines.iter().zip(seen).enumerate() {
        let class = truth(seen.last().unwrap()).0;
        let outcome = if class == "answered" { "ok" } else { class };
        assert_eq!(
            (line["outcome"].as_str(), line["attempts"].as_u64()),
            (Some(outcome), Some(seen.len() as u64)),
            "{item}"
        );
        assert_eq!(line["error"].is_null(), outcome == "ok", "{item}");
    }
}

/// Tokens and costs are the gateway's: those that arrived are known exactly, the others are said to
/// be unknown.
fn assert_costs(test: &Test, stats: &Stats) {
    let store = test.store();
    let answered = |what: &str| store.count(&format!("SELECT {what} FROM attempts WHERE class = 'answered'"));
    let known = ["count(*)", "sum(prompt_tokens)", "sum(completion_tokens)", NANO_USD].map(answered);
    let bill = stats.delivered;
    assert_eq!(known, [bill.answers, bill.prompt_tokens, bill.completion_tokens, bill.nano_usd]);
    let of_all = store.count(&format!("SELECT {NANO_USD} FROM attempts"));
    assert_eq!(of_all, bill.nano_usd, "what was not delivered has no known cost");
    let lost = store.count("SELECT count(*) FROM attempts WHERE ended <> 'complete' AND cost_usd IS NULL");
    assert_eq!((lost, stats.left.answers), (stats.cut.answers + stats.hung.answers, 0));
    let runs: Value = serde_json::from_str(&test.args(["runs", "--json"]).run().stdout).unwrap();
    let told = format!("{:.9}", runs[0]["cost_usd"].as_f64().unwrap());
    assert_eq!(told.parse(), Ok(NanoUsd(bill.nano_usd)));
    let unknown = store.count("SELECT count(*) FROM attempts WHERE cost_usd IS NULL");
    assert_eq!(runs[0]["unknown_costs"], unknown);
}

#[test]
fn in_a_storm_every_item_ends_with_its_true_cause_and_all_numbers_are_the_gateways() {
    let gateway = gateway();
    let test = Test::new().job(JOB).file("rows.jsonl", bodies().join("\n"));
    let run = test.run_job().to(&gateway).and(["--in-flight", "64"]).output("results.jsonl").status(1).run();
    let (seen, stats, store) = (attempts_seen(gateway.journal()), gateway.stats(), test.store());
    store.assert_whole();
    assert_eq!(store.count("SELECT count(*) FROM attempts"), stats.requests);
    let each = FAULTS.split(',').map(|share| stats.faults.get(share.split_once('=').unwrap().0));
    assert!(each.into_iter().all(|count| count.is_some_and(|count| *count > 50)), "{:?}", stats.faults);
    let sent = format!("{},{:03} requests sent", stats.requests / 1_000, stats.requests % 1_000);
    assert!(run.stderr.contains(&sent), "{sent} is missing in\n{}", run.stderr);
    assert_attempts(&store, &seen);
    assert_outcomes(&test.json_lines("results.jsonl"), &seen);
    let statuses = "SELECT status, count(*) FROM attempts WHERE status IS NOT NULL GROUP BY status";
    let statuses = store.rows(statuses, |row| Ok((row.get::<_, u16>(0)?, u64::from(row.get::<_, u32>(1)?))));
    assert_eq!(statuses.into_iter().collect::<BTreeMap<_, _>>(), stats.answered);
    assert_costs(&test, &stats);
    drop(gateway);
    test.replay_job().output("replay.jsonl").status(1).run();
    assert!(test.bytes("replay.jsonl") == test.bytes("results.jsonl"), "a replay is not what was recorded");
}
