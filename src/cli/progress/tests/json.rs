use serde_json::{Value, json};

use super::*;

/// The events, without the time they were written at.
fn events(screen: &Screenful) -> Vec<Value> {
    let text = screen.text();
    assert!(text.ends_with('\n'));
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let timeless = lines.map(|mut event| {
        assert!(event.as_object_mut().unwrap().remove("at_ms").unwrap().is_i64());
        event
    });
    timeless.collect()
}

#[test]
fn every_event_is_an_object_on_a_line_of_its_own() {
    let screen = Screenful::default();
    let progress = Progress::with(setup(Display::Json, screen.clone()));
    tell_all(&progress);
    assert!(progress.finish());
    let mut events = events(&screen);
    let mut last = events.pop().unwrap();
    // A machine under load may take a second for this, and then there is one more.
    events.retain(|event| event["event"] != "progress");
    for varying in ["elapsed_ms", "items_per_second", "eta_ms"] {
        last.as_object_mut().unwrap().remove(varying).unwrap();
    }
    assert_eq!(
        events,
        [
            json!({"event": "checking", "rows": 5}),
            json!({
                "event": "begun", "run": 4, "job": "quickstart", "mode": "auto", "simulated": false, "rows": 5,
                "items": 10, "models": ["a", "b"], "settled_before": 1, "resumed": false,
                "changed": {"since": 3, "input": true, "job": ["request.prompt"]},
            }),
            json!({
                "event": "item", "position": 7, "row_id": "r7", "model": "a", "sample": 0, "outcome": "server_error",
                "error": "the server said \"no\"", "replayed": false, "attempts": 6, "prompt_tokens": 10,
                "completion_tokens": 2, "cost_usd": 0.5, "latency_us": 1500,
            }),
            json!({"event": "retry", "row_id": "r8", "class": "rate_limited", "message": "busy", "after_ms": 1500}),
            json!({"event": "log", "message": "said"}),
            json!({"event": "warning", "message": "warned"}),
            json!({"event": "warning", "message": "look out"}),
            json!({
                "event": "stopping", "reason": "out of credit", "message": "out of credit: no credit", "in_flight": 3,
                "deadline_ms": 30_000,
            }),
        ]
    );
    assert_eq!(
        last,
        json!({
            "event": "progress", "items": 10, "done": 2, "settled": 1, "failed": 1, "replayed": 0, "retries": 1,
            "prompt_tokens": 10, "completion_tokens": 2, "cost_usd": 0.5, "unknown_costs": 0, "in_flight": 3, "in_flight_limit": 4,
            "waiting": 2, "bound": null, "stopping": true,
            "models": [{"model": "a", "settled": 1, "failed": 1}, {"model": "b", "settled": 0, "failed": 0}],
        })
    );
}

#[test]
fn quiet_leaves_warnings_and_the_end() {
    let screen = Screenful::default();
    let progress = Progress::with(Setup { quiet: true, ..setup(Display::Json, screen.clone()) });
    tell_all(&progress);
    assert!(progress.finish());
    let names: Vec<_> = events(&screen).iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, ["warning", "warning", "stopping"]);
}

#[test]
fn items_that_found_no_room_are_told() {
    use nightreel::engine::Monitor;
    let (gate, screen) = readers::Gate::shut();
    let progress = Progress::with(setup(Display::Json, gate.clone()));
    progress.say("first");
    gate.wait_for_a_write();
    let items: Vec<_> = (0..1_000).map(item).collect();
    progress.monitor().on(&Event::Settled(&items));
    gate.open();
    assert!(progress.finish());
    let events = events(&screen);
    let shown = events.iter().filter(|event| event["event"] == "item").count() as u64;
    let lost: u64 =
        events.iter().filter(|event| event["event"] == "lost").filter_map(|event| event["count"].as_u64()).sum();
    assert_eq!((shown, lost), (64, 1_000 - 64));
}
