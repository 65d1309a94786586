//! The places in flight, shared out fairly between lanes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many requests may be in flight, over all lanes and in each of them.
///
/// The first request of each lane waits here. A place that falls vacant goes to the lane that has
/// the fewest in flight, so that a lane whose answers stay away cannot take them all.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    taken: usize,
    lanes: Vec<LanePlaces>,
    asked: u64,
}

#[derive(Debug)]
struct LanePlaces {
    limit: usize,
    taken: usize,
    /// When its first request began to wait, as a number that goes up; `None` where none does.
    waiting: Option<u64>,
    /// Whether its first request waits for the lane's own limit.
    wants_room: bool,
    /// How often it has become full.
    times_full: u64,
}

impl State {
    /// The lane that gets the next place.
    fn next(&self) -> Option<usize> {
        if self.taken >= self.limit {
            return None;
        }
        let waiting = self.lanes.iter().enumerate().filter(|(_, lane)| lane.taken < lane.limit);
        let waiting = waiting.filter_map(|(index, lane)| Some((lane.taken, lane.waiting?, index)));
        waiting.min().map(|(_, _, index)| index)
    }
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        let state = State { limit, taken: 0, lanes: Vec::new(), asked: 0 };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a lane; gives its index.
    pub(super) fn add_lane(&self, limit: usize) -> usize {
        let mut state = self.state();
        state.lanes.push(LanePlaces { limit, taken: 0, waiting: None, wants_room: false, times_full: 0 });
        state.lanes.len() - 1
    }

    /// Returns when a lane's own limit has room. The first request of a lane waits for it before it
    /// takes what else it needs, since nobody else can take the room.
    pub(super) async fn room(&self, lane: usize) {
        loop {
            let changed = self.changed.notified();
            {
                let lane = &mut self.state().lanes[lane];
                lane.wants_room = lane.taken >= lane.limit;
                if !lane.wants_room {
                    return;
                }
                lane.times_full += 1;
            }
            changed.await;
        }
    }

    /// Takes a place.
    pub(super) async fn take(&self, lane: usize) {
        let _waiting = Waiting::new(self, lane);
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if state.next() == Some(lane) {
                    state.taken += 1;
                    let lane = &mut state.lanes[lane];
                    lane.waiting = None;
                    lane.taken += 1;
                    return;
                }
            }
            changed.await;
        }
    }

    /// Gives a place back.
    pub(super) fn give_back(&self, lane: usize) {
        let mut state = self.state();
        state.taken -= 1;
        state.lanes[lane].taken -= 1;
        drop(state);
        self.changed.notify_waiters();
    }

    pub(super) fn set_limit(&self, limit: usize) {
        self.state().limit = limit;
        self.changed.notify_waiters();
    }

    pub(super) fn set_lane_limit(&self, lane: usize, limit: usize) {
        self.state().lanes[lane].limit = limit;
        self.changed.notify_waiters();
    }

    /// Places that are taken, and how many there are.
    pub(super) fn of_run(&self) -> (usize, usize) {
        let state = self.state();
        (state.taken, state.limit)
    }

    /// How often a lane has had more to send than its limit allows.
    pub(super) fn times_full(&self, lane: usize) -> u64 {
        self.state().lanes[lane].times_full
    }

    /// Places of a lane that are taken, and how many it has.
    pub(super) fn of_lane(&self, lane: usize) -> (usize, usize) {
        let state = self.state();
        (state.lanes[lane].taken, state.lanes[lane].limit)
    }
}

/// Waits in the name of a lane while it lives.
struct Waiting<'a> {
    places: &'a Places,
    lane: usize,
}

impl<'a> Waiting<'a> {
    fn new(places: &'a Places, lane: usize) -> Self {
        let mut state = places.state();
        state.asked += 1;
        state.lanes[lane].waiting = Some(state.asked);
        Self { places, lane }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.places.state().lanes[self.lane].waiting = None;
        // Another lane may have stood behind this one.
        self.places.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_vacant_place_goes_to_the_lane_with_the_fewest_in_flight() {
        let places = Arc::new(Places::new(4));
        let (stalled, quick) = (places.add_lane(usize::MAX), places.add_lane(usize::MAX));
        for lane in [stalled, quick, stalled, quick] {
            places.take(lane).await;
        }
        for _ in 0..100 {
            let waiting = [stalled, quick].map(|lane| {
                let places = Arc::clone(&places);
                tokio::spawn(async move { places.take(lane).await })
            });
            tokio::task::yield_now().await;
            places.give_back(quick);
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            for waiting in waiting {
                waiting.abort();
                let _cancelled = waiting.await;
            }
        }
        assert_eq!((places.of_lane(stalled).0, places.of_lane(quick).0), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_at_its_own_limit_does_not_hold_up_another() {
        let places = Places::new(4);
        let (narrow, wide) = (places.add_lane(1), places.add_lane(9));
        places.take(narrow).await;
        assert!(tokio::time::timeout(std::time::Duration::from_secs(1), places.room(narrow)).await.is_err());
        assert_eq!((places.times_full(narrow), places.times_full(wide)), (1, 0));
        assert!(tokio::time::timeout(std::time::Duration::from_secs(1), places.take(narrow)).await.is_err());
        places.take(wide).await;
        places.set_lane_limit(narrow, 2);
        places.take(narrow).await;
        assert_eq!(places.of_run(), (3, 4));
    }
}
