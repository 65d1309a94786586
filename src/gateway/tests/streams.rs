//! Streams of a success, and what they mean. Traps carry the numbers of the wire contract's list.

use std::time::Duration;

use serde_json::{Value, json};

use super::classification::{Expected, check, gateway, reply, router, verdict, verdict_of};
use crate::gateway::Stops::{Nothing, Run};
use crate::model::Class::{Answered, BadBody, Blocked, OutOfCredit, RateLimited, ServerError, TimedOut, Unauthorized};
use crate::model::{End, Finish, Reply};

/// A stream of chunks, each an event.
fn stream(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

fn chunk(content: &str, finish: &Value) -> Value {
    json!({"id": "gen-1", "object": "chat.completion.chunk", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}
    ]})
}

const DONE: &str = "data: [DONE]\n\n";
const COMMENT: &str = ": OPENROUTER PROCESSING\n\n";

fn used(tokens: u32) -> Value {
    json!({"id": "gen-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": tokens}})
}

#[test]
fn a_stream_that_is_an_answer() {
    let (hi, stop) = (chunk("hi", &Value::Null), chunk("", &json!("stop")));
    let plain = stream(&[hi.clone(), stop.clone(), used(1)]) + DONE;
    for (trap, body, finish) in [
        ("plain", plain.clone(), Finish::Stop),
        ("crlf", plain.replace('\n', "\r\n"), Finish::Stop),
        ("trap 11", format!("{COMMENT}{COMMENT}{}", plain.replace("\n\n", "\n\n: c\n\n")), Finish::Stop),
        (
            "trap 7",
            stream(&[json!({"choices": [], "debug": {}}), hi.clone(), stop.clone(), used(1)]) + DONE,
            Finish::Stop,
        ),
        ("no [DONE]", stream(&[hi.clone(), stop.clone(), used(1)]), Finish::Stop),
        ("no blank line", stream(&[hi.clone(), stop.clone()]) + "data: [DONE]", Finish::Stop),
        ("no finish_reason", stream(std::slice::from_ref(&hi)) + DONE, Finish::Stop),
        ("cut at the limit", stream(&[hi.clone(), chunk("", &json!("length"))]), Finish::Length),
        ("filtered", stream(&[hi.clone(), chunk("", &json!("content_filter"))]) + DONE, Finish::Filtered),
        ("trap 6", stream(&[stop.clone(), used(7)]) + DONE, Finish::Empty),
        (
            "a text that speaks of errors",
            stream(&[chunk("{\"error\":1}", &Value::Null), stop.clone()]) + DONE,
            Finish::Stop,
        ),
        ("error null", stream(&[json!({"error": null, "choices": hi["choices"]}), stop.clone()]) + DONE, Finish::Stop),
    ] {
        for kind in ["text/event-stream", "application/json", ""] {
            let verdict = verdict_of(reply(200, &[("content-type", kind)], body.as_bytes()), false);
            check(trap, &verdict, (Answered, Nothing, ""));
            assert_eq!(verdict.answer.unwrap().finish, finish, "{trap}");
        }
    }
    // Nothing that follows the end says anything.
    for end in [End::Reset, End::TimedOut] {
        let verdict = verdict_of(Reply { end, ..reply(200, &[], plain.as_bytes()) }, false);
        check("broken behind its end", &verdict, (Answered, Nothing, ""));
    }
}

#[test]
fn a_stream_that_is_none() {
    let (hi, stop) = (chunk("hé", &Value::Null), chunk("", &json!("stop")));
    let events = stream(&[hi.clone(), hi.clone()]);
    for (trap, body, end, class, words) in [
        (
            "trap 5, cut",
            events.clone(),
            End::Complete,
            BadBody,
            "ended without a finish_reason after 2 events with 4 characters",
        ),
        (
            "cut within",
            events.clone() + "data: {\"choi",
            End::Complete,
            BadBody,
            "without a finish_reason after 3 events",
        ),
        ("reset", events.clone(), End::Reset, BadBody, "broke off after 2 events with 4 characters"),
        (
            "trap 18, stalled",
            events.clone(),
            End::TimedOut,
            TimedOut,
            "stopped, until a time-out passed, after 2 events",
        ),
        (
            "reset before its end",
            events.clone() + &stream(std::slice::from_ref(&stop)),
            End::Reset,
            BadBody,
            "broke off",
        ),
        ("trap 11", COMMENT.repeat(3), End::Complete, BadBody, "no event in it, and 3 comments"),
        ("trap 18, comments", COMMENT.repeat(3), End::TimedOut, TimedOut, "after 0 events"),
        ("trap 7", stream(&[used(0)]) + DONE, End::Complete, BadBody, "no choices"),
        ("nothing", DONE.to_owned(), End::Complete, BadBody, "no choices"),
        ("trap 6", stream(&[stop.clone(), used(0)]) + DONE, End::Complete, BadBody, "no tokens"),
        (
            "unreadable",
            events.clone() + "data: {oops}\n\n" + DONE,
            End::Complete,
            BadBody,
            "event 3 of the stream cannot be read",
        ),
        ("no object", format!("data: 42\n\n{events}{DONE}"), End::Complete, BadBody, "event 1 of the stream"),
    ] {
        let typed = reply(200, &[("content-type", "text/event-stream")], body.as_bytes());
        check(trap, &verdict_of(Reply { end, ..typed }, false), (class, Nothing, words));
    }
    let typed = |body: &[u8]| verdict_of(reply(200, &[("content-type", "text/event-stream")], body), false);
    check("trap 17", &typed(&[0x1f, 0x8b, 8, 0]), (BadBody, Nothing, "compressed"));
    check("blank", &typed(b" \n"), (BadBody, Nothing, "white space"));
    check("dot", &typed(b"."), (BadBody, Nothing, "single dot"));
    check("html", &typed(b"<html>"), (BadBody, Nothing, "HTML"));
}

#[test]
fn an_error_within_a_stream_means_what_it_would_alone() {
    let hi = chunk("hi", &Value::Null);
    let with_error = |error: Value| {
        json!({"id": "gen-1", "object": "chat.completion.chunk", "error": error,
               "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]})
    };
    let in_choice = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "error",
                           "error": {"code": 502, "message": "gone", "metadata": {"error_type": "provider_unavailable"}}}]});
    let failed = json!({"type": "response.failed", "response": {"status": "failed", "error_type": "rate_limit_exceeded",
                        "error": {"code": "rate_limit_exceeded", "message": "slow"}}});
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    let rows: Vec<(&str, String, Expected)> = vec![
        (
            "trap 5 number",
            stream(&[with_error(json!({"code": 429, "message": "slow"}))]),
            (RateLimited, Nothing, "with error 429 inside): slow"),
        ),
        (
            "trap 5 digits",
            stream(&[with_error(json!({"code": "502", "message": "gone"}))]),
            (ServerError, Nothing, "with error 502 inside): gone"),
        ),
        (
            "trap 5 name",
            stream(&[with_error(json!({"code": "server_error", "message": "gone"}))]),
            (ServerError, Nothing, "gone"),
        ),
        ("credit", stream(&[with_error(json!({"code": 402, "message": "m"}))]), (OutOfCredit, Run, "add credit")),
        (
            "moderated",
            stream(&[with_error(json!({"code": 403, "message": "m", "metadata": {"reasons": ["x"]}}))]),
            (Blocked, Nothing, "m"),
        ),
        (
            "then [DONE]",
            stream(&[with_error(json!({"code": 502, "message": "gone"}))]) + DONE,
            (ServerError, Nothing, "gone"),
        ),
        ("trap 4", stream(&[in_choice]), (ServerError, Nothing, "error 502 inside): gone")),
        (
            "trap 4 without an error",
            stream(&[chunk("", &json!("error"))]) + DONE,
            (ServerError, Nothing, "broke off half-way"),
        ),
        ("error alone", stream(&[router(503, "m", &Value::Null)]), (ServerError, Nothing, "m")),
        ("a gateway's", stream(&[gateway(429, 2003, "Rate limited")]), (RateLimited, Nothing, "code 2003")),
        ("envelope E", format!("event: error\n{}", stream(&[overloaded])), (ServerError, Nothing, "busy")),
        ("envelope F", format!("event: response.failed\n{}", stream(&[failed])), (RateLimited, Nothing, "slow")),
        (
            "flat",
            stream(&[json!({"type": "error", "code": "server_error", "message": "flat"})]),
            (ServerError, Nothing, "flat"),
        ),
        (
            "named",
            format!("event: error\n{}", stream(&[json!({"detail": "out of memory"})])),
            (ServerError, Nothing, "out of memory"),
        ),
        ("named text", "event: error\ndata: out of memory\n\n".to_owned(), (ServerError, Nothing, "out of memory")),
    ];
    for (trap, error, expected) in rows {
        for before in [String::new(), stream(&[hi.clone(), hi.clone()])] {
            // The cause goes before how the connection ended.
            for end in [End::Complete, End::Reset, End::TimedOut] {
                let broken = Reply { end, ..reply(200, &[], format!("{COMMENT}{before}{error}").as_bytes()) };
                check(trap, &verdict_of(broken, false), expected);
            }
        }
    }
    let hinted = json!({"error": {"code": 429, "message": "m", "availability": {"retry_after": 7}}});
    assert_eq!(verdict(200, stream(&[hi, hinted]).as_bytes()).wait, Some(Duration::from_secs(7)));
    let refused = stream(&[router(401, "No auth credentials found", &Value::Null)]);
    check("refused", &verdict(401, refused.as_bytes()), (Unauthorized, Run, "No auth credentials"));
}
