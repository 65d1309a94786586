//! What each fault looks like from outside.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use serde_json::{Value, json};

use super::super::{Fault, Faults, Options, Simulator};
use super::client::{Answered, ask_chat, chat, start, streamed_chat, try_ask, until};
use crate::model::{Answer, AnswerError, Endpoint, Finish};

const CHAT: &str = "/v1/chat/completions";

/// A simulator where every request meets the one fault.
async fn with(fault: Fault) -> Simulator {
    let mut faults = Faults::default();
    *faults.share_mut(fault) = 1.0;
    start(Options { faults, ..Options::default() }).await
}

/// Enough replies to a fault to see each of its forms.
async fn replies(fault: Fault, body: impl Fn(&str) -> String) -> Vec<Answered> {
    let simulator = with(fault).await;
    let mut replies = Vec::new();
    for number in 0..40 {
        replies.push(ask_chat(&simulator, &body(&number.to_string())).await);
    }
    assert_eq!(simulator.stats().faults[fault.as_str()], 40);
    replies
}

/// The code of the gateway's envelope, or nothing for the router's and for a page.
fn gateway_code(answered: &Answered) -> Option<u64> {
    if answered.headers["content-type"].starts_with("text/html") {
        return None;
    }
    answered.json()["error"][0]["code"].as_u64()
}

#[tokio::test]
async fn faults_that_are_an_error_have_the_status_and_code_of_the_contract() {
    for (fault, expected) in [
        (Fault::RateLimited, vec![(429, None), (429, Some(2003))]),
        (Fault::RateLimitedWithoutHint, vec![(429, None), (429, Some(2003))]),
        (Fault::ServerError, vec![(500, None)]),
        (Fault::BadGateway, vec![(502, None)]),
        (Fault::Overloaded, vec![(524, None), (529, None)]),
        (Fault::ProviderFailed, vec![(400, Some(2005))]),
        (Fault::Unauthorized, vec![(401, Some(2009))]),
        (Fault::KeyDisabled, vec![(401, None)]),
        (Fault::OutOfCredit, vec![(402, None)]),
        (Fault::SpendLimit, vec![(429, Some(2041))]),
        (Fault::Blocked, vec![(424, Some(2016))]),
    ] {
        let replies = replies(fault, chat).await;
        let seen: BTreeSet<_> = replies.iter().map(|reply| (reply.status, gateway_code(reply))).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_tells_the_wait_in_every_form_that_there_is() {
    let mut forms = BTreeSet::new();
    for reply in replies(Fault::RateLimited, chat).await {
        let body = reply.json();
        let retry_after = reply.headers.get("retry-after").map(String::as_str);
        forms.insert(match (retry_after, gateway_code(&reply)) {
            (Some("1"), Some(2003)) => "seconds, gateway",
            (Some("1"), None) => "seconds, router",
            (Some(date), None) if date.ends_with(" GMT") => "date",
            (None, None) if body["error"]["availability"]["retry_after"] == 1 => "availability",
            (None, None) => {
                let told = body["error"]["metadata"]["headers"]["X-RateLimit-Reset"].as_str().unwrap();
                assert_eq!((told, told.len()), (reply.headers["x-ratelimit-reset"].as_str(), 13));
                "reset"
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(forms.len(), 5, "{forms:?}");
}

#[tokio::test]
async fn a_rate_limit_without_hint_has_none() {
    for reply in replies(Fault::RateLimitedWithoutHint, chat).await {
        assert!(reply.headers.keys().all(|name| !name.starts_with("x-ratelimit") && name != "retry-after"));
        assert!(!reply.text().contains("retry_after") && !reply.text().contains("X-RateLimit"));
    }
}

#[tokio::test]
async fn an_overload_is_529_and_524_in_turn() {
    let simulator = with(Fault::Overloaded).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask_chat(&simulator, &chat("a")).await.status);
    }
    assert!(statuses == [524, 529, 524, 529] || statuses == [529, 524, 529, 524], "{statuses:?}");
}

#[tokio::test]
async fn faults_within_a_200_are_no_answer() {
    let parse = |reply: &Answered| Answer::parse(Endpoint::ChatCompletions, &reply.body);
    for reply in replies(Fault::ErrorIn200, chat).await {
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (200, &json!(502)));
    }
    for reply in replies(Fault::ErrorInChoice, chat).await {
        let choice = &reply.json()["choices"][0];
        assert_eq!((&choice["finish_reason"], &choice["error"]["code"]), (&json!("error"), &json!(502)));
        assert!(choice["message"]["content"].as_str().unwrap().starts_with("Simulated"));
    }
    for reply in replies(Fault::FinishError, chat).await {
        let choice = &reply.json()["choices"][0];
        assert_eq!((&choice["finish_reason"], choice.get("error")), (&json!("error"), None));
        assert!(choice["message"]["content"].as_str().unwrap().starts_with("Simulated"));
    }
    for reply in replies(Fault::Blank, chat).await {
        assert_eq!((reply.status, reply.body.len()), (200, 660));
        assert_eq!(parse(&reply).unwrap_err(), AnswerError::Blank);
    }
    let mut kinds = BTreeSet::new();
    for reply in replies(Fault::NotJson, chat).await {
        assert!(matches!(parse(&reply).unwrap_err(), AnswerError::Shape(_)));
        kinds.insert(reply.headers["content-type"].clone());
    }
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    for reply in replies(Fault::Empty, chat).await {
        let answer = parse(&reply).unwrap();
        assert_eq!((answer.finish, answer.usage.completion_tokens), (Finish::Empty, Some(0)));
        assert_eq!(reply.json()["usage"]["total_tokens"], 0);
    }
    for reply in replies(Fault::NoChoices, chat).await {
        assert_eq!(reply.json()["choices"], json!([]));
    }
    for reply in replies(Fault::Length, chat).await {
        let answer = parse(&reply).unwrap();
        assert_eq!(answer.finish, Finish::Length);
        assert_eq!(answer.usage.completion_tokens.unwrap(), answer.text().unwrap().len().div_ceil(4) as u64);
    }
}

#[tokio::test]
async fn faults_strike_streams_too() {
    let texts = |events: &[Value]| -> String {
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
    };
    for fault in [Fault::ErrorIn200, Fault::ErrorInChoice] {
        for reply in replies(fault, streamed_chat).await {
            let (events, is_done) = reply.events();
            let last = events.last().unwrap();
            assert!(!is_done && texts(&events).starts_with("Simulated"), "{fault:?}");
            assert_eq!((&last["error"]["code"], &last["choices"][0]["finish_reason"]), (&json!(502), &json!("error")));
        }
    }
    for reply in replies(Fault::Blank, streamed_chat).await {
        assert!(reply.text().lines().all(|line| line.is_empty() || line.starts_with(": OPENROUTER")));
    }
    for reply in replies(Fault::NotJson, streamed_chat).await {
        assert_eq!(reply.text(), "data: .\n\n");
    }
    for reply in replies(Fault::Empty, streamed_chat).await {
        let (events, is_done) = reply.events();
        assert!(is_done && texts(&events).is_empty());
        assert_eq!(events.last().unwrap()["usage"]["total_tokens"], 0);
    }
    for reply in replies(Fault::NoChoices, streamed_chat).await {
        assert!(reply.events().0.iter().all(|event| event["choices"] == json!([])));
    }
    for reply in replies(Fault::Length, streamed_chat).await {
        let (events, is_done) = reply.events();
        assert!(is_done && events.iter().any(|event| event["choices"][0]["finish_reason"] == "length"));
    }
    for reply in replies(Fault::ServerError, streamed_chat).await {
        assert_eq!((reply.status, reply.headers["content-type"].as_str()), (500, "application/json"));
    }
}

#[tokio::test]
async fn the_other_endpoints_tell_their_errors_in_their_own_dialect() {
    let simulator = with(Fault::ErrorIn200).await;
    for (endpoint, pointer, expected) in [
        ("responses", "/status", json!("failed")),
        ("responses", "/error/code", json!("server_error")),
        ("messages", "/type", json!("error")),
        ("messages", "/error/error_type", json!("provider_unavailable")),
        ("embeddings", "/error/code", json!(502)),
        ("completions", "/error/code", json!(502)),
    ] {
        let body = json!({"model": "a/b", "input": "x", "prompt": "x", "messages": [{}]}).to_string();
        let reply = try_ask(&simulator, &format!("/v1/{endpoint}"), &[], &body).await.unwrap();
        assert_eq!((reply.status, reply.json().pointer(pointer)), (200, Some(&expected)), "{endpoint}");
        let body = body.replacen('{', r#"{"stream":true,"#, 1);
        let reply = try_ask(&simulator, &format!("/v1/{endpoint}"), &[], &body).await.unwrap();
        assert!(reply.text().contains("the provider disconnected"), "{endpoint}");
    }
}

#[tokio::test]
async fn a_reset_comes_before_any_header() {
    let simulator = with(Fault::Reset).await;
    let error = try_ask(&simulator, CHAT, &[], &chat("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!((simulator.stats().billed, simulator.stats().answered.len()), (1, 0));
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_was_told_and_ends_in_both_ways() {
    for body in [chat, streamed_chat] {
        for reply in replies(Fault::ResetInBody, body).await {
            assert_eq!((reply.status, reply.end), (200, Err(ErrorKind::ConnectionReset)));
        }
        let mut ends = BTreeSet::new();
        for reply in replies(Fault::Truncated, body).await {
            assert_eq!(reply.status, 200);
            assert!(!reply.body.is_empty() && !reply.text().contains("[DONE]"));
            if let Some(length) = reply.headers.get("content-length") {
                assert_eq!(reply.body.len(), length.parse::<usize>().unwrap() / 2);
            }
            ends.insert(format!("{:?}", reply.end));
        }
        assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["Err(ConnectionReset)", "Err(UnexpectedEof)"]);
    }
}

#[tokio::test]
async fn a_hang_and_a_stall_last_until_the_simulator_stops() {
    for (fault, body) in [(Fault::Hang, chat("a")), (Fault::Stall, chat("a")), (Fault::Stall, streamed_chat("a"))] {
        let simulator = with(fault).await;
        let address = simulator.address();
        let asked = tokio::spawn(async move {
            let mut connection = super::client::Connection::open(address).await;
            connection.send("POST", CHAT, &[], &body).await;
            connection.receive().await
        });
        until(|| simulator.stats().faults.contains_key(fault.as_str())).await;
        assert_eq!(simulator.stats().in_flight, 1);
        let stats = simulator.stop().await;
        assert_eq!((stats.in_flight, stats.requests), (0, 1), "{fault:?}");
        match asked.await.unwrap() {
            Ok(reply) => assert!(fault == Fault::Stall && reply.end.is_err() && !reply.body.is_empty()),
            Err(_) => assert_eq!(fault, Fault::Hang),
        }
    }
}

#[tokio::test]
async fn each_attempt_has_its_own_luck_and_always_the_same() {
    let faults = Faults { server_error: 0.5, ..Faults::default() };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let simulator = start(Options { faults, ..Options::default() }).await;
        let mut statuses = Vec::new();
        for attempt in 1..=20 {
            let metadata = format!(r#"{{"row":"1","attempt":{attempt}}}"#);
            let headers = [("cf-aig-metadata", metadata.as_str())];
            statuses.push(try_ask(&simulator, CHAT, &headers, &chat("a")).await.unwrap().status);
        }
        let counted = start(Options { faults, ..Options::default() }).await;
        for status in &statuses {
            assert_eq!(ask_chat(&counted, &chat("a")).await.status, *status, "counted without metadata");
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&500), "{:?}", runs[0]);
}
