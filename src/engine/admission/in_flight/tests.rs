//! The limit against servers of several kinds, simulated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

const MOST: usize = 1_024;

/// A server: how many seconds a reply takes at so many in flight, or a 429.
type Server = dyn Fn(usize, f64) -> Result<f64, ()>;

/// Runs a lane with work to spare against a server. Gives the replies between two moments, a
/// second, and the limit at the end.
fn run(server: &Server, limit: &mut InFlight, (from, to): (f64, f64)) -> (f64, usize) {
    let (mut now, mut in_flight, mut replies) = (0.0, 0, 0);
    let mut due = BinaryHeap::new();
    while now < to {
        while in_flight < limit.limit {
            in_flight += 1;
            let (took, ok) = server(in_flight, now).map_or((0.001, false), |took| (took, true));
            let done = Duration::from_secs_f64(now + took);
            due.push(Reverse((done, due.len(), limit.level, ok, Duration::from_secs_f64(took))));
        }
        let Reverse((at, _, level, ok, took)) = due.pop().unwrap();
        let at_limit = in_flight >= limit.limit;
        in_flight -= 1;
        now = at.as_secs_f64();
        replies += usize::from(ok && now >= from);
        let seen = if ok { Seen::Reply(took) } else { Seen::RateLimited };
        *limit = decide(&Observation { at, level, at_limit, seen }, limit).limit;
    }
    #[expect(clippy::cast_precision_loss, reason = "a test's count")]
    (replies as f64 / (to - from), limit.limit)
}

fn degrading(in_flight: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a test's count")]
    let load = in_flight as f64 / 40.0;
    0.1 * load.max(1.0).powi(2)
}

#[test]
fn it_finds_what_servers_can_do() {
    let quick = |_: usize, _| Ok(0.002);
    let slow = |_: usize, _| Ok(2.0);
    let degrades = |in_flight, _| Ok(degrading(in_flight));
    #[expect(clippy::cast_precision_loss, reason = "a test's count")]
    let one_at_a_time = |in_flight: usize, _| Ok(0.001 * in_flight as f64);
    let servers: [(&str, &Server, f64, (f64, f64)); 4] = [
        ("quick", &quick, 64.0 / 0.002, (5.0, 10.0)),
        ("slow", &slow, 64.0 / 2.0, (60.0, 120.0)),
        ("degrades past 40", &degrades, 400.0, (20.0, 60.0)),
        ("one at a time", &one_at_a_time, 1_000.0, (20.0, 60.0)),
    ];
    for (name, server, best, window) in servers {
        let most = if name == "degrades past 40" { MOST } else { 64 };
        let (rate, limit) = run(server, &mut InFlight::new(most), window);
        assert!(rate >= 0.9 * best, "{name}: {rate} of {best} a second, at {limit}");
    }
}

#[test]
fn it_is_quick_to_find_it() {
    let (rate, limit) = run(&|_, _| Ok(2.0), &mut InFlight::new(256), (0.0, 60.0));
    assert!(rate >= 0.8 * 128.0, "{rate} a second, at {limit}");
    let (rate, limit) = run(&|in_flight, _| Ok(degrading(in_flight)), &mut InFlight::new(MOST), (0.0, 20.0));
    assert!(rate >= 0.75 * 400.0, "{rate} a second, at {limit}");
}

#[test]
fn a_server_that_refuses_past_forty_is_used_to_the_full() {
    let server = |in_flight, _| if in_flight > 40 { Err(()) } else { Ok(0.1) };
    let (rate, limit) = run(&server, &mut InFlight::new(MOST), (20.0, 120.0));
    assert!(rate >= 0.9 * 400.0, "{rate} a second, at {limit}");
}

#[test]
fn a_burst_cuts_once_and_a_lone_429_does_not() {
    let mut limit = InFlight::new(MOST);
    let seen = |level, seen| Observation { at: Duration::from_secs(1), level, at_limit: true, seen };
    limit = decide(&seen(0, Seen::RateLimited), &limit).limit;
    assert_eq!(limit.limit, 16);
    let cuts = (0..16).filter(|_| {
        let decision = decide(&seen(0, Seen::RateLimited), &limit);
        limit = decision.limit;
        decision.reason.is_some()
    });
    assert_eq!((cuts.count(), limit.limit), (1, 11));
}

#[test]
fn an_outage_is_recovered_from() {
    let server = |_: usize, now: f64| if (30.0..90.0).contains(&now) { Err(()) } else { Ok(0.1) };
    let (_, limit) = run(&server, &mut InFlight::new(64), (0.0, 35.0));
    assert_eq!(limit, 1);
    let (rate, limit) = run(&server, &mut InFlight::new(64), (90.0, 110.0));
    assert!(rate >= 0.8 * 640.0, "{rate} a second, at {limit}");
}

#[test]
fn trouble_holds_the_limit() {
    let mut limit = InFlight::new(MOST);
    for step in 0..1_000 {
        let seen = if step % 3 == 2 { Seen::Trouble } else { Seen::Reply(Duration::from_millis(100)) };
        let at = Duration::from_millis(step * 100);
        limit = decide(&Observation { at, level: limit.level, at_limit: true, seen }, &limit).limit;
    }
    assert_eq!(limit.limit, 16);
}

#[test]
fn it_does_not_grow_where_something_else_holds_the_lane_back() {
    let mut limit = InFlight::new(MOST);
    for step in 0..1_000 {
        let seen = Seen::Reply(Duration::from_millis(100));
        let at = Duration::from_millis(step * 100);
        limit = decide(&Observation { at, level: limit.level, at_limit: false, seen }, &limit).limit;
    }
    assert_eq!(limit.limit, 16);
}
