//! What holds of any request and any recordings.

use proptest::prelude::*;

use super::*;

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
