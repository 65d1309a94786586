//! How a miss is told.

use super::*;

#[test]
fn the_message_says_why_and_what_to_do() {
    let miss = explain(&[recorded(chat("Why is the sky blue?"))], &chat("Why is the sky red?"), &KeyRules::default());
    let key = |content: &str| request(Endpoint::ChatCompletions, &chat(content), &KeyRules::default()).key.to_string();
    assert_eq!(
        miss.message(),
        format!(
            "not recorded: the prompt has changed at $.messages[1].content\n\
             asked: chat/completions, model \"m\", session \"s\", for the 2nd time, key {}\n\
             nearest: run 1, item 0, occurrence 0 of key {}, 96 % alike; $.messages[1].content: recorded \"Why is the \
             sky »blue«?\", asked \"Why is the sky »red«?\"\n\
             record it with: nightreel serve --store F --mode auto",
            key("Why is the sky red?"),
            &key("Why is the sky blue?")[..16],
        )
    );
}

#[test]
fn each_reason_is_a_sentence() {
    let text = |reason: MissReason| reason.to_string();
    let names = |count: usize| (0..count).map(|number| format!("m{number}")).collect();
    let asked = || "x".to_owned();
    for (reason, expected) in [
        (MissReason::NothingRecorded, "there are no recordings"),
        (
            MissReason::EndpointNotRecorded { asked: Endpoint::Responses, recorded: vec![Endpoint::ChatCompletions] },
            "there are no recordings of responses; there are of chat/completions",
        ),
        (
            MissReason::ModelNotRecorded { asked: asked(), recorded: names(2) },
            "there are no recordings of this for model \"x\"; there are for \"m0\", \"m1\"",
        ),
        (
            MissReason::ModelNotRecorded { asked: asked(), recorded: names(10) },
            "there are no recordings of this for model \"x\"; there are for \"m0\", \"m1\", \"m2\", \"m3\", \"m4\", \"m5\", \"m6\", \"m7\" and 2 more",
        ),
        (
            MissReason::Exhausted { recorded: 1, asked: 2 },
            "it was recorded once, and this asks for it the 2nd time; a policy of repeat-last, cycle or first answers again",
        ),
        (
            MissReason::Exhausted { recorded: 3, asked: 2 },
            "it was recorded 3 times, but no recording is of the 2nd time",
        ),
        (
            remedy("$.user", &[Normaliser::Ids], &["$.user"]),
            "a recording differs only in what a key can look past, at $.user; it matches with --normalise ids --ignore '$.user'",
        ),
        (
            MissReason::Redaction { path: asked() },
            "a recording differs only in what was struck, at x; use the same credentials and rules (--redact, record.redact) as when it was recorded",
        ),
        (
            MissReason::OtherRules,
            "it was recorded under other rules of what a key leaves out (record.ignore, record.normalise)",
        ),
        (MissReason::OtherSession { session: asked() }, "it was recorded in session \"x\", and not in this one"),
        (parameter_changed("$.seed"), "the request has changed at $.seed"),
        (prompt_changed("$"), "as a whole it is another one than any that was recorded"),
    ] {
        assert_eq!(text(reason), expected);
    }
}

#[test]
fn the_body_is_an_error_as_clients_know_it() {
    let recordings = [recorded(with(chat("Why is the sky blue?"), "temperature", 0))];
    let miss = explain(&recordings, &chat("Why is the sky red?"), &KeyRules::default());
    let body = miss.body();
    let error = &body["error"];
    assert_eq!(error["type"], "not_recorded");
    assert_eq!(error["code"], "prompt_changed");
    assert_eq!(error["param"], "$.messages[1].content");
    assert_eq!(error["message"], miss.message());
    let details = &error["nightreel"];
    assert_eq!(details["endpoint"], "chat/completions");
    assert_eq!(details["session"], "s");
    assert_eq!(details["occurrence"], 1);
    assert_eq!(details["key"], miss.key.to_string());
    assert_eq!(details["record_with"], RECORD_WITH);
    assert_eq!(
        details["nearest"][0]["differences"],
        json!([
            { "path": "$.messages[1].content", "recorded": "Why is the sky blue?", "asked": "Why is the sky red?", "at": 15 },
            { "path": "$.temperature", "recorded": 0 },
        ])
    );
    assert_eq!((&details["nearest"][0]["run"], &details["nearest"][0]["more_differences"]), (&json!(1), &json!(0)));
}

#[test]
fn a_client_of_messages_is_told_in_its_own_shape() {
    let mut miss = explain(&[], &chat("x"), &KeyRules::default());
    miss.endpoint = Endpoint::Messages;
    let body = miss.body();
    assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!("not_recorded")));
    assert_eq!(body["error"]["param"], Value::Null);
    assert_eq!(body["error"]["nightreel"]["reason"], "nothing_recorded");
}

#[test]
fn the_list_of_models_needs_no_model() {
    let (rules, list) =
        (KeyRules::default(), |query: Value| Recorded { endpoint: Endpoint::Models, body: query, session: None });
    let request = request(Endpoint::Models, &json!({ "page": "2" }), &rules);
    let asked = asked_for(&request, &rules);
    let miss = Miss::explain(asked, [candidate(0, &list(json!({ "page": "1", "x": "y" })), &rules)]);
    assert_eq!(miss.reason.path(), Some("$.page"));
    assert!(miss.message().starts_with("not recorded: "));
}

#[test]
fn what_was_struck_is_not_recorded_by_a_command_that_does_not_strike_it() {
    let miss = explain(&[recorded(chat("pay ACCOUNT"))], &chat("pay DE12345678"), &KeyRules::default());
    assert_eq!((miss.reason.code(), miss.record_with.as_str()), ("redaction_difference", ""));
    assert!(!miss.message().contains("record it with"));
}
