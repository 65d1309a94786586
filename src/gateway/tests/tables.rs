//! The wire contract's tables: every code of the gateway, every status and every name of the router.

use serde_json::{Value, json};

use super::row::{answer, api, gateway, router, row};
use crate::gateway::Stops;
use crate::gateway::classify::classify_at;
use crate::model::{Class, End, Endpoint, Finish, Reply};

use Class::{
    Answered, Blocked, Misconfigured, OutOfCredit, QuotaExhausted, RateLimited, Rejected, ServerError, TimedOut,
    Unauthorized,
};
use Stops::{Lane, Nothing, Run};

#[test]
fn every_code_of_the_gateway_has_its_row() {
    for (status, code, class, stops) in [
        (400, 2001, Misconfigured, Run),
        (429, 2003, RateLimited, Nothing),
        (400, 2005, ServerError, Nothing),
        (400, 2008, Misconfigured, Run),
        (424, 2016, Blocked, Nothing),
        (424, 2017, Blocked, Nothing),
        (422, 2017, Blocked, Nothing),
        (400, 2019, Rejected, Nothing),
        (402, 2021, OutOfCredit, Run),
        (400, 2029, Blocked, Nothing),
        (400, 2030, Blocked, Nothing),
        (400, 2040, Misconfigured, Run),
        (429, 2041, QuotaExhausted, Run),
        (503, 7013, ServerError, Nothing),
    ] {
        let mut bare = gateway(status, code, "m");
        for newer in ["name", "httpCode", "internalCode", "success", "result", "messages"] {
            bare.as_object_mut().unwrap().remove(newer);
        }
        row("a gateway's code", status, gateway(status, code, "m"), class, stops).check();
        row("an older capture", status, bare, class, stops).check();
        row("the code under a 200", 200, gateway(status, code, "m"), class, stops).check();
    }
    for status in [401, 400, 200] {
        let token = row("a token", status, gateway(401, 2009, "Unauthorized"), Unauthorized, Run);
        token.later(RateLimited, Nothing).check();
    }
    for (status, code, class) in
        [(401, 10000, Unauthorized), (400, 7003, Misconfigured), (404, 7003, Misconfigured), (403, 9109, Unauthorized)]
    {
        row("Cloudflare's API", status, api(code), class, Run).check();
        row("Cloudflare's API under a 200", 200, api(code), class, Run).check();
    }
    for status in 520..=527 {
        let class = if status == 524 { TimedOut } else { ServerError };
        row("the edge", status, format!("<html><title>{status}: error</title>"), class, Nothing).check();
        row("the edge, as JSON", status, json!({"status": status, "title": "t", "detail": "d"}), class, Nothing)
            .check();
    }
}

#[test]
fn every_status_of_the_router_has_its_row() {
    let none = Value::Null;
    for (status, class, stops) in [
        (400, Rejected, Nothing),
        (401, Unauthorized, Run),
        (402, OutOfCredit, Run),
        (403, Rejected, Nothing),
        (404, Rejected, Lane),
        (408, TimedOut, Nothing),
        (409, Rejected, Nothing),
        (410, Rejected, Nothing),
        (412, Rejected, Nothing),
        (413, Rejected, Nothing),
        (422, Rejected, Nothing),
        (429, RateLimited, Nothing),
        (500, ServerError, Nothing),
        (502, ServerError, Nothing),
        (503, ServerError, Nothing),
        (504, TimedOut, Nothing),
        (524, TimedOut, Nothing),
        (529, ServerError, Nothing),
    ] {
        row("as a status", status, router(status, "m", &none), class, stops).check();
        row("inside a 200", 200, router(status, "m", &none), class, stops).check();
        row("inside a 200, in digits", 200, router(status.to_string(), "m", &none), class, stops).check();
        let choice = json!({"choices": [{"message": {"content": "par"}, "finish_reason": "error",
            "error": {"code": status, "message": "m"}}]});
        row("in a choice", 200, choice, class, stops).check();
    }
}

#[test]
fn every_name_of_an_error_has_its_row() {
    for (name, status, class, stops) in [
        ("context_length_exceeded", 400, Rejected, Nothing),
        ("max_tokens_exceeded", 400, Rejected, Nothing),
        ("token_limit_exceeded", 400, Rejected, Nothing),
        ("string_too_long", 400, Rejected, Nothing),
        ("authentication", 401, Unauthorized, Run),
        ("permission_denied", 403, Rejected, Nothing),
        ("payment_required", 402, OutOfCredit, Run),
        ("rate_limit_exceeded", 429, RateLimited, Nothing),
        ("provider_overloaded", 503, ServerError, Nothing),
        ("provider_unavailable", 502, ServerError, Nothing),
        ("invalid_request", 400, Rejected, Nothing),
        ("invalid_prompt", 400, Rejected, Nothing),
        ("not_found", 404, Rejected, Lane),
        ("precondition_failed", 412, Rejected, Nothing),
        ("payload_too_large", 413, Rejected, Nothing),
        ("unprocessable", 422, Rejected, Nothing),
        ("content_policy_violation", 403, Blocked, Nothing),
        ("refusal", 400, Blocked, Nothing),
        ("invalid_image", 400, Rejected, Nothing),
        ("image_too_large", 400, Rejected, Nothing),
        ("image_too_small", 400, Rejected, Nothing),
        ("unsupported_image_format", 400, Rejected, Nothing),
        ("image_not_found", 400, Rejected, Nothing),
        ("image_download_failed", 400, Rejected, Nothing),
        ("server", 500, ServerError, Nothing),
        ("timeout", 504, TimedOut, Nothing),
        ("unmapped", 500, ServerError, Nothing),
    ] {
        row(name, status, router(status, "m", &json!({"error_type": name})), class, stops).check();
        // Without a code: envelope B as a status and inside a 200, and the skins of other endpoints.
        let named = json!({"error": {"message": "m", "error_type": name}});
        row(name, status, &named, class, stops).check();
        row(name, 200, &named, class, stops).check();
        row(
            name,
            200,
            json!({"type": "error", "error": {"type": "x", "message": "m", "error_type": name}}),
            class,
            stops,
        )
        .check();
        row(
            name,
            200,
            json!({"status": "failed", "error": {"code": "x", "message": "m"}, "error_type": name}),
            class,
            stops,
        )
        .check();
    }
}

#[test]
fn what_ends_otherwise_than_well_is_told_apart_and_no_failure() {
    for (finish, outcome) in [
        ("stop", Finish::Stop),
        ("tool_calls", Finish::Stop),
        ("length", Finish::Length),
        ("content_filter", Finish::Filtered),
    ] {
        let body = answer(&json!("hi"), &json!(finish), &json!(1)).to_string();
        let reply = Reply { status: 200, headers: vec![], body: body.into(), chunks: vec![], end: End::Complete };
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let verdict = classify_at(now, Endpoint::ChatCompletions, &Ok(reply), false);
        assert_eq!((verdict.class, verdict.answer.unwrap().finish), (Answered, outcome), "{finish}");
    }
}
