//! The wire contract's 28 traps, each by its number: what comes back, and what it means; and, where a trap is no matter of a reply's meaning, the test that holds it elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use super::row::{Row, answer, gateway, router, row};
use crate::gateway::Stops;
use crate::gateway::classify::classify_at;
use crate::model::{Class, End, Endpoint, Header, Reply};

use Class::{
    Answered, BadBody, Blocked, Misconfigured, OutOfCredit, QuotaExhausted, RateLimited, Rejected, ServerError,
    TimedOut, Unauthorized,
};
use Stops::{Lane, Nothing, Run};

/// The traps that a reply's meaning avoids.
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn rows() -> Vec<(u8, Row)> {
    let none = Value::Null;
    let padding = "\n         \n".repeat(60);
    let pool = json!({"provider_name": "Chutes", "raw": "{\"error\":{\"message\":\"the pool is full\"}}"});
    let daily = json!({"headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0"}});
    let partial = json!({"choices": [{"message": {"content": "par"}, "finish_reason": "error",
        "error": {"code": 502, "message": "gone", "metadata": {"error_type": "provider_unavailable"}}}]});
    let chunk = json!({"id": "gen-1", "object": "chat.completion.chunk",
        "error": {"code": "server_error", "message": "gone"},
        "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]});
    let policy = "No endpoints found matching your data policy. Configure: https://openrouter.ai/settings/privacy";
    vec![
        (1, row("padding and nothing behind it", 200, &padding, BadBody, Nothing)),
        (
            1,
            row(
                "padding before an answer",
                200,
                format!("{padding}{}", answer(&json!("hi"), &json!("stop"), &json!(1))),
                Answered,
                Nothing,
            ),
        ),
        (2, row("padding and a dot", 200, format!("{padding}."), BadBody, Nothing)),
        (3, row("an error and no choices", 200, router(502, "Provider returned error", &pool), ServerError, Nothing)),
        (4, row("a partial answer that ended in an error", 200, partial, ServerError, Nothing)),
        (5, row("the last chunk of a stream that failed", 200, chunk, ServerError, Nothing)),
        (6, row("no text, and no tokens", 200, answer(&json!(""), &json!("stop"), &json!(0)), BadBody, Nothing)),
        (6, row("no text, and no end", 200, answer(&none, &none, &json!(7)), BadBody, Nothing)),
        (6, row("no text, but tokens", 200, answer(&none, &json!("stop"), &json!(7)), Answered, Nothing)),
        (7, row("choices without a choice", 200, json!({"choices": []}), BadBody, Nothing)),
        (
            8,
            row(
                "the reason lies in the provider's own words",
                429,
                router(429, "Provider returned error", &pool),
                RateLimited,
                Nothing,
            ),
        ),
        (
            9,
            row(
                "a pool that is full whatever one does",
                429,
                router(429, "x is temporarily rate-limited upstream", &none),
                RateLimited,
                Nothing,
            ),
        ),
        (
            10,
            row(
                "the day's quota of free models",
                429,
                router(429, "Rate limit exceeded: free-models-per-day", &daily),
                QuotaExhausted,
                Lane,
            ),
        ),
        (
            10,
            row(
                "the same inside a 200",
                200,
                router(429, "Rate limit exceeded: free-models-per-day-high-balance", &daily),
                QuotaExhausted,
                Lane,
            ),
        ),
        (
            12,
            row(
                "a provider's failure behind a 400",
                400,
                gateway(400, 2005, "Failed to get response from provider"),
                ServerError,
                Nothing,
            ),
        ),
        (
            13,
            row("a good token refused in a burst", 401, gateway(401, 2009, "Unauthorized"), Unauthorized, Run)
                .later(RateLimited, Nothing),
        ),
        (14, row("the gateway's rate", 429, gateway(429, 2003, "Rate limited"), RateLimited, Nothing)),
        (14, row("the gateway's budget", 429, gateway(429, 2041, "Spend limit exceeded"), QuotaExhausted, Run)),
        (14, row("the provider's rate", 429, router(429, "Provider returned error", &pool), RateLimited, Nothing)),
        (
            16,
            row(
                "a gateway's token where the provider's key belongs",
                401,
                router(401, "No auth credentials found", &none),
                Unauthorized,
                Run,
            ),
        ),
        (20, row("an edge that waited long enough", 524, "<html><title>524</title>", TimedOut, Nothing)),
        (
            21,
            row(
                "a longest answer that the balance does not cover",
                402,
                router(402, "This request requires more credits, or fewer max_tokens.", &none),
                OutOfCredit,
                Run,
            ),
        ),
        (26, row("a data policy that looks like a missing model", 404, router(404, policy, &none), Rejected, Lane)),
        (
            26,
            row(
                "a tool that no endpoint has",
                404,
                router(404, "No endpoints found that support tool use", &none),
                Rejected,
                Nothing,
            ),
        ),
        (
            27,
            row("a client turned away at the edge", 403, "error code: 1010", Misconfigured, Run)
                .later(Misconfigured, Nothing),
        ),
        (
            28,
            row(
                "a guardrail that blocks the prompt",
                424,
                gateway(424, 2016, "Prompt blocked due to security configurations"),
                Blocked,
                Nothing,
            ),
        ),
        (
            28,
            row(
                "a guardrail that blocks the answer",
                424,
                gateway(424, 2017, "Response blocked due to security configurations"),
                Blocked,
                Nothing,
            ),
        ),
    ]
}

/// The traps that are no matter of a reply's meaning, each with the file and the test that holds it.
const ELSEWHERE: [(u8, &str, &str); 15] = [
    (5, include_str!("streams.rs"), "an_error_within_a_stream_means_what_it_would_alone"),
    (11, include_str!("streams.rs"), "a_stream_that_is_an_answer"),
    (15, include_str!("base_urls.rs"), "every_pasted_form_leads_to_the_same_endpoint"),
    (16, include_str!("../credentials.rs"), "credentials_that_look_wrong_for_their_place_are_named"),
    (17, include_str!("wire.rs"), "a_gateway_is_told_all_it_needs"),
    (18, include_str!("wire.rs"), "a_drip_of_padding_does_not_outlive_the_total_deadline"),
    (18, include_str!("wire.rs"), "silence_ends_a_send_before_its_answer_and_within_it"),
    (19, include_str!("wire.rs"), "an_idle_connection_is_kept_alive"),
    (20, include_str!("wire.rs"), "a_gateway_is_told_what_the_job_wants_of_it"),
    (
        22,
        include_str!("../../model/answer/tests.rs"),
        "the_upstreams_price_is_added_only_to_what_a_key_of_ones_own_costs",
    ),
    (23, include_str!("traps.rs"), "what_an_answer_costs_is_what_its_body_says"),
    (24, include_str!("../told.rs"), "each_directive_has_its_header"),
    (24, include_str!("../told.rs"), "requests_that_differ_never_share_a_cached_answer"),
    (25, include_str!("wire.rs"), "a_send_is_one_request_and_nothing_is_looked_up_after_it"),
    (27, include_str!("wire.rs"), "a_gateway_is_told_all_it_needs"),
];

#[test]
fn every_trap_of_the_contract_is_held() {
    let rows = rows();
    for (_, row) in &rows {
        row.check();
    }
    for (trap, file, test) in ELSEWHERE {
        assert!(file.contains(&format!("fn {test}()")), "trap {trap} has lost its test {test}");
    }
    let held = rows.iter().map(|(trap, _)| *trap).chain(ELSEWHERE.iter().map(|(trap, ..)| *trap));
    let held: std::collections::BTreeSet<u8> = held.collect();
    assert_eq!(held, (1..=28).collect());
}

/// A gateway's own log knows costs only roughly, so that nothing of it is ever asked.
#[test]
fn what_an_answer_costs_is_what_its_body_says() {
    let mut body = answer(&json!("hi"), &json!("stop"), &json!(1));
    body["usage"]["cost"] = json!(0.25);
    let header = Header { name: "cf-aig-cost".to_owned(), value: "9".to_owned() };
    let body = body.to_string().into();
    let reply = Reply { status: 200, headers: vec![header], body, chunks: vec![], end: End::Complete };
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let verdict = classify_at(now, Endpoint::ChatCompletions, &Ok(reply), false);
    assert_eq!(verdict.answer.unwrap().usage.cost_usd, Some(0.25));
}

#[test]
fn a_token_that_is_refused_in_between_is_left_alone_for_a_while() {
    let body = gateway(401, 2009, "Unauthorized").to_string().into();
    let reply = Reply { status: 401, headers: vec![], body, chunks: vec![], end: End::Complete };
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let verdict = classify_at(now, Endpoint::ChatCompletions, &Ok(reply), true);
    assert_eq!((verdict.wait, verdict.in_doubt), (Some(Duration::from_secs(10)), true));
}
