use proptest::prelude::*;

use super::Normaliser;
use crate::model::{Endpoint, Key, KeyRules, canonical_json};

fn rules(normalisers: &[&str]) -> KeyRules {
    KeyRules { normalise: normalisers.iter().map(|text| text.parse().unwrap()).collect(), ..KeyRules::default() }
}

fn normal(json: &str, normalisers: &[&str]) -> String {
    String::from_utf8(rules(normalisers).canonical(json.as_bytes()).unwrap()).unwrap()
}

#[test]
fn each_normaliser_changes_what_it_says_and_nothing_else() {
    let id = "550e8400-e29b-41d4-a716-446655440000";
    for (normaliser, body, expected) in [
        ("timestamps", r#"{"q":"on 2026-11-22"}"#, r#"{"q":"on ‹timestamp›"}"#),
        ("timestamps", r#"{"created":1763836800,"n":1763836800}"#, r#"{"created":"‹timestamp›","n":1763836800}"#),
        ("timestamps", r#"{"times":{"created_at":["1763836800"]}}"#, r#"{"times":{"created_at":["‹timestamp›"]}}"#),
        ("timestamps", r#"{"model":"gpt-4o-2024-08-06"}"#, r#"{"model":"gpt-4o-2024-08-06"}"#),
        ("timestamps", r#"{"2026-11-22":1}"#, r#"{"2026-11-22":1}"#),
        ("timestamps", r#"{"a":"\ud800 2026-11-22"}"#, r#"{"a":"\ud800 ‹timestamp›"}"#),
        ("ids", &format!(r#"{{"b":"{id}","a":"x {id} y"}}"#), r#"{"a":"x ‹id:1› y","b":"‹id:1›"}"#),
        ("ids", r#"{"tool_call_id":"call_1","q":"on 2026-11-22"}"#, r#"{"q":"on 2026-11-22","tool_call_id":"call_1"}"#),
        (
            "tool-call-ids",
            r#"{"messages":[{"tool_calls":[{"id":"call_1","type":"function"},{"id":"b"}]},{"tool_call_id":"b"},{"tool_call_id":"call_1"}]}"#,
            r#"{"messages":[{"tool_calls":[{"id":"‹id:1›","type":"function"},{"id":"‹id:2›"}]},{"tool_call_id":"‹id:2›"},{"tool_call_id":"‹id:1›"}]}"#,
        ),
        (
            "tool-call-ids",
            r#"{"content":[{"type":"tool_use","id":"t 1"},{"type":"tool_result","tool_use_id":"t 1"},{"type":"text","id":"t 1"}]}"#,
            r#"{"content":[{"id":"‹id:1›","type":"tool_use"},{"tool_use_id":"‹id:1›","type":"tool_result"},{"id":"t 1","type":"text"}]}"#,
        ),
        (
            "tool-call-ids",
            r#"{"input":[{"type":"function_call","id":"fc_1","call_id":"c"},{"type":"function_call_output","call_id":"c"},{"type":"message","id":"m"}]}"#,
            r#"{"input":[{"call_id":"‹id:1›","id":"‹id:2›","type":"function_call"},{"call_id":"‹id:1›","type":"function_call_output"},{"id":"m","type":"message"}]}"#,
        ),
        ("tool-call-ids", r#"{"call_id":""}"#, r#"{"call_id":""}"#),
        ("tool-call-ids", r#"{"call_id":7,"id":1,"type":"tool_use"}"#, r#"{"call_id":7,"id":1,"type":"tool_use"}"#),
        (
            "model-dates",
            r#"{"model":"claude-haiku-4-5-20251001","models":["gpt-4o-2024-08-06"],"q":"gpt-4o-2024-08-06"}"#,
            r#"{"model":"claude-haiku-4-5","models":["gpt-4o"],"q":"gpt-4o-2024-08-06"}"#,
        ),
        ("pattern:order [0-9]+", r#"{"a":"order 7","model":"order 8"}"#, r#"{"a":"‹pattern›","model":"‹pattern›"}"#),
    ] {
        assert_eq!(normal(body, &[normaliser]), expected, "{normaliser}");
    }
}

#[test]
fn the_id_of_a_call_is_one_whatever_other_normalisers_see_in_it() {
    let body = r#"{"content":[{"type":"tool_use","id":"call 2026-11-22"},{"tool_use_id":"call 2026-11-22"},{"tool_use_id":"call 2026-11-23"}]}"#;
    let expected =
        r#"{"content":[{"id":"‹id:1›","type":"tool_use"},{"tool_use_id":"‹id:1›"},{"tool_use_id":"‹id:2›"}]}"#;
    assert_eq!(normal(body, &["tool-call-ids", "timestamps", "ids", "pattern:call"]), expected);
}

#[test]
fn the_order_of_members_and_of_normalisers_does_not_matter() {
    let one = r#"{"a":"01ARZ3NDEKTSV4RRFFQ69G5FAV","b":"507f1f77bcf86cd799439011","c":"2026-11-22"}"#;
    let other = r#"{"c":"2026-11-22","b":"507f1f77bcf86cd799439011","a":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#;
    let first = normal(one, &["ids", "timestamps", "pattern:[0-9]{4}", "pattern:2026"]);
    assert_eq!(first, normal(other, &["pattern:2026", "pattern:[0-9]{4}", "timestamps", "ids"]));
}

#[test]
fn an_ignored_id_takes_no_number() {
    let mut rules = rules(&["ids", "tool-call-ids"]);
    rules.ignore = vec!["$.a".parse().unwrap(), "$.id".parse().unwrap()];
    let body = br#"{"a":"507f1f77bcf86cd799439011","b":"507f1f77bcf86cd799439012","id":"x","type":"tool_use"}"#;
    let text = rules.canonical(body).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"b":"‹id:1›","type":"tool_use"}"#);
}

#[test]
fn keys_are_what_sha256sum_says_of_the_documented_text() {
    for (body, normaliser, expected) in [
        // printf 'chat/completions\n{"a":"on ‹timestamp›"}' | sha256sum
        (r#"{"a":"on 2026-11-22"}"#, "timestamps", TIMESTAMP_KEY),
        // printf 'chat/completions\n{"a":"‹id:1›"}' | sha256sum
        (r#"{"a":"file-abc123"}"#, "ids", ID_KEY),
    ] {
        let key = Key::of(Endpoint::ChatCompletions, body.as_bytes(), &rules(&[normaliser])).unwrap();
        assert_eq!(key.to_string(), expected, "{normaliser}");
    }
}

const TIMESTAMP_KEY: &str = "177b1c08f44f911f1a93f3e8e5511fbd3d98b251e3e5697849c318613ceb6231";
const ID_KEY: &str = "2e91fef7d3e306f7b27562ffa22c4da8ec82d853c4847fb6cf425f3e50225251";

/// Bits of texts that normalisers look for, and of what stands between them.
fn any_text() -> impl Strategy<Value = String> {
    let bit = prop::sample::select(vec![
        "2026-11-22",
        "T18:24:14Z",
        " 18:24:14",
        " at 6:24 p.m.",
        "Sun, 22 Nov 2026",
        "November 22nd, 2026",
        "22/Nov/2026:18:24:14 +0000",
        "created: 1763836800",
        "date=1763836800.5",
        "1763836800",
        "timestamp",
        "550e8400-e29b-41d4-a716-446655440000",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "507f1f77bcf86cd799439011",
        "gen-1780944599-AbCdEfGhIjKlMnOpQrSt",
        "file-abc123",
        "call_",
        "‹id:7›",
        "‹timestamp›",
        "gpt-4o",
        "-0613",
        "-latest",
        ":free",
        " ",
        "-",
        "_",
        ".",
        "(",
        "a",
        "Z",
        "é",
        "\u{1f600}",
        "\"",
    ]);
    prop::collection::vec(bit, 0..6).prop_map(|bits| bits.concat())
}

fn any_body() -> impl Strategy<Value = serde_json::Value> {
    let name = prop::sample::select(vec![
        "id",
        "type",
        "model",
        "models",
        "created",
        "tool_calls",
        "tool_call_id",
        "call_id",
        "content",
        "messages",
    ]);
    let leaf = prop_oneof![
        any_text().prop_map(Into::into),
        any_text().prop_map(Into::into),
        prop::sample::select(vec!["tool_use", "function_call", "text"]).prop_map(Into::into),
        Just(1_763_836_800_u64.into()),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(name.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

fn any_named() -> impl Strategy<Value = Vec<Normaliser>> {
    prop::sample::subsequence(Normaliser::NAMED.to_vec(), 0..=4)
}

proptest! {
    #[test]
    fn the_normal_form_is_its_own_normal_form(body in any_body(), normalise in any_named()) {
        let rules = KeyRules { normalise, ..KeyRules::default() };
        let once = rules.canonical(body.to_string().as_bytes()).unwrap();
        let twice = rules.canonical(&once).unwrap();
        prop_assert_eq!(String::from_utf8(twice).unwrap(), String::from_utf8(once.clone()).unwrap());
        prop_assert_eq!(canonical_json(&once, &[]).unwrap(), once);
    }

    #[test]
    fn without_normalisers_the_text_is_the_canonical_form(body in any_body()) {
        let body = body.to_string();
        prop_assert_eq!(KeyRules::default().canonical(body.as_bytes()), canonical_json(body.as_bytes(), &[]));
    }

    #[test]
    fn bodies_share_a_key_where_their_ids_are_the_same_but_for_names(
        one in prop::collection::vec(0_usize..4, 1..8),
        other in prop::collection::vec(0_usize..4, 1..8),
        shift in 0_usize..4,
    ) {
        let id = |number: usize| format!("507f1f77bcf86cd79943901{number}");
        let body = |ids: &[usize], shift: usize| {
            let ids: Vec<_> = ids.iter().map(|number| serde_json::json!({ "x": format!("see {}.", id((number + shift) % 4)) })).collect();
            serde_json::Value::from(ids).to_string()
        };
        let structure = |ids: &[usize]| -> Vec<usize> {
            ids.iter().map(|id| ids.iter().position(|other| other == id).unwrap()).collect()
        };
        let same = normal(&body(&one, 0), &["ids"]) == normal(&body(&other, shift), &["ids"]);
        prop_assert_eq!(same, structure(&one) == structure(&other));
    }
}
