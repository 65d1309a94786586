//! A fixture that answers within the process.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::gateway::{Gateway, Tag};
use crate::model::{Endpoint, FaultKind, KeyRules, Reply, Request};

fn request(prompt: &str) -> Request {
    Request::new(Endpoint::ChatCompletions, "m".into(), Bytes::from(chat(prompt)), &KeyRules::default()).unwrap()
}

fn send(gateway: &dyn Gateway, prompt: &str) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { gateway.send(&request(prompt), &Tag::default()).await.unwrap().collect().await.0 })
}

#[test]
fn what_is_recorded_by_either_way_of_asking_is_replayed_by_both() {
    let (places, upstream) = (Places::new(), Upstream::new());
    for path in places.both() {
        let fixture = Fixture::at(&path).session("one").must_use_all();
        let gateway = fixture.gateway_in(&upstream.environment("record")).unwrap();
        let asked = gateway.ask(Endpoint::ChatCompletions, chat("why?")).unwrap();
        let sent = send(&gateway, "how?");
        assert_eq!((asked.status, sent.status), (200, 200));
        assert_eq!(gateway.finish().unwrap().live, 2);

        let gateway = fixture.gateway_in(&silent()).unwrap();
        assert_eq!(send(&gateway, "why?"), asked);
        assert_eq!(gateway.ask(Endpoint::ChatCompletions, chat("how?")).unwrap(), sent);
        assert_eq!(gateway.report().hits, 2);
    }
}

#[test]
fn a_miss_is_an_error_or_a_status_that_nobody_tries_again() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one");
    let recording = fixture.gateway_in(&upstream.environment("record")).unwrap();
    recording.ask(Endpoint::ChatCompletions, chat("why?")).unwrap();
    drop(recording);
    let gateway = fixture.gateway_in(&silent()).unwrap();
    let error = gateway.ask(Endpoint::ChatCompletions, chat("what?")).unwrap_err();
    assert!(matches!(&error, AskError::NotRecorded(_)), "{error}");
    let reply = send(&gateway, "what?");
    assert_eq!((reply.status, reply.header("x-should-retry")), (400, Some("false")));
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["error"]["message"], error.to_string());
    assert_eq!(gateway.report().misses, 2);
    assert!(matches!(gateway.ask(Endpoint::Embeddings, "{"), Err(AskError::NotJson(_))));
}

#[test]
fn ignored_and_normalised_parts_find_the_same_recording() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one").ignore("$.user").normalise(crate::model::Normaliser::Timestamps);
    let asked = |user: &str, day: &str| json!({"model": "m", "user": user, "prompt": format!("on {day}")}).to_string();
    let recording = fixture.gateway_in(&upstream.environment("record")).unwrap();
    let first = recording.ask(Endpoint::Completions, asked("a", "2026-11-22")).unwrap();
    drop(recording);
    let again = fixture.gateway_in(&silent()).unwrap().ask(Endpoint::Completions, asked("b", "2027-01-01")).unwrap();
    assert_eq!(again, first);
    assert!(Fixture::at(&path).gateway_in(&silent()).unwrap().ask(Endpoint::Completions, asked("b", "x")).is_err());
}

#[test]
fn no_connection_to_the_upstream_is_told_and_not_recorded() {
    let places = Places::new();
    let [path, _] = places.both();
    let gateway = Fixture::at(&path).gateway_in(&unreachable("record")).unwrap();
    let reply = gateway.ask(Endpoint::ChatCompletions, chat("why?")).unwrap();
    assert_eq!(reply.status, 502);
    let said = panic_of(|| drop(gateway));
    assert!(
        said.starts_with("1 of the requests that were to be recorded could not be sent, so the fixture "),
        "{said}"
    );
    assert!(!path.exists());
}

#[test]
fn a_body_that_is_no_json_is_a_request_that_nothing_answers_in_every_mode() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one").must_use_all();
    // Each mode begins the session once.
    for environment in [upstream.environment("record"), silent(), upstream.environment("auto")] {
        let gateway = fixture.gateway_in(&environment).unwrap();
        gateway.ask(Endpoint::ChatCompletions, chat("why?")).unwrap();
        assert!(matches!(gateway.ask(Endpoint::ChatCompletions, "{not json"), Err(AskError::NotJson(_))));
        let refused = gateway.report().refused.shown.remove(0);
        assert_eq!(
            (refused.session.as_str(), refused.path.as_str(), refused.status),
            ("one", "/v1/chat/completions", 400)
        );
        let said = panic_of(|| drop(gateway));
        assert!(said.contains("nothing answered 1 request\n  refused: the body of the request is not JSON"), "{said}");
    }
}

#[test]
fn a_key_that_is_named_is_sent_to_any_service_and_kept_nowhere() {
    let (places, upstream) = (Places::new(), Upstream::new());
    let [path, _] = places.both();
    let url = upstream.base_url();
    let variables = [(MODE, "record"), (BASE_URL, &*url), ("OTHER_KEY", "canary-of-a-key")];
    let fixture = Fixture::at(&path).api_key_env("OTHER_KEY");
    let gateway = fixture.gateway_in(&environment(&variables)).unwrap();
    gateway.ask(Endpoint::ChatCompletions, chat("is canary-of-a-key a key?")).unwrap();
    drop(gateway);
    assert_eq!(upstream.keys(), ["Bearer canary-of-a-key"]);
    assert_eq!(asked(&path)[0].1, "is [redacted] a key?");
    let error = fixture.gateway_in(&upstream.environment("record")).unwrap_err().to_string();
    assert!(error.starts_with("api_key_env: OTHER_KEY is not set"), "{error}");
    fixture.gateway_in(&silent()).unwrap();
}

#[test]
fn a_recorded_fault_is_one_again() {
    let exchange = Exchange {
        request: request("why?"),
        session: None,
        occurrence: 0,
        attempt: crate::model::Attempt {
            number: 1,
            sent_at_ms: 0,
            timing: crate::model::Timing::default(),
            reply: Err(crate::model::Fault { kind: FaultKind::Reset, message: "it broke".to_owned() }),
            class: crate::model::Class::ConnectionLost,
            cost_usd: None,
            assumed_cost_usd: None,
        },
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fixture.db");
    crate::store::write_fixture(&path, [exchange]).unwrap();
    let gateway = Arc::new(Fixture::at(&path).gateway_in(&silent()).unwrap());
    let error = gateway.ask(Endpoint::ChatCompletions, chat("why?")).unwrap_err();
    assert!(matches!(error, AskError::Fault(fault) if fault.kind == FaultKind::Reset));
}

#[test]
fn a_gateway_has_no_pace() {
    let error = Fixture::at("fixtures/quickstart.db").pace(1.0).gateway_in(&silent()).unwrap_err();
    assert_eq!(error.to_string(), "pace: gateway() gives its answers at once; serve() can take its time");
}
