//! Everything that may come back, and what it means. Traps carry the numbers of the wire
//! contract's list of traps.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::gateway::classify::{classify, classify_at};
use crate::gateway::{Stops, Verdict};
use crate::model::{Class, End, Endpoint, Fault, FaultKind, Finish, Header, Reply};

use Class::{
    Answered, BadBody, Blocked, Misconfigured, OutOfCredit, QuotaExhausted, RateLimited, Rejected, ServerError,
    TimedOut, Unauthorized,
};
use Stops::{Lane, Nothing, Run};

pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let header = |&(name, value): &(&str, &str)| Header { name: name.to_owned(), value: value.to_owned() };
    Reply {
        status,
        headers: headers.iter().map(header).collect(),
        body: Bytes::copy_from_slice(body),
        chunks: vec![],
        end: End::Complete,
    }
}

pub(super) fn verdict_of(reply: Reply, run_has_answers: bool) -> Verdict {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    classify_at(now, Endpoint::ChatCompletions, &Ok(reply), run_has_answers)
}

/// The verdict on a body, at the beginning of a run.
pub(super) fn verdict(status: u16, body: &[u8]) -> Verdict {
    verdict_of(reply(status, &[], body), false)
}

pub(super) fn gateway(http: u16, code: u32, message: &str) -> Value {
    json!({"success": false, "result": [], "messages": [], "error": [{"code": code, "message": message}],
           "name": "AiGatewayError", "httpCode": http, "internalCode": code})
}

pub(super) fn router(code: u16, message: &str, metadata: &Value) -> Value {
    json!({"error": {"code": code, "message": message, "metadata": metadata}, "user_id": "user_1"})
}

fn answer(content: &Value, finish: &Value, tokens: &Value) -> Value {
    json!({"id": "gen-1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    ], "usage": {"prompt_tokens": 3, "completion_tokens": tokens}})
}

/// What is expected of a row: the class, what it stops, and words that the message has in it.
pub(super) type Expected = (Class, Stops, &'static str);

pub(super) fn check(trap: &str, verdict: &Verdict, (class, stops, words): Expected) {
    assert_eq!((verdict.class, verdict.stops), (class, stops), "{trap}: {:?}", verdict.message);
    assert_eq!(verdict.answer.is_some(), class == Answered, "{trap}");
    match &verdict.message {
        None => assert_eq!(class, Answered, "{trap}"),
        Some(message) => {
            assert!(message.contains(words), "{trap}: {message}");
            assert!(!message.contains(['\n', '\r', '\0']) && message.len() < 1500, "{trap}: {message}");
        }
    }
}

#[test]
fn a_compressed_answer_is_one_whichever_way_it_is_compressed() {
    let answer = br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(answer).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
    bare.write_all(answer).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(answer).unwrap();
    for (encoding, body) in [
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::bulk::compress(answer, 1).unwrap()),
    ] {
        let header = Header { name: "content-encoding".to_owned(), value: encoding.to_owned() };
        let reply = Reply { status: 200, headers: vec![header], body: body.into(), chunks: vec![], end: End::Complete };
        let verdict = classify(Endpoint::ChatCompletions, &Ok(reply), false);
        assert_eq!(verdict.class, Answered, "{encoding}: {:?}", verdict.message);
        assert_eq!(verdict.answer.unwrap().text(), Some("hi"), "{encoding}");
    }
}

#[test]
fn a_success_that_is_none() {
    let padding = "\n         \n".repeat(60);
    let rows: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("blank", vec![], (BadBody, Nothing, "empty")),
        ("trap 1", padding.clone().into_bytes(), (BadBody, Nothing, "660 bytes of white space")),
        ("trap 2", format!("{padding}.").into_bytes(), (BadBody, Nothing, "single dot")),
        ("html", b"<!DOCTYPE html><html><title>Log\n in</title>".to_vec(), (BadBody, Nothing, "\"Log in\"")),
        ("truncated json", br#"{"choices":[{"mess"#.to_vec(), (BadBody, Nothing, "not an answer")),
        ("not an object", b"42".to_vec(), (BadBody, Nothing, "not an answer")),
        ("not utf-8", b"{\"choices\":\"\xff\"}".to_vec(), (BadBody, Nothing, "not an answer")),
        ("too deep", "[".repeat(100_000).into_bytes(), (BadBody, Nothing, "not an answer")),
        ("nul bytes", vec![0; 9], (BadBody, Nothing, "not an answer")),
        ("gzip", vec![0x1f, 0x8b, 8, 0], (BadBody, Nothing, "compressed")),
        ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd], (BadBody, Nothing, "compressed")),
        ("trap 7", br#"{"choices":[]}"#.to_vec(), (BadBody, Nothing, "no choices")),
        ("no choices", br#"{"id":"gen-1"}"#.to_vec(), (BadBody, Nothing, "no choices")),
        ("trap 11", b": OPENROUTER PROCESSING\n\n{}".to_vec(), (BadBody, Nothing, "no choices")),
        (
            "trap 3",
            router(402, "Insufficient credits", &Value::Null).to_string().into(),
            (OutOfCredit, Run, "OpenRouter (HTTP 200, with error 402 inside): Insufficient credits"),
        ),
        ("trap 3 text", br#"{"error":"overloaded"}"#.to_vec(), (ServerError, Nothing, "overloaded")),
        (
            "trap 3 string code",
            br#"{"error":{"code":"429","message":"slow"}}"#.to_vec(),
            (RateLimited, Nothing, "slow"),
        ),
        (
            "trap 4",
            json!({"choices": [{"message": {"content": "par"}, "finish_reason": "error",
                   "error": {"code": 502, "message": "gone", "metadata": {"error_type": "provider_unavailable"}}}]})
            .to_string()
            .into(),
            (ServerError, Nothing, "error 502 inside): gone"),
        ),
        (
            "trap 4 without an error",
            json!({"choices": [{"message": {"content": "par"}, "finish_reason": "error"}]}).to_string().into(),
            (ServerError, Nothing, "broke off half-way"),
        ),
        (
            "trap 5",
            br#"{"object":"chat.completion.chunk","error":{"code":"server_error","message":"x"},"choices":[]}"#
                .to_vec(),
            (ServerError, Nothing, "x"),
        ),
        (
            "envelope B",
            json!({"error": {"message": "m", "error_type": "rate_limit_exceeded", "http_status": 429}})
                .to_string()
                .into(),
            (RateLimited, Nothing, "m"),
        ),
        (
            "envelope E",
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": "m"}}).to_string().into(),
            (RateLimited, Nothing, "m"),
        ),
        (
            "envelope F",
            json!({"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "m"}})
                .to_string()
                .into(),
            (ServerError, Nothing, "m"),
        ),
        ("a gateway's", gateway(429, 2003, "Rate limited").to_string().into(), (RateLimited, Nothing, "code 2003")),
        (
            "trap 6 no tokens",
            answer(&json!(""), &json!("stop"), &json!(0)).to_string().into(),
            (BadBody, Nothing, "no tokens"),
        ),
        (
            "trap 6 no finish",
            answer(&Value::Null, &Value::Null, &json!(7)).to_string().into(),
            (BadBody, Nothing, "no content"),
        ),
    ];
    for (trap, body, expected) in rows {
        check(trap, &verdict(200, &body), expected);
    }
}

#[test]
fn a_success_that_is_one() {
    let padding = "\n         \n".repeat(9);
    let hi = answer(&json!("hi"), &json!("stop"), &json!(1));
    let with = |key: &str, value: Value| {
        let mut body = hi.clone();
        body[key] = value;
        body.to_string()
    };
    for (name, body, finish) in [
        ("plain", hi.to_string(), Finish::Stop),
        ("trap 1 survived", format!("{padding}{hi}\n"), Finish::Stop),
        ("error null", with("error", Value::Null), Finish::Stop),
        ("errors empty", with("errors", json!([])), Finish::Stop),
        (
            "a text that speaks of errors",
            answer(&json!("{\"error\":1} \"failed\""), &json!("stop"), &json!(9)).to_string(),
            Finish::Stop,
        ),
        ("cut", answer(&json!("hi"), &json!("length"), &json!(1)).to_string(), Finish::Length),
        ("filtered", answer(&json!(""), &json!("content_filter"), &json!(1)).to_string(), Finish::Filtered),
        ("trap 6", answer(&json!(""), &json!("stop"), &json!(7)).to_string(), Finish::Empty),
        ("trap 6 unknown tokens", answer(&Value::Null, &json!("stop"), &Value::Null).to_string(), Finish::Empty),
        ("no finish reason", answer(&json!("hi"), &Value::Null, &json!(1)).to_string(), Finish::Stop),
    ] {
        let verdict = verdict(200, body.as_bytes());
        check(name, &verdict, (Answered, Nothing, ""));
        assert_eq!(verdict.answer.unwrap().finish, finish, "{name}");
    }
    // A cache's answer counts no tokens, and one from a guardrail is JSON under another type.
    let cached = answer(&json!(""), &json!("stop"), &json!(0)).to_string();
    let hit = reply(200, &[("x-openrouter-cache-status", "HIT")], cached.as_bytes());
    check("cached", &verdict_of(hit, false), (Answered, Nothing, ""));
    let commented = format!(": OPENROUTER PROCESSING\n\n{hi}");
    check("trap 11", &verdict(200, commented.as_bytes()), (Answered, Nothing, ""));
    let typed = reply(200, &[("content-type", "text/event-stream")], hi.to_string().as_bytes());
    check("json under another type", &verdict_of(typed, false), (Answered, Nothing, ""));
}

#[test]
fn a_body_that_broke_off() {
    let whole = answer(&json!("hi"), &json!("stop"), &json!(1)).to_string();
    for (end, status, class) in [
        (End::Reset, 200, BadBody),
        (End::TimedOut, 200, TimedOut),
        (End::Reset, 429, RateLimited),
        (End::TimedOut, 401, Unauthorized),
    ] {
        let cut = Reply { end, ..reply(status, &[], whole.as_bytes()) };
        assert_eq!(verdict_of(cut, true).class, class, "{end:?} {status}");
    }
}

#[test]
fn what_the_gateway_says() {
    for (status, code, message, answers, expected) in [
        (400, 2001, "Please configure AI Gateway", false, (Misconfigured, Run, "gateway id")),
        (429, 2003, "Rate limited", false, (RateLimited, Nothing, "the gateway (HTTP 429, code 2003): Rate limited")),
        (400, 2005, "Failed to get response from provider", false, (ServerError, Nothing, "trap 12")),
        (400, 2008, "Invalid provider", false, (Misconfigured, Run, "name a provider")),
        (401, 2009, "Unauthorized", false, (Unauthorized, Run, "the gateway token is missing or wrong")),
        (400, 2009, "Unauthorized", false, (Unauthorized, Run, "gateway token")),
        (401, 2009, "Unauthorized", true, (RateLimited, Nothing, "good before")),
        (424, 2016, "Prompt blocked due to security configurations", false, (Blocked, Nothing, "guardrails")),
        (424, 2017, "Response blocked", false, (Blocked, Nothing, "guardrails")),
        (422, 2017, "Response blocked", false, (Blocked, Nothing, "guardrails")),
        (400, 2019, "Chat completion bad format", false, (Rejected, Nothing, "bad format")),
        (402, 2021, "Insufficient credits", false, (OutOfCredit, Run, "Cloudflare account")),
        (400, 2029, "Request content blocked", false, (Blocked, Nothing, "data loss")),
        (400, 2030, "Response content blocked", false, (Blocked, Nothing, "data loss")),
        (400, 2040, "no credential", false, (Misconfigured, Run, "stores no provider key")),
        (429, 2041, "Spend limit exceeded", true, (QuotaExhausted, Run, "spend limit")),
        (503, 7013, "Guardrail unavailable", false, (ServerError, Nothing, "7013")),
        (400, 2999, "Something new", false, (Rejected, Nothing, "Something new")),
        (424, 2998, "Prompt blocked due to security configurations", false, (Blocked, Nothing, "policy")),
        (403, 2997, "no", false, (Unauthorized, Run, "permission")),
        (429, 2996, "no", false, (RateLimited, Nothing, "no")),
        (500, 2995, "no", false, (ServerError, Nothing, "no")),
    ] {
        let words = if expected.2 == "trap 12" { "Failed to get" } else { expected.2 };
        let body = gateway(status, code, message).to_string();
        let verdict = verdict_of(reply(status, &[], body.as_bytes()), answers);
        check(&format!("{code}"), &verdict, (expected.0, expected.1, words));
    }
    let bare = br#"{"error":[{"code":"2009","message":"Unauthorized"}]}"#;
    check("without the newer fields", &verdict(401, bare), (Unauthorized, Run, "code 2009"));
    let named = br#"{"name":"AiGatewayError","internalCode":2003,"message":"Too many requests"}"#;
    check("without a list", &verdict(429, named), (RateLimited, Nothing, "Too many requests"));
    let again = verdict_of(reply(401, &[], bare), true);
    assert_eq!(again.wait, Some(Duration::from_secs(10)), "trap 13");
}

#[test]
fn what_cloudflare_says_before_the_gateway() {
    let api = |code: u32| {
        json!({"success": false, "errors": [{"code": code, "message": "m"}], "messages": [], "result": null})
            .to_string()
    };
    check(
        "10000",
        &verdict(401, api(10000).as_bytes()),
        (Unauthorized, Run, "Cloudflare's API (HTTP 401, code 10000)"),
    );
    check("7003", &verdict(400, api(7003).as_bytes()), (Misconfigured, Run, "account id"));
    check("429", &verdict(429, api(971).as_bytes()), (RateLimited, Nothing, "m"));
    check("500", &verdict(500, api(1).as_bytes()), (ServerError, Nothing, "m"));
    check("trap 27", &verdict(403, b"error code: 1010"), (Misconfigured, Run, "User-Agent"));
    check("1015", &verdict(429, b"error code: 1015\n"), (RateLimited, Nothing, "1015"));
    let later = verdict_of(reply(403, &[], b"error code: 1010"), true);
    check("trap 27 in between", &later, (Misconfigured, Nothing, "edge"));
    check("firewall", &verdict(403, b"<html><title>Attention Required!"), (Misconfigured, Run, "page of HTML"));
    let problem = br#"{"type":"about:blank","status":524,"title":"A timeout occurred","detail":"The origin"}"#;
    check("trap 20", &verdict(524, problem), (TimedOut, Nothing, "A timeout occurred: The origin"));
    check("520", &verdict(520, b"<html>"), (ServerError, Nothing, "page of HTML"));
    check("530", &verdict(530, b"error code: 1033"), (ServerError, Nothing, "1033"));
    check("502 blank", &verdict(502, b""), (ServerError, Nothing, "no reason is given"));
}

/// A row of a table: its name, the status, the body, and what is expected.
type Row = (&'static str, u16, Value, Expected);

fn check_all(rows: Vec<Row>) {
    for (name, status, body, expected) in rows {
        check(name, &verdict(status, body.to_string().as_bytes()), expected);
    }
}

#[test]
fn what_a_router_says_of_keys_credit_and_models() {
    let none = Value::Null;
    let upstream = json!({"provider_name": "Azure", "raw": "m"});
    let named = |name: &str| json!({ "error_type": name });
    check_all(vec![
        ("401", 401, router(401, "No auth credentials found", &none), (Unauthorized, Run, "the provider key")),
        (
            "trap 21",
            402,
            router(402, "requires more credits, or fewer max_tokens", &none),
            (OutOfCredit, Run, "max_tokens"),
        ),
        (
            "moderation",
            403,
            router(403, "m", &json!({"reasons": ["violence"], "flagged_input": "x"})),
            (Blocked, Nothing, "m"),
        ),
        ("guardrail", 403, router(403, "m", &json!({"patterns": ["x"]})), (Blocked, Nothing, "m")),
        (
            "key",
            403,
            router(403, "Only management keys can do this: your key is not one", &none),
            (Unauthorized, Run, "key"),
        ),
        ("region", 403, router(403, "not available in your region", &none), (Rejected, Lane, "region")),
        ("403", 403, router(403, "forbidden", &none), (Rejected, Nothing, "forbidden")),
        ("404", 404, router(404, "No endpoints found for x/y", &none), (Rejected, Lane, "model's name")),
        (
            "trap 26",
            404,
            router(404, "No endpoints found that support tool use", &none),
            (Rejected, Nothing, "tool use"),
        ),
        ("privacy", 404, router(404, "m", &named("privacy_restricted")), (Rejected, Lane, "privacy")),
        ("bad model", 400, router(400, "x/y is not a valid model ID", &none), (Rejected, Lane, "model's name")),
        (
            "provider's key",
            401,
            router(401, "Provider returned error", &upstream),
            (Unauthorized, Lane, "for this provider"),
        ),
    ]);
}

#[test]
fn a_key_that_may_spend_no_more_stops_the_run() {
    let limit = |period: &str| {
        let message = format!("Key limit exceeded{period}. Manage it using https://openrouter.ai/settings/keys");
        json!({"error": {"message": message, "code": 403}})
    };
    let denied = json!({"error_type": "permission_denied"});
    let total = (OutOfCredit, Run, "raise its limit, or take another key");
    let period = (QuotaExhausted, Run, "run again when the period ends");
    check_all(vec![
        ("without a period", 403, limit(""), total),
        ("total", 403, limit(" (total limit)"), total),
        ("daily", 403, limit(" (daily limit)"), period),
        ("weekly", 403, limit(" (weekly limit)"), period),
        ("monthly", 403, limit(" (monthly limit)"), period),
        ("named", 403, router(403, "Key limit exceeded (total limit)", &denied), total),
        ("inside of a success", 200, limit(" (total limit)"), total),
        ("a proxy's", 429, json!({"error": "Daily spending limit of $3 reached"}), period),
        ("a proxy's budget", 402, json!({"error": {"message": "Budget has been exceeded!"}}), total),
        (
            "a proxy's budget by its type",
            400,
            json!({"error": {"message": "Current cost: 2, max budget: 1", "type": "budget_exceeded", "code": "400"}}),
            total,
        ),
        (
            "a provider's, behind the router",
            403,
            router(403, "Provider returned error", &json!({"provider_name": "P", "raw": "Spending limit reached"})),
            (OutOfCredit, Lane, "the account that the router uses"),
        ),
        (
            "a row that speaks of limits",
            400,
            router(400, "invalid text: \"a key limit exceeded\"", &Value::Null),
            (Rejected, Nothing, "invalid"),
        ),
        (
            "a moderated row that speaks of limits",
            403,
            router(403, "spending limit", &json!({"reasons": ["x"]})),
            (Blocked, Nothing, "spending"),
        ),
    ]);
    let halfway = verdict_of(reply(403, &[], limit(" (total limit)").to_string().as_bytes()), true);
    check("half-way", &halfway, total);
}

#[test]
fn what_a_router_says_of_requests_and_of_itself() {
    let none = Value::Null;
    let upstream = json!({"provider_name": "Azure", "raw": "{\"error\":{\"message\":\"quota of\\nthe pool\"}}"});
    let named = |name: &str| json!({ "error_type": name });
    check_all(vec![
        ("400", 400, router(400, "temperature must be a number", &none), (Rejected, Nothing, "temperature")),
        ("408", 408, router(408, "m", &none), (TimedOut, Nothing, "m")),
        ("413", 413, router(413, "m", &none), (Rejected, Nothing, "m")),
        ("422", 422, router(422, "m", &none), (Rejected, Nothing, "m")),
        (
            "trap 8",
            429,
            router(429, "Provider returned error", &upstream),
            (RateLimited, Nothing, "the provider Azure (HTTP 429): quota of the pool"),
        ),
        (
            "trap 9",
            429,
            router(429, "x is temporarily rate-limited upstream", &none),
            (RateLimited, Nothing, "upstream"),
        ),
        (
            "trap 10",
            429,
            router(429, "Rate limit exceeded: free-models-per-day", &none),
            (QuotaExhausted, Lane, "per-day"),
        ),
        (
            "minute",
            429,
            router(429, "Rate limit exceeded: free-models-per-min", &none),
            (RateLimited, Nothing, "per-min"),
        ),
        ("500", 500, router(500, "Internal Server Error", &named("unmapped")), (ServerError, Nothing, "Internal")),
        ("502", 502, router(502, "m", &named("provider_unavailable")), (ServerError, Nothing, "m")),
        ("504", 504, router(504, "m", &named("timeout")), (TimedOut, Nothing, "m")),
        ("policy", 400, router(400, "m", &named("content_policy_violation")), (Blocked, Nothing, "m")),
        ("context", 400, router(400, "m", &named("context_length_exceeded")), (Rejected, Nothing, "m")),
        ("451", 451, router(451, "m", &none), (Blocked, Nothing, "m")),
    ]);
}

#[test]
fn what_other_services_say() {
    check_all(vec![
        (
            "401 bare",
            401,
            json!({"error": {"message": "Missing Authentication header"}}),
            (Unauthorized, Run, "the server"),
        ),
        ("405", 405, json!({"detail": "Method Not Allowed"}), (Misconfigured, Run, "Method Not Allowed")),
        (
            "openai quota",
            429,
            json!({"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "m"}}),
            (OutOfCredit, Run, "m"),
        ),
        (
            "openai key",
            401,
            json!({"error": {"code": "invalid_api_key", "type": "invalid_request_error", "message": "m"}}),
            (Unauthorized, Run, "m"),
        ),
        ("openai filter", 400, json!({"error": {"code": "content_filter", "message": "m"}}), (Blocked, Nothing, "m")),
        (
            "openai path",
            404,
            json!({"error": {"type": "invalid_request_error", "message": "Invalid URL (POST /v1/v1/x)"}}),
            (Misconfigured, Run, "base URL"),
        ),
        (
            "gemini",
            429,
            json!([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]),
            (RateLimited, Nothing, "slow"),
        ),
        ("ollama", 404, json!({"error": "model \"x\" not found"}), (Rejected, Lane, "not found")),
        (
            "anthropic",
            529,
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}),
            (ServerError, Nothing, "m"),
        ),
        ("vllm path", 404, json!({"detail": "Not Found"}), (Misconfigured, Run, "base URL's path")),
        ("407", 407, json!({}), (Misconfigured, Run, "proxy")),
        (
            "error of another type",
            500,
            json!({"error": {"code": {}, "message": [1], "metadata": "x"}}),
            (ServerError, Nothing, "the server"),
        ),
    ]);
}

#[test]
fn the_router_knows_best_whether_to_try_again() {
    let with = |status: u16, availability: Value| {
        let body = json!({"error": {"code": status, "message": "m", "availability": availability}});
        verdict(status, body.to_string().as_bytes())
    };
    check("no", &with(503, json!({"retryable": false})), (Rejected, Lane, "OpenRouter"));
    let row = json!({"retryable": false, "excluded_by": ["context_length"]});
    check("no, for this row", &with(503, row), (Rejected, Nothing, "m"));
    check("no more today", &with(429, json!({"retryable": false})), (QuotaExhausted, Lane, "m"));
    let later = with(404, json!({"retryable": true, "retry_after": 30}));
    check("yes", &later, (ServerError, Nothing, "m"));
    assert_eq!(later.wait, Some(Duration::from_secs(30)));
    check("not a matter of time", &with(402, json!({"retryable": false})), (OutOfCredit, Run, "m"));
}

#[test]
fn hints_come_along() {
    let body = router(429, "m", &json!({"headers": {"X-RateLimit-Reset": "1795348860000"}})).to_string();
    assert_eq!(verdict(429, body.as_bytes()).wait, Some(Duration::from_mins(1)), "trap 10");
    let headers = [("retry-after", "2"), ("x-ratelimit-reset", "9")];
    assert_eq!(verdict_of(reply(503, &headers, b""), false).wait, Some(Duration::from_secs(2)));
    assert_eq!(verdict(503, b"").wait, None);
}

#[test]
fn a_redirect_names_its_goal() {
    let to = |location: &str| verdict_of(reply(302, &[("location", location)], b""), false);
    check("redirect", &to("https://elsewhere.example/v1"), (Misconfigured, Run, "https://elsewhere.example/v1"));
    let access = "https://team.cloudflareaccess.com/cdn-cgi/access/login/x";
    check("access", &to(access), (Misconfigured, Run, "Cloudflare Access"));
}

#[test]
fn once_something_was_answered_a_lost_path_is_the_requests_own() {
    let body = br#"{"detail":"Not Found"}"#;
    check("404", &verdict_of(reply(404, &[], body), true), (Rejected, Lane, "Not Found"));
}

#[test]
fn data_loss_prevention_blocks_whatever_the_code() {
    let dlp = [("cf-aig-dlp", r#"{"findings":[],"action":"BLOCK"}"#)];
    check("dlp", &verdict_of(reply(400, &dlp, b"{}"), false), (Blocked, Nothing, "data loss"));
    let flagged = [("cf-aig-dlp", r#"{"findings":[],"action":"FLAG"}"#)];
    let body = answer(&json!("hi"), &json!("stop"), &json!(1)).to_string();
    check("flagged", &verdict_of(reply(200, &flagged, body.as_bytes()), false), (Answered, Nothing, ""));
}

#[test]
fn faults_keep_their_meaning() {
    for (kind, class) in [
        (FaultKind::Connect, Class::NotConnected),
        (FaultKind::Refused, Class::RefusedStream),
        (FaultKind::Reset, Class::ConnectionLost),
        (FaultKind::TimedOut, TimedOut),
    ] {
        let fault = Fault { kind, message: "why\nso".to_owned() };
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let verdict = classify_at(now, Endpoint::ChatCompletions, &Err(fault), false);
        check(kind.as_str(), &verdict, (class, Nothing, "why so"));
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let bodies: [&[u8]; 14] = [
        b"data: {\"choices\":[1,[],{\"delta\":4}]}\n\ndata: [DONE]",
        b"data: {\"choices\":{},\"usage\":7}\n\ndata: [DONE]",
        b"data: {\"type\":\"message_start\"}\n\ndata: {\"type\":\"message_delta\",\"delta\":[]}\n\n",
        b"data: {\"type\":\"response.completed\",\"response\":[]}\n\n",
        b"event: error\ndata: \n\ndata:",
        b": \xff",
        b"{\"error\":",
        b"{\"error\":[]}",
        b"{\"error\":[1]}",
        b"[]",
        b"[[[]]]",
        b"\xef\xbb\xbf{}",
        b"{\"error\":{\"metadata\":{\"raw\":\"[{\"}}}",
        b"<title",
    ];
    for status in [0, 100, 101, 200, 204, 206, 299, 300, 304, 399, 400, 418, 499, 500, 599, 999, u16::MAX] {
        for body in bodies {
            for endpoint in Endpoint::ASKING {
                let now = "2026-11-22T12:00:00Z".parse().unwrap();
                let verdict = classify_at(now, endpoint, &Ok(reply(status, &[], body)), false);
                assert_ne!(verdict.class, Answered, "{status} {}", String::from_utf8_lossy(body));
                assert!(verdict.message.is_some());
            }
        }
    }
}
