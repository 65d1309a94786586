//! Why nothing answers a request.

use super::*;

#[test]
fn what_was_never_recorded_or_no_longer_is_left_has_its_reason() {
    let sky = || recorded(chat("Why is the sky blue?"));
    let content = "$.messages[1].content";
    for (name, recordings, asked, expected) in [
        ("nothing", vec![], chat("x"), MissReason::NothingRecorded),
        (
            "endpoint",
            vec![
                Recorded { endpoint: Endpoint::Embeddings, ..sky() },
                Recorded { endpoint: Endpoint::Messages, ..sky() },
            ],
            chat("x"),
            MissReason::EndpointNotRecorded {
                asked: Endpoint::ChatCompletions,
                recorded: vec![Endpoint::Embeddings, Endpoint::Messages],
            },
        ),
        (
            "no such model",
            vec![recorded(with(chat("a"), "model", "zzz")), recorded(with(chat("b"), "model", "mm"))],
            chat("x"),
            MissReason::ModelNotRecorded { asked: "m".into(), recorded: vec!["mm".into(), "zzz".into()] },
        ),
        (
            "another model for this prompt",
            vec![recorded(with(chat("Why is the sky blue?"), "model", "other")), recorded(chat("How many are there?"))],
            chat("Why is the sky blue?"),
            MissReason::ModelNotRecorded { asked: "m".into(), recorded: vec!["other".into()] },
        ),
        ("prompt", vec![recorded(chat("far away")), sky()], chat("Why is the sky red?"), prompt_changed(content)),
        (
            "prompt and parameter",
            vec![recorded(with(chat("Why is the sky blue?"), "temperature", 0))],
            with(chat("Why is the sky red?"), "temperature", 1),
            prompt_changed(content),
        ),
        (
            "parameter",
            vec![recorded(with(chat("a"), "temperature", 0))],
            with(chat("a"), "temperature", 1),
            parameter_changed("$.temperature"),
        ),
        ("exhausted", vec![sky()], chat("Why is the sky blue?"), MissReason::Exhausted { recorded: 1, asked: 2 }),
        (
            "exhausted in its session",
            vec![
                Recorded { session: Some("s"), ..sky() },
                Recorded { session: Some("other"), ..sky() },
                Recorded { session: Some(""), ..sky() },
            ],
            chat("Why is the sky blue?"),
            MissReason::Exhausted { recorded: 2, asked: 2 },
        ),
        (
            "other session",
            vec![Recorded { session: Some("other"), ..sky() }],
            chat("Why is the sky blue?"),
            MissReason::OtherSession { session: "other".into() },
        ),
    ] {
        assert_eq!(reason(&recordings, &asked), expected, "{name}");
    }
}

#[test]
fn what_other_rules_would_match_has_its_reason() {
    let content = "$.messages[1].content";
    let tool = |id: &str| json!({ "model": "m", "messages": [{ "role": "tool", "tool_call_id": id, "content": "x" }] });
    for (name, recordings, asked, expected) in [
        (
            "timestamp",
            vec![recorded(chat("It is 2026-11-22. Go.")), recorded(chat("Why is the sky blue?"))],
            chat("It is 2026-11-23. Go."),
            remedy(content, &[Normaliser::Timestamps], &[]),
        ),
        (
            "id",
            vec![recorded(chat("see 507f1f77bcf86cd799439011"))],
            chat("see 507f1f77bcf86cd799439012"),
            remedy(content, &[Normaliser::Ids], &[]),
        ),
        (
            "tool call id",
            vec![recorded(tool("call_a"))],
            tool("call_b"),
            remedy("$.messages[0].tool_call_id", &[Normaliser::ToolCallIds], &[]),
        ),
        (
            "model date",
            vec![recorded(with(chat("a"), "model", "m-20251001"))],
            with(chat("a"), "model", "m-2025-11-01"),
            remedy("$.model", &[Normaliser::ModelDates], &[]),
        ),
        (
            "ignore",
            vec![recorded(with(chat("a"), "user", "anna"))],
            with(chat("a"), "user", "bert"),
            remedy("$.user", &[], &["$.user"]),
        ),
        (
            "ignore and normalise",
            vec![recorded(with(chat("on 2026-11-22"), "metadata", json!({ "a.b": 1, "c": 2 })))],
            with(chat("on 2026-11-23"), "metadata", json!({ "a.b": 2 })),
            remedy(content, &[Normaliser::Timestamps], &["$.metadata[\"a.b\"]", "$.metadata.c"]),
        ),
        (
            "too much to ignore",
            vec![recorded(with(chat("a"), "metadata", json!({ "a": 1, "b": 1, "c": 1, "d": 1 })))],
            with(chat("a"), "metadata", json!({ "a": 2, "b": 2, "c": 2, "d": 2 })),
            parameter_changed("$.metadata.a"),
        ),
        (
            "redaction",
            vec![recorded(chat("my key is [redacted], thanks"))],
            chat("my key is sk-12345678, thanks"),
            MissReason::Redaction { path: content.into() },
        ),
        (
            "redaction by a word of the user's own",
            vec![recorded(chat("pay ACCOUNT today"))],
            chat("pay DE12345678 today"),
            MissReason::Redaction { path: content.into() },
        ),
        (
            "redaction of what is asked",
            vec![recorded(chat("my key is sk-12345678"))],
            chat("my key is [redacted]"),
            MissReason::Redaction { path: content.into() },
        ),
        (
            "redaction and more",
            vec![recorded(chat("my key is [redacted], thanks"))],
            chat("my key is sk-12345678, please"),
            prompt_changed(content),
        ),
    ] {
        assert_eq!(reason(&recordings, &asked), expected, "{name}");
    }
}

#[test]
fn how_often_it_was_recorded_is_what_the_session_was_given() {
    let rules = KeyRules::default();
    let request = request(Endpoint::ChatCompletions, &chat("x"), &rules);
    let asked = AskedFor { session: "s", occurrence: 3, recorded: 3, ..asked_for(&request, &rules) };
    let candidates = [recorded(chat("x")), Recorded { session: Some("other"), ..recorded(chat("x")) }];
    let candidates = candidates.iter().map(|recorded| candidate(0, recorded, &rules));
    assert_eq!(Miss::explain(asked, candidates).reason, MissReason::Exhausted { recorded: 3, asked: 4 });
}

#[test]
fn a_recording_under_other_rules_is_known() {
    let rules = KeyRules { normalise: vec![Normaliser::Timestamps], ..KeyRules::default() };
    let request = request(Endpoint::ChatCompletions, &chat("on 2026-11-22"), &rules);
    let asked = asked_for(&request, &rules);
    let old = candidate(0, &recorded(chat("on 2026-11-23")), &KeyRules::default());
    assert_eq!(Miss::explain(asked, [old]).reason, MissReason::OtherRules);
}

#[test]
fn what_the_declared_rules_look_past_is_no_difference() {
    let rules = KeyRules {
        normalise: vec![Normaliser::Timestamps, Normaliser::Ids, Normaliser::ModelDates],
        ignore: vec!["$.user".parse().unwrap()],
    };
    let body = |content: &str, user: &str, model: &str| with(with(chat(content), "user", user), "model", model);
    let recorded = [recorded(body("on 2026-11-22 file 507f1f77bcf86cd799439011: blue", "anna", "m-2025-01-01"))];
    let asked = body("on 2026-11-23 file 507f1f77bcf86cd799439012: red", "bert", "m");
    let miss = explain(&recorded, &asked, &rules);
    assert_eq!(miss.reason, prompt_changed("$.messages[1].content"));
    let differences: Vec<_> = miss.nearest[0].comparison.differences.iter().map(ToString::to_string).collect();
    let expected =
        "$.messages[1].content: recorded \"…mestamp› file ‹id›: »blue«\", asked \"…mestamp› file ‹id›: »red«\"";
    assert_eq!(differences, [expected]);
}

#[test]
fn ids_that_are_others_of_each_other_are_a_difference() {
    let rules = KeyRules { normalise: vec![Normaliser::Ids], ..KeyRules::default() };
    let (one, other) = ("507f1f77bcf86cd799439011", "507f1f77bcf86cd799439012");
    let miss = explain(&[recorded(chat(&format!("{one} {other}")))], &chat(&format!("{one} {one}")), &rules);
    assert_eq!(miss.reason, prompt_changed("$.messages[1].content"));
    let told = miss.nearest[0].comparison.differences[0].to_string();
    assert_eq!(told, "$.messages[1].content: recorded \"‹id:1› ‹id:»2«›\", asked \"‹id:1› ‹id:»1«›\"");
}
