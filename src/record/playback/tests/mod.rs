//! Handing out the recordings of real stores.

mod nearest;
mod rekeyed;

use std::path::PathBuf;

use bytes::Bytes;

use super::*;
use crate::model::{Attempt, Class, End, Endpoint, Exchange, KeyRules, Mode, Reply, Request, Timing};
use crate::record::{MissReason, Missed};
use crate::store::{Access, NewRun, RunId, Store, write_fixture};

fn request(prompt: &str) -> Request {
    asked_with(&format!(r#"{{"model":"m","prompt":"{prompt}"}}"#), &KeyRules::default())
}

fn asked_with(body: &str, rules: &KeyRules) -> Request {
    let body = Bytes::from(body.to_owned());
    Request::new(Endpoint::Completions, "m".into(), body, rules).unwrap()
}

fn exchange(request: Request, session: &str, occurrence: u32, answer: &str) -> Exchange {
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: format!(r#"{{"choices":[{{"text":"{answer}"}}]}}"#).into(),
        chunks: Vec::new(),
        end: End::Complete,
    };
    let attempt = Attempt {
        number: 1,
        sent_at_ms: 1,
        timing: Timing::default(),
        reply: Ok(reply),
        class: Class::Answered,
        cost_usd: Some(0.5),
        assumed_cost_usd: None,
    };
    let session = (!session.is_empty()).then(|| session.into());
    Exchange { request, session, occurrence, attempt }
}

/// The same, where the account was the cause of what came.
fn of_account(exchange: Exchange) -> Exchange {
    let attempt = Attempt { class: Class::Unauthorized, ..exchange.attempt };
    Exchange { attempt, ..exchange }
}

struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new(exchanges: Vec<Exchange>) -> Self {
        let fixture = Self { directory: tempfile::tempdir().unwrap() };
        write_fixture(&fixture.path(), exchanges).unwrap();
        fixture
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("fixture.db")
    }

    fn playback(&self, mode: Mode, policy: Policy, rules: KeyRules) -> Playback {
        Playback::of_fixture(&self.path(), PlaybackOptions { mode, rules, policy, struck_as: Vec::new() }).unwrap()
    }
}

/// The text of the recording that answers, or what is done otherwise.
fn told(asked: Asked) -> String {
    match asked {
        Asked::Replay(attempt) => {
            let body: serde_json::Value = serde_json::from_slice(&attempt.reply.unwrap().body).unwrap();
            body["choices"][0]["text"].as_str().unwrap().to_owned()
        }
        Asked::Send { occurrence } => format!("send {occurrence}"),
        Asked::Miss { recorded } => format!("miss {recorded}"),
    }
}

fn ask(playback: &Playback, session: &str, prompt: &str) -> String {
    told(playback.ask(session, &request(prompt)).unwrap())
}

fn three_and_one() -> Fixture {
    let answers = ["a", "b", "c"].into_iter().zip(0..);
    let mut exchanges: Vec<_> =
        answers.map(|(answer, occurrence)| exchange(request("why"), "", occurrence, answer)).collect();
    exchanges.push(exchange(request("how"), "", 0, "d"));
    Fixture::new(exchanges)
}

#[test]
fn each_session_is_given_the_recordings_in_order() {
    let fixture = three_and_one();
    let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
    let given = |session| (0..4).map(|_| ask(&playback, session, "why")).collect::<Vec<_>>();
    for session in ["one", "two", ""] {
        assert_eq!(given(session), ["a", "b", "c", "miss 3"], "{session}");
    }
    assert_eq!(ask(&playback, "one", "else"), "miss 0");
}

#[test]
fn auto_sends_what_is_not_recorded_and_lends_it_to_no_other_named_session() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let options = PlaybackOptions { mode: Mode::Auto, ..PlaybackOptions::default() };
    let playback = Playback::new(vec![store.clone()], options).unwrap();
    assert_eq!(ask(&playback, "one", "why"), "send 0");
    assert_eq!(ask(&playback, "one", "why"), "send 1");
    let run = store.keep_exchanges(&new_run(), [exchange(request("why"), "one", 1, "b")]).unwrap();
    let live = Live {
        endpoint: Endpoint::Completions,
        key: request("why").key,
        occurrence: 1,
        exchange: run.item(0).exchange(0),
        class: Class::Answered,
        stands: true,
        cost_usd: Some(0.25),
    };
    playback.recorded("one", &live);
    assert_eq!(ask(&playback, "two", "why"), "send 0");
    assert_eq!(ask(&playback, "", "why"), "b");
    assert_eq!(ask(&playback, "one", "why"), "send 2");
    let report = playback.report().unwrap();
    assert_eq!((report.hits, report.live, report.unused), (1, 4, 0));
    assert!((report.live_cost_usd - 0.25).abs() < 1e-9 && (report.cost_avoided_usd - 0.5).abs() < 1e-9);
}

#[test]
fn auto_keeps_the_places_of_what_it_sends_again() {
    let failed = of_account(exchange(request("why"), "", 0, "refused"));
    let fixture = Fixture::new(vec![failed, exchange(request("why"), "", 1, "b")]);
    for (mode, expected) in [(Mode::Replay, ["refused", "b", "miss 2"]), (Mode::Auto, ["send 0", "b", "send 2"])] {
        let playback = fixture.playback(mode, Policy::Once, KeyRules::default());
        assert_eq!([(); 3].map(|()| ask(&playback, "", "why")), expected, "{mode:?}");
    }
    let playback = fixture.playback(Mode::Auto, Policy::Once, KeyRules::default());
    assert_eq!(playback.report().unwrap().unused, 1, "what is sent again is not left over");
}

#[test]
fn a_failure_that_nothing_came_behind_is_replayed_as_often_as_it_is_asked_for() {
    let failed = |occurrence| of_account(exchange(request("why"), "", occurrence, "refused"));
    let answered = |occurrence| exchange(request("why"), "", occurrence, "b");
    for (recorded, replayed) in [
        (vec![failed(0)], ["refused", "refused", "refused"]),
        (vec![failed(0), answered(1)], ["refused", "b", "miss 2"]),
        (vec![answered(0), failed(1)], ["b", "refused", "refused"]),
    ] {
        let fixture = Fixture::new(recorded);
        let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
        assert_eq!([(); 3].map(|()| ask(&playback, "", "why")), replayed);
        let playback = fixture.playback(Mode::Replay, Policy::Cycle, KeyRules::default());
        assert_eq!(ask(&playback, "", "why"), replayed[0]);
    }
}

#[test]
fn what_does_not_stand_leaves_its_place_to_the_next_request_in_auto_alone() {
    for (mode, sent, replayed) in [
        (Mode::Auto, ["send 0", "send 0", "send 1", "send 1", "send 2"], ["b", "d", "miss 2"]),
        (Mode::Record, ["send 0", "send 1", "send 2", "send 3", "send 4"], ["refused", "b", "refused"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
        let options = |mode| PlaybackOptions { mode, ..PlaybackOptions::default() };
        let playback = Playback::new(vec![store.clone()], options(mode)).unwrap();
        let record = |told: &str, answer: &str| {
            let occurrence = told.strip_prefix("send ").unwrap().parse().unwrap();
            let answered = exchange(request("why"), "", occurrence, answer);
            let exchange = if answer == "refused" { of_account(answered) } else { answered };
            let (key, class, stands) = (exchange.request.key, exchange.attempt.class, exchange.attempt.stands());
            let run = store.keep_exchanges(&new_run(), [exchange]).unwrap();
            let exchange = run.item(0).exchange(0);
            playback.recorded(
                "",
                &Live { endpoint: Endpoint::Completions, key, occurrence, exchange, class, stands, cost_usd: None },
            );
        };
        let ask = || ask(&playback, "", "why");
        let first = ask();
        record(&first, "refused");
        let at_once = [ask(), ask()];
        record(&at_once[0], "b");
        record(&at_once[1], "refused");
        let last = ask();
        record(&last, "d");
        let [second, third] = at_once;
        assert_eq!([first, second, third, last, ask()], sent, "{mode:?}");
        let replay = Playback::new(vec![store.clone()], options(Mode::Replay)).unwrap();
        assert_eq!([(); 3].map(|()| super::tests::ask(&replay, "", "why")), replayed, "{mode:?}");
    }
}

#[test]
fn what_was_not_sent_is_handed_out_again() {
    let playback = three_and_one().playback(Mode::Auto, Policy::Once, KeyRules::default());
    assert_eq!(ask(&playback, "one", "new"), "send 0");
    playback.not_sent("one", &request("new").key, 0);
    assert_eq!(ask(&playback, "one", "new"), "send 0");
    assert_eq!(ask(&playback, "one", "new"), "send 1");
    playback.not_sent("one", &request("new").key, 0);
    assert_eq!(ask(&playback, "one", "new"), "send 0", "though a later one is under way");
    assert_eq!(ask(&playback, "one", "new"), "send 2");
    assert_eq!(playback.report().unwrap().live, 3);
}

#[test]
fn record_sends_everything_and_numbers_it_by_session() {
    let playback = three_and_one().playback(Mode::Record, Policy::Once, KeyRules::default());
    assert_eq!(ask(&playback, "one", "why"), "send 0");
    assert_eq!(ask(&playback, "one", "why"), "send 1");
    assert_eq!(ask(&playback, "two", "why"), "send 0");
}

#[test]
fn the_report_counts_what_was_used_and_what_was_left() {
    let fixture = three_and_one();
    let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
    for _ in 0..2 {
        ask(&playback, "one", "why");
    }
    ask(&playback, "two", "why");
    for _ in 0..2 {
        ask(&playback, "two", "else");
        let missed = Missed {
            session: "two".to_owned(),
            key: request("else").key.to_string(),
            endpoint: "completions".to_owned(),
            model: "m".to_owned(),
            reason: "prompt_changed".to_owned(),
            message: "no".to_owned(),
            count: 1,
        };
        playback.note_missed(request("else").key, missed);
    }
    let report = playback.report().unwrap();
    assert_eq!((report.hits, report.misses, report.exhausted, report.unused), (3, 2, 0, 2));
    assert_eq!(report.missed.shown.iter().map(|missed| missed.count).collect::<Vec<_>>(), [2]);
    let unused: Vec<_> = report.unused_recordings.shown.iter().map(|unused| unused.prompt.as_str()).collect();
    assert_eq!(
        {
            let mut unused = unused;
            unused.sort_unstable();
            unused
        },
        ["how", "why"]
    );
    let mut counts: Vec<_> = report.used_recordings.iter().map(|used| (used.occurrence, used.count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(0, 2), (1, 1)]);
}

#[test]
fn the_report_of_a_session_tells_of_what_is_meant_for_it_alone() {
    let of = |sessions: &[&str]| {
        let exchanges = sessions.iter().map(|session| exchange(request("p"), session, 0, "a")).collect();
        let fixture = Fixture::new(exchanges);
        let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
        let report = playback.report_of("mine").unwrap();
        assert_eq!(report.unused, report.unused_recordings.total());
        report.unused_recordings.shown.into_iter().map(|unused| unused.session.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(of(&["", "mine", "other"]), ["mine"]);
    assert_eq!(of(&["", "other"]), [""], "it has none of its own");
    assert_eq!(of(&["one", "other"]), ["other", "one"], "it may be lent any of them");
    let fixture = Fixture::new(vec![exchange(request("p"), "", 0, "a"), exchange(request("p"), "other", 0, "a")]);
    let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
    ask(&playback, "", "p");
    assert_eq!((playback.report_of("").unwrap().unused, playback.report().unwrap().unused), (0, 1));
}

#[test]
fn what_could_not_be_sent_is_unsent_until_the_session_has_it_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let options = PlaybackOptions { mode: Mode::Record, ..PlaybackOptions::default() };
    let playback = Playback::new(vec![store.clone()], options).unwrap();
    let key = request("why").key;
    for session in ["one", "two", "one"] {
        ask(&playback, session, "why");
        playback.not_sent(session, &key, 0);
    }
    assert_eq!(playback.unsent(), 2);
    ask(&playback, "one", "why");
    let run = store.keep_exchanges(&new_run(), [exchange(request("why"), "one", 0, "b")]).unwrap();
    let exchange = run.item(0).exchange(0);
    let live = Live {
        endpoint: Endpoint::Completions,
        key,
        occurrence: 0,
        exchange,
        class: Class::Answered,
        stands: true,
        cost_usd: None,
    };
    playback.recorded("one", &live);
    assert_eq!(playback.unsent(), 1);
}

#[test]
fn sessions_that_ask_at_once_are_each_given_every_recording_once() {
    let fixture = three_and_one();
    let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
    let given: Vec<(usize, String)> = std::thread::scope(|scope| {
        let playback = &playback;
        let threads: Vec<_> = (0..24)
            .map(|asker| scope.spawn(move || (asker % 8, ask(playback, &format!("s{}", asker % 8), "why"))))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for session in 0..8 {
        let mut given: Vec<_> = given.iter().filter(|(of, _)| *of == session).map(|(_, answer)| answer).collect();
        given.sort_unstable();
        assert_eq!(given, ["a", "b", "c"]);
    }
}

#[test]
fn a_miss_is_explained_by_what_the_stores_hold() {
    let fixture = three_and_one();
    let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
    let code = |prompt: &str, recorded| {
        playback.explain("one", &request(prompt), recorded, "nightreel serve").unwrap().reason.code()
    };
    assert_eq!(code("why not", 0), "prompt_changed");
    assert_eq!(code("why", 3), "exhausted");
    let other = asked_with(r#"{"model":"n","prompt":"why"}"#, &KeyRules::default());
    let other = Request { model: "n".into(), ..other };
    assert_eq!(playback.explain("", &other, 0, "").unwrap().reason.code(), "model_not_recorded");
}

#[test]
fn the_keys_of_a_run_that_was_killed_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let store = Store::open(&path, Access::ReadWrite).unwrap();
    store.keep_exchanges(&new_run(), [exchange(request("why"), "", 0, "a")]).unwrap();
    // A run begins, and nobody ends it.
    let _killed: RunId = store.begin_run(&new_run()).unwrap();
    let options = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    let playback = Playback::of_fixture(&path, options).unwrap();
    assert_eq!(ask(&playback, "", "why"), "a");
    assert_eq!((playback.models().unwrap(), playback.count_recordings().unwrap()), (vec!["m".to_owned()], 1));
}

fn new_run() -> NewRun {
    NewRun {
        job: "serve".to_owned(),
        job_file: String::new(),
        job_identity: "{}".to_owned(),
        job_description: "{}".to_owned(),
        input: String::new(),
        input_hash: [0; 32],
        mode: "auto".to_owned(),
        simulated: false,
        continues: None,
        row_count: 0,
        item_count: 0,
        started_at_ms: 1,
    }
}

#[test]
fn a_rehearsal_takes_no_real_recordings_place_in_the_report_either() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let anew = || NewRun { mode: Mode::Record.as_str().to_owned(), ..new_run() };
    store.keep_exchanges(&anew(), [exchange(request("why"), "", 0, "real")]).unwrap();
    let rehearsal = NewRun { simulated: true, ..anew() };
    store.keep_exchanges(&rehearsal, [exchange(request("why"), "", 0, "simulated")]).unwrap();
    let playback = Playback::new(vec![store], PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() });
    let playback = playback.unwrap();
    assert_eq!(playback.report().unwrap().unused, 1);
    assert_eq!(ask(&playback, "", "why"), "real");
    assert_eq!(playback.report().unwrap().unused, 0);
}

#[test]
fn what_others_record_is_found_once_the_index_in_memory_has_not_got_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    store.keep_exchanges(&new_run(), [exchange(request("old"), "", 0, "a")]).unwrap();
    let options = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    let playback = Playback::new(vec![store.clone()], options).unwrap();
    while !playback.lock().sources[0].is_indexed() {
        std::thread::yield_now();
    }
    assert_eq!(ask(&playback, "", "old"), "a");
    assert_eq!([ask(&playback, "", "new"), ask(&playback, "", "new")], ["miss 0", "miss 0"]);
    playback.lock().let_go();
    store.keep_exchanges(&new_run(), [exchange(request("new"), "", 0, "b")]).unwrap();
    assert_eq!(ask(&playback, "", "new"), "b");
    assert!(!playback.lock().sources[0].is_indexed(), "the file is searched from now on");
}

#[test]
fn a_list_of_models_that_others_record_is_found_though_it_was_missed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.db"), Access::ReadWrite).unwrap();
    let options = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    let playback = Playback::new(vec![store.clone()], options).unwrap();
    let models = Request::new(Endpoint::Models, "".into(), "{}".into(), &KeyRules::default()).unwrap();
    let lent = || playback.lend("", &models, |_| true).unwrap().is_some();
    assert_eq!([lent(), lent()], [false, false]);
    playback.lock().let_go();
    store.keep_exchanges(&new_run(), [exchange(models.clone(), "", 0, "{}")]).unwrap();
    assert!(lent());
}

#[test]
fn a_request_of_another_model_is_found_among_many_that_are_near() {
    let body = |model: &str, number: u32| format!(r#"{{"model":"{model}","prompt":"What is {number} and {number}?"}}"#);
    let of = |model: &str, number: u32| {
        let body = Bytes::from(body(model, number));
        Request::new(Endpoint::Completions, model.into(), body, &KeyRules::default()).unwrap()
    };
    let mut exchanges = vec![exchange(of("other", 5), "", 0, "a")];
    exchanges.extend((10..60).map(|number| exchange(of("m", number), "", 0, "b")));
    let fixture = Fixture::new(exchanges);
    let playback = fixture.playback(Mode::Replay, Policy::Once, KeyRules::default());
    let miss = playback.explain("", &of("m", 5), 0, "").unwrap();
    let expected = MissReason::ModelNotRecorded { asked: "m".to_owned(), recorded: vec!["other".to_owned()] };
    assert_eq!((miss.reason, &*miss.nearest[0].model, miss.newest), (expected, "other", None));
    let mut reader = playback.stores()[0].reader().unwrap();
    let kinds = [(Endpoint::Completions, "m".into()), (Endpoint::Completions, "other".into())];
    let mut found = reader.recorded_kinds().unwrap();
    found.sort_unstable();
    assert_eq!(found, kinds);
}
