//! Waking up on time.
//!
//! The runtime's timer counts in milliseconds and rounds up, and so does the wait below it: a
//! latency of 50 ms came out at 52. A thread of its own wakes to a tenth of a millisecond.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How many waits may be on their way to the thread.
const QUEUE: usize = 4096;

/// Wakes tasks at the time they ask for.
#[derive(Debug)]
pub(super) struct Alarm {
    waits: SyncSender<Wait>,
}

#[derive(Debug)]
struct Wait {
    until: Instant,
    wake: oneshot::Sender<()>,
}

impl Alarm {
    /// Starts the thread, which ends with the alarm.
    pub(super) fn start() -> io::Result<Self> {
        let (waits, asked) = sync_channel(QUEUE);
        std::thread::Builder::new().name("simulated-latency".to_owned()).spawn(move || run(&asked))?;
        Ok(Self { waits })
    }

    /// Returns after so long.
    pub(super) async fn wait(&self, delay: Duration) {
        let (wake, woken) = oneshot::channel();
        if delay.is_zero() || self.waits.send(Wait { until: Instant::now() + delay, wake }).is_err() {
            return;
        }
        // A thread that has ended wakes everybody: there is nobody left to simulate for.
        let _ended = woken.await;
    }
}

fn run(asked: &Receiver<Wait>) {
    let mut waiting = BinaryHeap::new();
    loop {
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(next): &Reverse<Wait>| next.until <= now) {
            if let Some(Reverse(due)) = waiting.pop() {
                // A request that was given up is not there any more.
                let _gone = due.wake.send(());
            }
        }
        let next = waiting.peek().map(|Reverse(next)| next.until.saturating_duration_since(now));
        let received = match next {
            Some(delay) => asked.recv_timeout(delay),
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(wait) => waiting.push(Reverse(wait)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.until == other.until
    }
}

impl Eq for Wait {}

impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wait {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.until.cmp(&other.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_wait_ends_in_its_turn_and_not_before_its_time() {
        let alarm = Alarm::start().unwrap();
        let began = Instant::now();
        let delays = [30, 10, 20, 0].map(Duration::from_millis);
        let waits = delays.map(|delay| {
            let wait = alarm.wait(delay);
            async move {
                wait.await;
                assert!(began.elapsed() >= delay);
                delay
            }
        });
        let ended = futures_util::future::join_all(waits).await;
        assert_eq!(ended, delays);
    }
}
