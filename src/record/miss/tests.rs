use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Endpoint, Key, KeyRules, Normaliser, Request};
use crate::store::RunId;

const RECORD_WITH: &str = "nightreel serve --store F --mode auto";

/// A recording of a chat, and what may be said of it otherwise.
struct Recorded {
    endpoint: Endpoint,
    body: Value,
    session: Option<&'static str>,
}

fn recorded(body: Value) -> Recorded {
    Recorded { endpoint: Endpoint::ChatCompletions, body, session: None }
}

fn chat(content: &str) -> Value {
    json!({ "model": "m", "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": content }] })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn request(endpoint: Endpoint, body: &Value, rules: &KeyRules) -> Request {
    let model = body["model"].as_str().unwrap_or_default();
    Request::new(endpoint, model.into(), Bytes::from(body.to_string()), rules).unwrap()
}

fn candidate(at: usize, recorded: &Recorded, rules: &KeyRules) -> Candidate {
    let request = request(recorded.endpoint, &recorded.body, rules);
    Candidate {
        id: RunId(1).item(u32::try_from(at).unwrap()).exchange(0),
        endpoint: request.endpoint,
        model: request.model,
        key: request.key,
        session: recorded.session.map(Arc::from),
        occurrence: 0,
        was_handed_out: false,
        body: request.body,
    }
}

/// A request of the unnamed session that was never recorded.
fn asked_for<'a>(request: &'a Request, rules: &'a KeyRules) -> AskedFor<'a> {
    AskedFor { request, session: "", occurrence: 0, recorded: 0, rules, struck_as: &[], record_with: "" }
}

fn explain(recordings: &[Recorded], asked: &Value, rules: &KeyRules) -> Miss {
    let request = request(Endpoint::ChatCompletions, asked, rules);
    let struck_as = &["ACCOUNT".to_owned()];
    let asked =
        AskedFor { session: "s", occurrence: 1, struck_as, record_with: RECORD_WITH, ..asked_for(&request, rules) };
    Miss::explain(asked, recordings.iter().enumerate().map(|(at, recorded)| candidate(at, recorded, rules)))
}

fn reason(recordings: &[Recorded], asked: &Value) -> MissReason {
    explain(recordings, asked, &KeyRules::default()).reason
}

fn remedy(path: &str, normalise: &[Normaliser], ignore: &[&str]) -> MissReason {
    let ignore = ignore.iter().map(|path| (*path).to_owned()).collect();
    MissReason::Normaliser { path: path.to_owned(), remedy: Remedy { normalise: normalise.to_vec(), ignore } }
}

fn prompt_changed(path: &str) -> MissReason {
    MissReason::PromptChanged { path: path.to_owned() }
}

fn parameter_changed(path: &str) -> MissReason {
    MissReason::ParameterChanged { path: path.to_owned() }
}

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

#[test]
fn the_three_nearest_are_told_and_recordings_of_one_key_count_once() {
    let mut recordings: Vec<_> =
        (0..50).map(|number| recorded(chat(&format!("What is {number} and {number}?")))).collect();
    recordings.extend((0..9).map(|_| recorded(chat("Why is the sky blue today?"))));
    recordings.push(recorded(chat("Why is the sky blue at all?")));
    let miss = explain(&recordings, &chat("Why is the sky blue?"), &KeyRules::default());
    let items: Vec<_> = miss.nearest.iter().map(|nearest| nearest.id.item().position()).collect();
    assert_eq!((items.len(), &items[..2]), (3, &[50, 59][..]));
}

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

/// A long prompt, with words that are its own.
fn report(words: [&str; 2]) -> String {
    let filler = "the harbour master wrote down what each of the ships had brought that day ".repeat(20);
    format!("Begin with {}. {filler}In between say {}. {filler}", words[0], words[1])
}

#[test]
fn the_recording_that_comes_first_is_the_one_that_was_changed() {
    let blue = "Why is the sky blue?";
    let system = |text: &str, question: &str| json!({ "model": "m", "messages": [{ "role": "system", "content": text }, { "role": "user", "content": question }] });
    let image = |data: &str, question: &str| {
        json!({ "model": "m", "messages": [{ "role": "user", "content": [
            { "type": "text", "text": question },
            { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{}", data.repeat(400)) } },
        ] }] })
    };
    let tools =
        |about: &str, question: &str| with(chat(question), "tools", json!([{ "name": "look", "about": about }]));
    let warm = |body: Value, temperature: u8| with(with(body, "temperature", temperature), "max_tokens", 64);
    let mut longer = chat(blue);
    longer["messages"].as_array_mut().unwrap().push(json!({ "role": "assistant", "content": "It scatters." }));
    for (name, asked, first, others) in [
        (
            "two words far apart in a long prompt",
            chat(&report(["salt", "rope"])),
            chat(&report(["corn", "wool"])),
            [chat("Begin with salt."), chat(&report(["a", "b"]).replace("ships", "boats")), chat(blue)],
        ),
        (
            "a parameter, among the same with another word in a long prompt",
            warm(chat(&report(["salt", "rope"])), 1),
            warm(chat(&report(["salt", "rope"])), 0),
            [warm(chat(&report(["corn", "rope"])), 1), warm(chat(&report(["salt", "wool"])), 1), warm(chat(blue), 1)],
        ),
        (
            "a word of the system's, among other questions to the same system",
            system(&report(["salt", "rope"]), blue),
            system(&report(["corn", "rope"]), blue),
            [
                system(&report(["salt", "rope"]), "Why is the sea green?"),
                system(&report(["salt", "rope"]), "How many ships?"),
                chat(blue),
            ],
        ),
        (
            "a message that came in",
            longer,
            chat(blue),
            [chat("Why is the sea salt?"), chat("Who?"), chat("It scatters.")],
        ),
        (
            "the schema of a tool",
            tools("new", blue),
            tools("old", blue),
            [tools("new", "Who looks?"), tools("new", "Why is it so?"), chat("Why is the sea salt?")],
        ),
        (
            "an image",
            image("abcd", blue),
            image("wxyz", blue),
            [image("abcd", "How many are there?"), image("wxyz", "How many are there?"), chat(blue)],
        ),
        (
            "a word among others without blanks",
            chat("天空为什么是蓝色的呢"),
            chat("天空为什么是红色的呢"),
            [chat("海水为什么这么咸"), chat("你叫什么名字"), chat(blue)],
        ),
        ("a letter of a short text", chat("hello"), chat("hallo"), [chat("good evening"), chat("bye"), chat("who")]),
    ] {
        let [one, two, three] = others.map(recorded);
        let miss = explain(&[one, two, recorded(first), three], &asked, &KeyRules::default());
        assert_eq!(miss.nearest[0].id.item().position(), 2, "{name}: {}", miss.message());
    }
}

#[test]
fn a_prompt_without_a_blank_is_compared_as_a_text() {
    let order = |number: usize, last: usize| {
        let items = (0..12).map(|item| json!({ "sku": format!("A-{}", number * 31 + item * 7), "count": item }));
        let order = json!({ "order": 1000 + number, "items": items.collect::<Vec<_>>(), "last": last });
        chat(&order.to_string())
    };
    let mut recordings: Vec<_> = (0..20).map(|number| recorded(order(number, 4))).collect();
    recordings.extend(["", "?"].map(|text| recorded(chat(text))));
    for number in [2, 19] {
        let miss = explain(&recordings, &order(number, 5), &KeyRules::default());
        assert_eq!(usize::try_from(miss.nearest[0].id.item().position()), Ok(number), "{}", miss.message());
    }
}

/// A body that says something in one of several ways.
type Shape<'a> = &'a dyn Fn(&str) -> Value;

#[test]
fn a_question_about_a_long_document_is_nearest_to_itself() {
    let blue = |number: usize| {
        let words = ["sky", "sea", "harbour", "road", "mountain"];
        format!("Say what colour the {} has, and why it is number {number}.", words[number])
    };
    let words = (0_u32..).map(|number| format!("w{} ", number.wrapping_mul(2_654_435_761) >> 16));
    let long: String = words.take(90_000).collect();
    let letters = "a b c d e f g h ".repeat(40_000);
    let chinese: String = (0..70_000).filter_map(|number| char::from_u32(0x4e00 + number * 7 % 20_000)).collect();
    let one = |text: String| json!({ "model": "m", "messages": [{ "role": "user", "content": text }] });
    let system = |document: &str, question: &str| {
        json!({ "model": "m", "messages": [
            { "role": "system", "content": document }, { "role": "user", "content": question },
        ] })
    };
    let likened = |body: Value| likeness::Likened::new(&profile::Profile::of(body.to_string().as_bytes()));
    let shapes: [(&str, Shape<'_>); 5] = [
        ("question behind", &|question| one(format!("{long}\n{question}"))),
        ("question before", &|question| one(format!("{question}\n{long}"))),
        ("document as the system's", &|question| system(&long, question)),
        ("document of many words", &|question| system(&letters, question)),
        ("document in Chinese", &|question| system(&chinese, question)),
    ];
    for (name, body) in shapes {
        let mut asked = likened(body(&blue(1).replace("what colour", "which colour")));
        let mut similarity = |number| {
            let recorded = profile::Profile::of(body(&blue(number)).to_string().as_bytes());
            asked.likeness(&recorded).similarity
        };
        let meant = similarity(1);
        for number in [0, 2, 3, 4] {
            assert!(similarity(number) < meant, "{name}: {number}");
        }
    }
}

#[test]
fn of_texts_that_are_as_alike_the_one_with_less_changed_is_nearest() {
    // In the middle of a long text only a sample counts.
    let text = |word: &str| chat(&format!("{}{word} {}", "word ".repeat(70_000), "word ".repeat(70_000)));
    let [far, near] = ["harbour", "harbor"].map(|word| Bytes::from(text(word).to_string()));
    let rules = KeyRules::default();
    let request = request(Endpoint::ChatCompletions, &text("harborx"), &rules);
    let asked = asked_for(&request, &rules);
    let candidates = [far, near]
        .into_iter()
        .enumerate()
        .map(|(at, body)| Candidate { body, ..candidate(at, &recorded(chat(&at.to_string())), &rules) });
    let nearest = Miss::explain(asked, candidates).nearest;
    assert_eq!(nearest.iter().map(|nearest| nearest.id.item().position()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_bare_text_is_near_to_the_message_that_an_sdk_sends_for_it() {
    let question = |number: usize| format!("What is the capital of country number {number}?");
    let parts = |text: &str| json!([{ "role": "user", "content": [{ "type": "input_text", "text": text }] }]);
    let message = |text: &str| json!([{ "role": "user", "content": text }]);
    let bare = |text: &str| json!(text);
    let shapes: [Shape<'_>; 3] = [&bare, &message, &parts];
    let body = |input: Value| json!({ "model": "m", "instructions": "Be brief.", "input": input });
    for (one, other) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        let recordings: Vec<_> = (0..9).map(|number| recorded(body(shapes[one](&question(number))))).collect();
        let miss = explain(&recordings, &body(shapes[other](&question(4))), &KeyRules::default());
        assert_eq!(miss.nearest[0].id.item().position(), 4, "{one} {other}: {}", miss.message());
    }
    let system = json!({ "model": "m", "input": [
        { "role": "system", "content": "Talk as a pirate does." }, { "role": "user", "content": "Who?" },
    ] });
    let miss = explain(
        &[
            recorded(json!({ "model": "m", "instructions": "Talk as a judge would.", "input": "Who?" })),
            recorded(json!({ "model": "m", "instructions": "Talk as a pirate does.", "input": "Who?" })),
        ],
        &system,
        &KeyRules::default(),
    );
    assert_eq!(miss.nearest[0].id.item().position(), 1);
}

#[test]
fn what_has_nothing_in_common_with_any_is_near_to_none() {
    for asked in [Value::Null, json!("x"), json!([1, 2])] {
        let miss = explain(&[recorded(chat("Why is the sky blue?"))], &asked, &KeyRules::default());
        assert_eq!((&miss.reason, miss.nearest.len()), (&prompt_changed("$"), 0), "{}", miss.message());
    }
}

#[test]
fn what_was_struck_is_not_recorded_by_a_command_that_does_not_strike_it() {
    let miss = explain(&[recorded(chat("pay ACCOUNT"))], &chat("pay DE12345678"), &KeyRules::default());
    assert_eq!((miss.reason.code(), miss.record_with.as_str()), ("redaction_difference", ""));
    assert!(!miss.message().contains("record it with"));
}

#[test]
fn of_two_that_are_as_near_the_one_that_is_likelier_meant_comes_first() {
    let rules = KeyRules::default();
    let request = request(Endpoint::ChatCompletions, &chat("x y z"), &rules);
    let asked = AskedFor { session: "s", ..asked_for(&request, &rules) };
    for (change, expected) in [
        (None, 0),
        (Some(Candidate { session: Some("s".into()), ..candidate(1, &recorded(chat("x y b")), &rules) }), 1),
        (Some(candidate(1, &recorded(chat("x y z b")), &rules)), 1),
    ] {
        let used = Candidate { was_handed_out: true, ..candidate(0, &recorded(chat("x y a")), &rules) };
        let second = change
            .unwrap_or_else(|| Candidate { was_handed_out: true, ..candidate(1, &recorded(chat("x y b")), &rules) });
        let nearest = Miss::explain(asked, [used, second]).nearest;
        assert_eq!(nearest[0].id.item().position(), expected);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![".{0,12}", "[redacted ]{0,12}", "(2026-11-22|call_1|‹id:1›| ){0,4}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        text.prop_map(Into::into),
    ];
    let name = prop_oneof!["model|messages|prompt|user|id|type", ".{0,3}"];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::hash_map(name.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn how_alike_two_bodies_are_is_one_number_both_ways(one in any_json(), other in any_json()) {
        let profile = |body: &Value| profile::Profile::of(body.to_string().as_bytes());
        let (one, other) = (profile(&one), profile(&other));
        let likeness = |one, other| likeness::Likened::new(one).likeness(other).similarity;
        let (there, back) = (likeness(&one, &other), likeness(&other, &one));
        prop_assert!((0.0..=1.0).contains(&there));
        prop_assert!((there - back).abs() < 1e-12, "{there} {back}");
        prop_assert!((likeness(&one, &one) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn any_request_and_any_recordings_are_explained(
        asked in any_json(),
        bodies in prop::collection::vec((any_json(), prop::collection::vec(any::<u8>(), 0..8), any::<bool>()), 0..6),
        normalise in prop::sample::subsequence(Normaliser::NAMED.to_vec(), 0..=4),
    ) {
        let rules = KeyRules { normalise, ..KeyRules::default() };
        let request = request(Endpoint::ChatCompletions, &asked, &rules);
        let asked = AskedFor { occurrence: u32::MAX, ..asked_for(&request, &rules) };
        let candidates = bodies.into_iter().enumerate().map(|(at, (body, bytes, broken))| {
            let mut candidate = candidate(at, &recorded(body), &rules);
            if broken {
                candidate.key = Key::from_bytes([u8::try_from(at).unwrap(); 32]);
                candidate.body = bytes.into();
            }
            candidate
        });
        let miss = Miss::explain(asked, candidates);
        let lines = miss.message().lines().count();
        prop_assert!((2..=5).contains(&lines), "{}", miss.message());
        prop_assert!(miss.nearest.len() <= 3);
        prop_assert!(miss.body()["error"]["code"].is_string());
    }
}
