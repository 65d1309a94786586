//! What limits refuse, as a client sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::super::{Enforcement, HintForm, Options};
use super::client::{Answered, Connection, ask_chat, chat, start, until};

const CHAT: &str = "/v1/chat/completions";

async fn last_of(options: Options, requests: usize) -> Answered {
    let simulator = start(options).await;
    for _ in 1..requests {
        assert_eq!(ask_chat(&simulator, &chat("a")).await.status, 200);
    }
    ask_chat(&simulator, &chat("a")).await
}

#[tokio::test]
async fn a_quota_tells_its_wait_in_the_form_that_is_wished() {
    let limited = async |hint| {
        let enforcement = Enforcement::Fixed;
        let answered = last_of(Options { requests_per_minute: Some(1), enforcement, hint, ..Options::default() }, 2);
        let answered = answered.await;
        assert_eq!(answered.status, 429);
        answered
    };
    let retry_after = |answered: &Answered| answered.headers.get("retry-after").cloned();
    let seconds = limited(HintForm::Seconds).await;
    assert_eq!((retry_after(&seconds).as_deref(), &seconds.json()["internalCode"]), (Some("60"), &json!(2003)));
    let fractions = retry_after(&limited(HintForm::Fractions).await).unwrap();
    assert!((50.0..=60.0).contains(&fractions.parse::<f64>().unwrap()) && fractions.len() == 6, "{fractions}");
    assert!(retry_after(&limited(HintForm::Date).await).unwrap().ends_with(" GMT"));
    let none = limited(HintForm::None).await;
    assert_eq!((retry_after(&none), &none.json()["internalCode"]), (None, &json!(2003)));
    let availability = limited(HintForm::Availability).await.json();
    let wait = availability["error"]["availability"]["retry_after"].as_f64().unwrap();
    assert!((50.0..=60.0).contains(&wait), "{wait}");
    let reset = limited(HintForm::Reset).await;
    assert_eq!(reset.headers["x-ratelimit-reset"].len(), 13);
}

#[tokio::test]
async fn tokens_that_were_answered_fill_their_quota() {
    let reply_tokens = "100".parse().ok();
    let options = Options { tokens_per_minute: Some(250), reply_tokens, ..Options::default() };
    let answered = last_of(options, 4).await;
    assert_eq!((answered.status, answered.headers["retry-after"].as_str()), (429, "60"));
    assert_eq!(answered.json()["error"]["code"], 429);
}

#[tokio::test]
async fn a_model_has_a_quota_and_an_outage_of_its_own() {
    let model_requests_per_minute = BTreeMap::from([("openai/gpt-5-mini".to_owned(), 1)]);
    let outages = vec!["a/out=0..3600".parse().unwrap()];
    let simulator = start(Options { model_requests_per_minute, outages, ..Options::default() }).await;
    let ask = async |body: &str| ask_chat(&simulator, body).await.status;
    let of = |model: &str| chat("a").replace("openai/gpt-5-mini", model);
    assert_eq!([ask(&chat("a")).await, ask(&chat("a")).await], [200, 429]);
    assert_eq!([ask(&of("a/out")).await, ask(&of("a/b")).await], [429, 200]);
    let stats = simulator.stats();
    assert_eq!(stats.limited, BTreeMap::from([("model_requests_per_minute", 1), ("outage", 1)]));
    let asked: Vec<_> = stats.models.iter().map(|(model, stats)| (model.as_str(), stats.requests)).collect();
    assert_eq!(asked, [("a/b", 1), ("a/out", 1), ("openai/gpt-5-mini", 2)]);
}

#[tokio::test]
async fn an_outage_ends() {
    let outages = vec!["openai/gpt-5-mini=100ms..150ms".parse().unwrap()];
    let simulator = start(Options { outages, ..Options::default() }).await;
    let mut statuses = Vec::new();
    while statuses.len() < 3 {
        let status = ask_chat(&simulator, &chat("a")).await.status;
        if statuses.last() != Some(&status) {
            statuses.push(status);
        }
    }
    assert_eq!(statuses, [200, 429, 200]);
}

#[tokio::test]
async fn past_so_many_in_flight_requests_are_refused() {
    let latency = "1m".parse().unwrap();
    let options = Options { refuse_past: Some(2), latency, retry_after: Duration::from_secs(7), ..Options::default() };
    let simulator = start(options).await;
    let mut waiting = Vec::new();
    for number in 1..=2 {
        let mut connection = Connection::open(simulator.address()).await;
        connection.send("POST", CHAT, &[], &chat("a")).await;
        waiting.push(connection);
        until(|| simulator.stats().in_flight == number).await;
    }
    let refused = ask_chat(&simulator, &chat("a")).await;
    assert_eq!((refused.status, refused.headers["retry-after"].as_str()), (429, "7"));
    assert_eq!(simulator.stats().limited["in_flight"], 1);
}
