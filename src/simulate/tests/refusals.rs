//! What a wrong request gets.

use serde_json::{Value, json};

use super::super::Options;
use super::client::{Connection, ask, ask_chat, chat, start, try_ask};

const CHAT: &str = "/v1/simulated/simulated/openrouter/chat/completions";

#[tokio::test]
async fn a_missing_or_wrong_token_gets_the_gateways_envelope() {
    let simulator = start(Options { token: Some("cf-secret".to_owned()), ..Options::default() }).await;
    let wrong = [
        vec![],
        vec![("cf-aig-authorization", "Bearer other")],
        vec![("cf-aig-authorization", "cf-secret")],
        vec![("authorization", "Bearer cf-secret")],
    ];
    for headers in wrong {
        let answered = try_ask(&simulator, CHAT, &headers, &chat("a")).await.unwrap();
        let expected = json!({
            "success": false, "result": [], "messages": [], "error": [{"code": 2009, "message": "Unauthorized"}],
            "name": "AiGatewayError", "httpCode": 401, "internalCode": 2009,
        });
        assert_eq!((answered.status, answered.json()), (401, expected), "{headers:?}");
        assert!(answered.headers.contains_key("cf-aig-log-id") && !answered.headers.contains_key("x-generation-id"));
    }
    let right = [("cf-aig-authorization", "bearer cf-secret")];
    assert_eq!(try_ask(&simulator, CHAT, &right, &chat("a")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_missing_or_wrong_key_gets_the_routers_envelope() {
    let simulator = start(Options { api_key: Some("sk-or".to_owned()), ..Options::default() }).await;
    for (headers, message) in [
        (vec![], "No auth credentials found"),
        (vec![("authorization", "Bearer other")], "User not found."),
        (vec![("authorization", "Bearer \u{e9}")], "User not found."),
    ] {
        let answered = try_ask(&simulator, CHAT, &headers, &chat("a")).await.unwrap();
        let body = answered.json();
        assert_eq!((answered.status, &body["error"]["code"]), (401, &json!(401)), "{headers:?}");
        assert_eq!(body["error"]["message"], message);
    }
    let right = [("authorization", "Bearer sk-or")];
    assert_eq!(try_ask(&simulator, CHAT, &right, &chat("a")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_wrong_body_or_model_gets_400_in_the_dialect_of_the_endpoint() {
    let simulator = start(Options::default()).await;
    for body in ["not json", r#"{"model":"a/b"}"#, r#"{"messages":[{}]}"#, r#"{"model":"no-such/x","messages":[{}]}"#] {
        let answered = ask(&simulator, CHAT, body).await;
        let error = &answered.json()["error"];
        assert_eq!((answered.status, &error["code"]), (400, &json!(400)), "{body}");
        assert_eq!(error["metadata"]["error_type"], "invalid_request");
        let error = ask(&simulator, "/api/v1/messages", body).await.json();
        assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!("invalid_request_error")));
    }
    assert_eq!(simulator.stats().billed, 0);
}

#[tokio::test]
async fn a_wrong_path_is_refused_by_whom_it_reaches() {
    let simulator = start(Options { gateway_id: Some("mine".to_owned()), ..Options::default() }).await;
    assert_eq!(ask_chat(&simulator, &chat("a")).await.status, 200, "the base URL names the gateway");
    let code = |body: &Value| body["error"][0]["code"].clone();
    let unknown = ask(&simulator, CHAT, &chat("a")).await;
    assert_eq!((unknown.status, code(&unknown.json())), (400, json!(2001)));
    let provider = ask(&simulator, "/v1/a/mine/openai/chat/completions", &chat("a")).await;
    assert_eq!((provider.status, code(&provider.json())), (400, json!(2008)));
    let doubled = ask(&simulator, "/v1/v1/chat/completions", &chat("a")).await;
    assert_eq!((doubled.status, &doubled.json()["error"]["code"]), (404, &json!(404)));
    let method = ask(&simulator, "/v1/chat/completions", "").await;
    assert_eq!((method.status, method.headers["allow"].as_str()), (405, "POST"));
}

#[tokio::test]
async fn a_quota_is_enforced_and_says_how_long_to_wait() {
    let simulator = start(Options { requests_per_minute: Some(3), ..Options::default() }).await;
    for _ in 0..3 {
        assert_eq!(ask_chat(&simulator, &chat("a")).await.status, 200);
    }
    let answered = ask_chat(&simulator, &chat("a")).await;
    assert_eq!((answered.status, &answered.json()["internalCode"]), (429, &json!(2003)));
    let seconds: u64 = answered.headers["retry-after"].parse().unwrap();
    assert!((50..=60).contains(&seconds), "{seconds}");
    assert!(simulator.stats().faults.is_empty(), "a quota is no fault");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let simulator = start(Options::default()).await;
    let mut connection = Connection::open(simulator.address()).await;
    connection.send_head("POST", CHAT, 65 << 20).await;
    assert_eq!(connection.receive().await.unwrap().status, 413);
}
