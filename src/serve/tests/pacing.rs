//! How fast recordings are played.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::super::{Options, Pace};
use super::client::chat;
use super::stage::{replaying_with, stream, timed, whole};
use crate::model::{Chunk, End, Exchange, Reply, Timing};

/// Pieces at uneven times, in microseconds.
const OFFSETS_US: [u64; 4] = [60_000, 100_000, 250_000, 400_000];
const TOTAL_US: u64 = 500_000;

fn recorded() -> Reply {
    let pieces = ["a", "b", "c", "d"];
    let chunks = OFFSETS_US.iter().map(|&offset_us| Chunk { offset_us, length: 1 }).collect();
    Reply { chunks, ..stream(&pieces, End::Complete) }
}

const TIMING: Timing = Timing { queued_us: 0, first_byte_us: 50_000, total_us: TOTAL_US };

/// How often a recording is played before it must have come on time: others use the machine too.
const ROUNDS: u32 = 20;

/// How late the latest piece of a stream, or its end, comes, as a part of the time it should take;
/// none may come early. Timers count in milliseconds.
async fn latest(address: SocketAddr, factor: f64) -> f64 {
    let begun = Instant::now();
    let played = chat(address, "stream").await;
    assert_eq!(played.text(), "abcd");
    let ended = Instant::now();
    let came = played.pieces.iter().map(|(_, at)| *at).chain([ended]).map(|at| at - begun);
    let expected = OFFSETS_US.into_iter().chain([TOTAL_US]).map(|us| Duration::from_micros(us).mul_f64(factor));
    let late = came.zip(expected).map(|(came, expected)| {
        let late = came.checked_sub(expected).unwrap_or_else(|| panic!("{came:?} is before {expected:?}"));
        late.saturating_sub(Duration::from_millis(2)).div_duration_f64(expected)
    });
    late.fold(0.0, f64::max)
}

#[tokio::test]
async fn pieces_come_at_the_times_that_they_came_at_or_at_a_part_of_them() {
    for factor in [1.0, 0.5] {
        let stream = |occurrence| Exchange { occurrence, ..timed("stream", Ok(recorded()), TIMING) };
        let exchanges = (0..ROUNDS).map(stream).chain([timed("whole", Ok(whole("1")), TIMING)]);
        let pace = |options| Options { pace: Pace::new(factor).unwrap(), ..options };
        let stage = replaying_with(exchanges.collect(), pace).await;
        let mut lateness = Vec::new();
        while lateness.last().is_none_or(|latest| *latest > 0.1) {
            assert!(lateness.len() < ROUNDS as usize, "{factor}: {lateness:?}");
            lateness.push(latest(stage.address(), factor).await);
        }
        let begun = Instant::now();
        chat(stage.address(), "whole").await;
        assert!(begun.elapsed() >= Duration::from_micros(TOTAL_US).mul_f64(factor));
    }
}

#[tokio::test]
async fn nothing_is_waited_for_unless_asked() {
    let timing = Timing { queued_us: 0, first_byte_us: 3_600_000_000, total_us: 7_200_000_000 };
    let stage = replaying_with(vec![timed("stream", Ok(recorded()), timing)], |options| options).await;
    let begun = Instant::now();
    assert_eq!(chat(stage.address(), "stream").await.text(), "abcd");
    assert!(begun.elapsed() < Duration::from_mins(1));
}
