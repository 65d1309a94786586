//! Which of several HTTP clients a request takes, and when it may go.
//!
//! A client keeps one HTTP/2 connection a host, whose server allows so many streams at once and
//! says so only after the first bytes. A burst through a cold client is refused streams, and a
//! burst through many tasks throws handshakes away. So there are several clients, one leader
//! warms each of them up, and the rest of its requests wait for the leader's answer, at most
//! [`WARM_UP`]. Over HTTP/1.1 none of this is needed: the first answer that shows it frees all.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::model::FaultKind;

/// The longest a request waits for another one to warm its client up: connecting, the TLS
/// handshake and the server's settings are done by then, though a slow model's answer is not.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// How long a connection is kept without use; a client that was idle for so long is cold.
pub(super) const POOL_IDLE: Duration = Duration::from_secs(90);

/// The clients' states. The clients themselves stand beside it, under the same index.
#[derive(Debug)]
pub(super) struct Shards {
    states: Mutex<States>,
    changed: Vec<Notify>,
}

#[derive(Debug)]
struct States {
    shards: Vec<State>,
    /// Every request has a connection of its own, so nobody needs to wait.
    http1: bool,
}

#[derive(Debug, Clone, Copy)]
struct State {
    in_flight: usize,
    warmth: Warmth,
}

#[derive(Debug, Clone, Copy)]
enum Warmth {
    /// There is no connection.
    Cold,
    /// A leader is making one.
    Warming,
    /// There is one, which answered last at this time.
    Warm(Instant),
}

/// A request's place with one client, from the choice of it to the end of the response's body.
#[derive(Debug)]
pub(super) struct Lease {
    shards: Arc<Shards>,
    index: usize,
    leads: bool,
}

impl Shards {
    /// So many cold clients. `http1` says that HTTP/2 is out of the question.
    pub(super) fn new(count: usize, http1: bool) -> Arc<Self> {
        let state = State { in_flight: 0, warmth: Warmth::Cold };
        let states = Mutex::new(States { shards: vec![state; count], http1 });
        Arc::new(Self { states, changed: (0..count).map(|_| Notify::new()).collect() })
    }

    /// A place with the client that has the fewest requests in flight, the first of several.
    pub(super) fn lease(self: &Arc<Self>) -> Lease {
        let mut states = self.states();
        let (index, state) = states
            .shards
            .iter_mut()
            .enumerate()
            .min_by_key(|(_, state)| state.in_flight)
            .expect("there is at least one client");
        state.in_flight += 1;
        drop(states);
        Lease { shards: Arc::clone(self), index, leads: false }
    }

    fn states(&self) -> MutexGuard<'_, States> {
        // Nothing that holds the lock can leave a state half-changed.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, index: usize) {
        self.changed[index].notify_waiters();
    }
}

impl Lease {
    /// Which client it is.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// Waits until the request may go: as the client's leader, or after the leader's answer, or
    /// after [`WARM_UP`].
    pub(super) async fn ready(&mut self) {
        let shards = Arc::clone(&self.shards);
        let gives_up_at = Instant::now() + WARM_UP;
        loop {
            let mut changed = pin!(shards.changed[self.index].notified());
            // Registered before the state is read, so that no change is missed in between.
            changed.as_mut().enable();
            if self.enter() || timeout_at(gives_up_at, changed).await.is_err() {
                return;
            }
        }
    }

    /// Whether the request may go now.
    fn enter(&mut self) -> bool {
        let mut states = self.shards.states();
        if states.http1 {
            return true;
        }
        let state = &mut states.shards[self.index];
        match state.warmth {
            Warmth::Warm(at) if at.elapsed() < POOL_IDLE => true,
            Warmth::Warming => false,
            Warmth::Warm(_) | Warmth::Cold => {
                state.warmth = Warmth::Warming;
                self.leads = true;
                true
            }
        }
    }

    /// Says that the headers of an answer came.
    pub(super) fn answered(&mut self, http2: bool) {
        self.leads = false;
        let mut states = self.shards.states();
        let was_http1 = std::mem::replace(&mut states.http1, !http2);
        let was = std::mem::replace(&mut states.shards[self.index].warmth, Warmth::Warm(Instant::now()));
        drop(states);
        if !http2 && !was_http1 {
            (0..self.shards.changed.len()).for_each(|index| self.shards.wake(index));
        } else if !matches!(was, Warmth::Warm(_)) {
            self.shards.wake(self.index);
        }
    }

    /// Says that a fault came instead. A leader's fault, a connection that could not be made and
    /// a stream that was refused all leave the client cold.
    pub(super) fn failed(&mut self, kind: FaultKind) {
        let led = std::mem::take(&mut self.leads);
        let mut states = self.shards.states();
        let warmth = &mut states.shards[self.index].warmth;
        let lost = matches!(kind, FaultKind::Connect | FaultKind::Refused) && matches!(warmth, Warmth::Warm(_));
        if led || lost {
            *warmth = Warmth::Cold;
            drop(states);
            self.shards.wake(self.index);
        }
    }
}

impl Drop for Lease {
    /// A leader that is given up leaves its place to the next.
    fn drop(&mut self) {
        let mut states = self.shards.states();
        let state = &mut states.shards[self.index];
        state.in_flight -= 1;
        if self.leads {
            state.warmth = Warmth::Cold;
            drop(states);
            self.shards.wake(self.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    /// Whether a lease may go without waiting.
    fn goes(lease: &mut Lease) -> bool {
        lease.ready().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_spread_over_the_clients_and_come_back_to_the_first() {
        let shards = Shards::new(3, false);
        let leases: Vec<Lease> = (0..5).map(|_| shards.lease()).collect();
        let indices: Vec<usize> = leases.iter().map(Lease::index).collect();
        assert_eq!(indices, [0, 1, 2, 0, 1]);
        drop(leases);
        assert_eq!(shards.lease().index(), 0);
        assert_eq!(shards.lease().index(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_leads_and_the_others_of_its_client_wait_for_its_answer() {
        let shards = Shards::new(2, false);
        let mut leases: Vec<Lease> = (0..4).map(|_| shards.lease()).collect();
        assert!(goes(&mut leases[0]) && goes(&mut leases[1]), "each client has a leader");
        assert!(!goes(&mut leases[2]) && !goes(&mut leases[3]));
        leases[0].answered(true);
        assert!(goes(&mut leases[2]), "its client is warm");
        assert!(!goes(&mut leases[3]), "the other client is not");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_over_http1_frees_all() {
        let shards = Shards::new(2, false);
        let mut leases: Vec<Lease> = (0..4).map(|_| shards.lease()).collect();
        assert!(goes(&mut leases[0]) && goes(&mut leases[1]) && !goes(&mut leases[3]));
        let mut waiting = leases.pop().unwrap();
        let waiter = tokio::spawn(async move { waiting.ready().await });
        tokio::task::yield_now().await;
        leases[0].answered(false);
        let started = Instant::now();
        waiter.await.unwrap();
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_leads_after_a_leader_that_failed_or_was_given_up() {
        let shards = Shards::new(1, false);
        let (mut first, mut second, mut third) = (shards.lease(), shards.lease(), shards.lease());
        assert!(goes(&mut first) && !goes(&mut second));
        first.failed(FaultKind::Connect);
        assert!(goes(&mut second) && !goes(&mut third));
        drop(second);
        assert!(goes(&mut third));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_warm_up() {
        let shards = Shards::new(1, false);
        let (mut leader, mut second) = (shards.lease(), shards.lease());
        assert!(goes(&mut leader));
        let started = Instant::now();
        second.ready().await;
        assert_eq!(started.elapsed(), WARM_UP);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_was_idle_or_lost_its_connection_is_cold() {
        let shards = Shards::new(1, false);
        let mut first = shards.lease();
        assert!(goes(&mut first));
        first.answered(true);
        let (mut second, mut third) = (shards.lease(), shards.lease());
        assert!(goes(&mut second) && goes(&mut third));
        second.failed(FaultKind::Reset);
        assert!(goes(&mut second) && goes(&mut third), "one broken stream is not a broken connection");
        second.failed(FaultKind::Refused);
        assert!(goes(&mut second) && !goes(&mut third));
        second.answered(true);
        tokio::time::advance(POOL_IDLE).await;
        assert!(goes(&mut second) && !goes(&mut third));
    }

    #[tokio::test(start_paused = true)]
    async fn without_http2_nobody_waits() {
        let shards = Shards::new(1, true);
        let mut leases: Vec<Lease> = (0..9).map(|_| shards.lease()).collect();
        assert!(leases.iter_mut().all(goes));
    }
}
