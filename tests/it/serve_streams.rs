//! Streams pass through the server as they come, and come back at the pace that is asked for.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Door, Ending, Ends, FaultyGateway, Play, Served, Step, Test, until};

const EVENT_STREAM: &str = "content-type: text/event-stream\r\n";

fn prompt(text: &str) -> String {
    json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}]}).to_string()
}

fn event(number: usize) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{number}\"}}}}]}}\n\n")
}

#[test]
fn a_client_has_the_first_chunk_before_the_upstream_sends_the_second() {
    let test = Test::new();
    let door = Door::new();
    let steps = vec![Step::text(&event(1)), Step::Wait(door.clone()), Step::text(&event(2))];
    let gateway = FaultyGateway::new(move |_| Play::Steps(EVENT_STREAM, steps.clone(), Ends::Well));
    let server = Served::record(&test, &gateway);
    let mut delays = Vec::new();
    for turn in 0..5 {
        let mut reply = server.chat(prompt(&format!("turn {turn}"))).reply().unwrap();
        assert_eq!(reply.piece().unwrap(), event(1).as_bytes());
        // The upstream sends its first chunk right when it has read the request.
        delays.push(gateway.received()[turn].at.elapsed());
        door.open();
        assert_eq!(reply.piece().unwrap(), event(2).as_bytes());
        assert_eq!(reply.answer().ending, Ending::Whole);
    }
    let best = delays.iter().min().unwrap();
    assert!(*best <= Duration::from_millis(50), "the first chunk came late every time: {delays:?}");
}

#[test]
fn a_client_has_the_head_before_the_upstream_sends_a_chunk() {
    let test = Test::new();
    let door = Door::new();
    let steps = vec![Step::Wait(door.clone()), Step::text(&event(1))];
    let gateway = FaultyGateway::new(move |_| Play::Steps(EVENT_STREAM, steps.clone(), Ends::Well));
    let server = Served::record(&test, &gateway);
    let reply = server.chat(prompt("q")).reply().unwrap();
    assert_eq!(reply.status, 200);
    door.open();
    assert_eq!(reply.answer().chunks(), [event(1).as_bytes()]);
}

/// What keeps the chunks of a stream of two seconds apart, in milliseconds.
const GAPS: [u64; 7] = [300, 400, 100, 550, 50, 350, 250];
/// By how much a busy machine may wake a sleeper late, in seconds.
const LATE: f64 = 0.025;

/// How far off the pace an answer is, at the worst of its chunks: 0.1 is ten per cent. The whole of
/// it may not be late.
fn off(recorded: &Answer, replayed: &Answer, factor: f64) -> f64 {
    let pairs = recorded.pieces.iter().zip(&replayed.pieces).rev();
    let offs = pairs.enumerate().map(|(from_last, ((then, _), (now, _)))| {
        let (then, now) = (then.as_secs_f64() * factor, now.as_secs_f64());
        let late = if from_last == 0 { 0.0 } else { LATE };
        ((now - then).abs() - late) / then
    });
    offs.fold(0.0, f64::max)
}

/// The best of a few tries, for machines that are busy.
fn best_of(mut measure: impl FnMut() -> f64, enough: f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..4 {
        best = best.min(measure());
        if best <= enough {
            break;
        }
    }
    best
}

#[test]
fn a_stream_comes_back_at_its_own_pace_or_another_or_at_once() {
    let test = Test::new();
    let chunks = GAPS.iter().enumerate();
    let steps = chunks.flat_map(|(number, gap)| [Step::Rest(Duration::from_millis(*gap)), Step::text(&event(number))]);
    let steps: Vec<_> = steps.collect();
    let gateway = FaultyGateway::new(move |_| Play::Steps(EVENT_STREAM, steps.clone(), Ends::Well));
    let server = Served::record(&test, &gateway);
    let recorded = server.chat(prompt("paced")).answer();
    assert!(recorded.pieces.last().unwrap().0 >= Duration::from_millis(GAPS.iter().sum()));
    server.stop();
    drop(gateway);
    for (pace, factor) in [("1", 1.0), ("0.25", 0.25)] {
        let server = Served::start(test.serve("replay").and(["--pace", pace, "--policy", "cycle"]));
        let measure = || {
            let replayed = server.chat(prompt("paced")).answer();
            assert_eq!(replayed.chunks(), recorded.chunks());
            off(&recorded, &replayed, factor)
        };
        let off = best_of(measure, 0.1);
        assert!(off <= 0.1, "at --pace {pace} a chunk was {off} off");
    }
    let server = Served::start(test.serve("replay").and(["--policy", "cycle"]));
    let measure = || {
        let replayed = server.chat(prompt("paced")).answer();
        assert_eq!(replayed.chunks(), recorded.chunks());
        replayed.pieces.last().unwrap().0.as_secs_f64()
    };
    let took = best_of(measure, 0.1);
    assert!(took <= 0.1, "without a pace it took {took} s");
}

#[test]
fn a_client_that_goes_away_takes_the_upstream_with_it_and_is_recorded_so() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| {
        Play::Steps(EVENT_STREAM, vec![Step::text(&event(1)), Step::text(&event(2))], Ends::Never)
    });
    let server = Served::record(&test, &gateway);
    let mut reply = server.chat(prompt("long")).reply().unwrap();
    assert_eq!(reply.piece().unwrap(), event(1).as_bytes());
    assert_eq!(reply.piece().unwrap(), event(2).as_bytes());
    drop(reply);
    until("the upstream's client to hang up", || gateway.hung_up() == 1);
    assert_eq!(server.stop().status, Some(0));
    assert_eq!(ends(&test), ["given_up"]);
    // Whoever asks again gets as much, and no end: a stall as it was.
    let server = Served::replay(&test);
    let mut reply = server.chat(prompt("long")).reply().unwrap();
    assert_eq!(reply.piece().unwrap(), event(1).as_bytes());
    assert_eq!(reply.piece().unwrap(), event(2).as_bytes());
}

fn ends(test: &Test) -> Vec<String> {
    let store = crate::support::Store::open(&test.path("served.db"));
    store.rows("SELECT ended FROM attempts", |row| row.get(0))
}

#[test]
fn streams_that_run_at_once_do_not_wait_for_each_other() {
    let test = Test::new();
    let door = Door::new();
    let wait = door.clone();
    let gateway = FaultyGateway::new(move |received| {
        let waits = received.text().contains("waits");
        let wait = waits.then(|| Step::Wait(wait.clone()));
        Play::Steps(EVENT_STREAM, wait.into_iter().chain([Step::text(&event(1))]).collect(), Ends::Well)
    });
    let server = Served::record(&test, &gateway);
    let waiting: Vec<_> =
        (0..20).map(|number| server.chat(prompt(&format!("waits {number}"))).reply().unwrap()).collect();
    let began = Instant::now();
    assert_eq!(server.chat(prompt("quick")).answer().ending, Ending::Whole);
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for others");
    for _ in &waiting {
        door.open();
    }
    for reply in waiting {
        assert_eq!(reply.answer().ending, Ending::Whole);
    }
}
