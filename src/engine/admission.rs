//! The one gate that every request passes before it is sent.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Bound;
use super::pace::Pace;

/// What the gate holds to, over all models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionOptions {
    /// Requests in flight: sent, and not yet committed to the store.
    pub in_flight: usize,
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// What some models hold to beside that.
    pub lanes: Vec<(Arc<str>, LaneOptions)>,
}

/// What one model holds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneOptions {
    /// Requests in flight.
    pub in_flight: Option<usize>,
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
}

/// Admits requests: what waits for its lane waits outside, the others pass; a place in flight comes
/// before the pace, so that no turn is taken by a request that cannot go.
pub struct Admission {
    places: Arc<Semaphore>,
    limit: usize,
    pace: Option<Pace>,
    lanes: Mutex<HashMap<Arc<str>, Arc<Lane>>>,
    waiting_for_pace: AtomicUsize,
    waiting_outside: AtomicUsize,
    cooling: AtomicUsize,
}

/// The right to have a request in flight; dropping it makes room for the next.
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
    _lane_place: Option<OwnedSemaphorePermit>,
}

/// What one model's requests wait for.
#[derive(Default)]
struct Lane {
    not_before: Mutex<Option<Instant>>,
    places: Option<Arc<Semaphore>>,
    pace: Option<Pace>,
}

impl Lane {
    fn new(options: LaneOptions) -> Self {
        Self {
            not_before: Mutex::default(),
            places: options.in_flight.map(|places| Arc::new(Semaphore::new(places))),
            pace: options.requests_per_minute.map(Pace::per_minute),
        }
    }

    fn not_before(&self) -> Option<Instant> {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        not_before.filter(|at| *at > Instant::now())
    }
}

impl Admission {
    /// A gate.
    #[must_use]
    pub fn new(options: AdmissionOptions) -> Self {
        let lanes = options.lanes.into_iter().map(|(model, options)| (model, Arc::new(Lane::new(options))));
        Self {
            places: Arc::new(Semaphore::new(options.in_flight)),
            limit: options.in_flight,
            pace: options.requests_per_minute.map(Pace::per_minute),
            lanes: Mutex::new(lanes.collect()),
            waiting_for_pace: AtomicUsize::new(0),
            waiting_outside: AtomicUsize::new(0),
            cooling: AtomicUsize::new(0),
        }
    }

    /// Returns when a request of a model may be sent.
    pub async fn admit(&self, model: &Arc<str>) -> Permit {
        let lane = self.lane(model);
        let lane_place = match &lane.places {
            Some(places) => Some(place(places).await),
            None => None,
        };
        if let Some(pace) = &lane.pace {
            let _waiting = Counted::new(&self.waiting_outside);
            pace.wait().await;
        }
        loop {
            while let Some(at) = lane.not_before() {
                let _cooling = Counted::new(&self.cooling);
                tokio::time::sleep_until(at).await;
            }
            let place = place(&self.places).await;
            if lane.not_before().is_some() {
                continue;
            }
            if let Some(pace) = &self.pace {
                let _waiting = Counted::new(&self.waiting_for_pace);
                pace.wait().await;
            }
            return Permit { _place: place, _lane_place: lane_place };
        }
    }

    /// Lets no request of a model pass for a while, because its server said so.
    pub fn cool_down(&self, model: &Arc<str>, pause: Duration) {
        let lane = self.lane(model);
        let until = Instant::now() + pause;
        let mut not_before = lane.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |at| at.max(until)));
    }

    fn lane(&self, model: &Arc<str>) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(model) {
            return Arc::clone(lane);
        }
        Arc::clone(lanes.entry(Arc::clone(model)).or_default())
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let places = self.limit.saturating_sub(self.places.available_permits());
        places.saturating_sub(self.waiting_for_pace.load(Ordering::Relaxed))
    }

    /// How many requests may be in flight.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// What holds requests back now; `None` where nothing does.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        if self.waiting_for_pace.load(Ordering::Relaxed) > 0 {
            Some(Bound::Quota)
        } else if self.places.available_permits() == 0 {
            Some(Bound::InFlight)
        } else if self.waiting_outside.load(Ordering::Relaxed) > 0 {
            Some(Bound::Quota)
        } else if self.cooling.load(Ordering::Relaxed) > 0 {
            Some(Bound::Gateway)
        } else {
            None
        }
    }
}

async fn place(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(places).acquire_owned().await.expect("the places are never closed")
}

/// One more while it lives, one less when it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(in_flight: usize) -> Admission {
        Admission::new(AdmissionOptions { in_flight, requests_per_minute: None, lanes: Vec::new() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_cools_down_does_not_hold_up_another() {
        let gate = gate(2);
        let (slow, fast): (Arc<str>, Arc<str>) = ("slow".into(), "fast".into());
        gate.cool_down(&slow, Duration::from_mins(1));
        let begun = Instant::now();
        drop(gate.admit(&fast).await);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        drop(gate.admit(&slow).await);
        assert!(begun.elapsed() >= Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_holds_to_its_own_limits_and_another_does_not_wait_for_it() {
        let lane = LaneOptions { in_flight: Some(1), requests_per_minute: NonZeroU32::new(1) };
        let lanes = vec![("slow".into(), lane)];
        let gate = Admission::new(AdmissionOptions { in_flight: 9, requests_per_minute: None, lanes });
        let (slow, fast): (Arc<str>, Arc<str>) = ("slow".into(), "fast".into());
        let begun = Instant::now();
        let first = gate.admit(&slow).await;
        assert!(tokio::time::timeout(Duration::from_secs(1), gate.admit(&slow)).await.is_err());
        drop(gate.admit(&fast).await);
        drop(first);
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        drop(gate.admit(&slow).await);
        assert!(begun.elapsed() >= Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_the_limit() {
        let gate = gate(1);
        let model: Arc<str> = "m".into();
        let first = gate.admit(&model).await;
        assert_eq!((gate.in_flight(), gate.bound()), (1, Some(Bound::InFlight)));
        assert!(tokio::time::timeout(Duration::from_secs(1), gate.admit(&model)).await.is_err());
        drop(first);
        gate.admit(&model).await;
    }
}
