//! Which recording of a miss is the nearest.

use super::*;

/// The request with which a model is asked what all are asked.
fn of_model(model: &str) -> Request {
    let asked = asked_with(&format!(r#"{{"model":"{model}","prompt":"hello there"}}"#), &KeyRules::default());
    Request { model: model.into(), ..asked }
}

/// Recordings of models, each of a session and an occurrence.
fn recorded(of: &[(&str, u32, &str)]) -> Vec<Exchange> {
    of.iter().map(|(session, occurrence, model)| exchange(of_model(model), session, *occurrence, session)).collect()
}

/// The same recordings as runs of a store leave them, and as a fixture has them.
fn kept(recorded: &[Exchange]) -> [(tempfile::TempDir, Store); 2] {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    store.keep_exchanges(&new_run(), recorded.to_vec()).unwrap();
    let fixture = Fixture::new(recorded.to_vec());
    let of_fixture = Store::open(&fixture.path(), Access::ReadOnly).unwrap();
    [(directory, store), (fixture.directory, of_fixture)]
}

/// The nearest recordings of a miss: session, occurrence and model, and how alike they are.
fn nearest(playback: &Playback, session: &str, asked: &Request) -> Vec<String> {
    let Asked::Miss { recorded } = playback.ask(session, asked).unwrap() else { panic!("it is recorded") };
    let nearest = playback.explain(session, asked, recorded, "").unwrap().nearest.into_iter();
    let told = |nearest: crate::record::Nearest| {
        let session = nearest.session.as_deref().unwrap_or_default();
        format!("{session}{} {} {}", nearest.occurrence, nearest.model, nearest.per_cent())
    };
    nearest.map(told).collect()
}

fn playback(store: &Store) -> Playback {
    let options = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    Playback::new(vec![store.clone()], options).unwrap()
}

#[test]
fn of_one_request_for_another_model_that_of_the_session_comes_first() {
    let recorded = recorded(&[("A", 0, "m1"), ("B", 0, "m1"), ("C", 0, "m1"), ("A", 1, "m1")]);
    for (_directory, store) in kept(&recorded) {
        for (session, expected) in [("A", "A1 m1 80"), ("B", "B0 m1 80"), ("C", "C0 m1 80")] {
            assert_eq!(nearest(&playback(&store), session, &of_model("m9")), [expected]);
        }
        let used = playback(&store);
        let replayed = [used.ask("A", &of_model("m1")), used.ask("A", &of_model("m1"))];
        assert!(replayed.iter().all(|asked| matches!(asked, Ok(Asked::Replay(_)))));
        assert_eq!(nearest(&used, "D", &of_model("m9")), ["C0 m1 80"], "the newest one that is left over");
        assert_eq!(nearest(&used, "A", &of_model("m9")), ["A1 m1 80"], "its own, though others are left over");
    }
    for (_directory, store) in kept(&super::nearest::recorded(&[("A", 0, "m1"), ("B", 0, "m1"), ("B", 1, "m1")])) {
        let used = playback(&store);
        assert_eq!(told(used.ask("B", &of_model("m1")).unwrap()), "B");
        assert_eq!(nearest(&used, "B", &of_model("m9")), ["B1 m1 80"], "its own that is left over");
    }
}

#[test]
fn of_a_request_that_is_used_up_the_same_comes_before_that_of_other_models() {
    let others = (2..14).map(|number| format!("m{number}")).collect::<Vec<_>>();
    let of_others = others.iter().map(|model| ("C", 0, model.as_str()));
    for first_two in [[("A", 0, "m1"), ("B", 0, "m1")], [("B", 0, "m1"), ("A", 0, "m1")]] {
        let recorded = recorded(&first_two.into_iter().chain(of_others.clone()).collect::<Vec<_>>());
        for (_directory, store) in kept(&recorded) {
            let playback = playback(&store);
            assert_eq!(told(playback.ask("A", &of_model("m1")).unwrap()), "A");
            let found = nearest(&playback, "A", &of_model("m1"));
            assert_eq!((found.len(), &*found[0]), (3, "B0 m1 100"), "{found:?}");
        }
    }
}
