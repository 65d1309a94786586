//! The quota of requests per minute, as the gateway's sliding window enforces it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The window of the quota.
const WINDOW: Duration = Duration::from_mins(1);

/// Admits so many requests in any 60 seconds. What is refused does not count.
#[derive(Debug)]
pub(super) struct Quota {
    requests: usize,
    admitted: Mutex<VecDeque<Instant>>,
}

impl Quota {
    pub(super) fn new(requests_per_minute: u32) -> Self {
        let requests = usize::try_from(requests_per_minute).unwrap_or(usize::MAX);
        Self { requests, admitted: Mutex::default() }
    }

    /// # Errors
    /// Gives back how long the window stays full.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock is read under the lock, so that the times in the queue never go back.
        admit(&mut admitted, self.requests, Instant::now())
    }
}

fn admit(admitted: &mut VecDeque<Instant>, requests: usize, now: Instant) -> Result<(), Duration> {
    while admitted.front().is_some_and(|&oldest| now.duration_since(oldest) >= WINDOW) {
        admitted.pop_front();
    }
    match admitted.front() {
        Some(&oldest) if admitted.len() >= requests => Err(WINDOW.saturating_sub(now.duration_since(oldest))),
        _ => {
            admitted.push_back(now);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_and_says_when_it_has_room_again() {
        let (mut admitted, start) = (VecDeque::new(), Instant::now());
        let mut at = |seconds| admit(&mut admitted, 2, start + Duration::from_secs(seconds));
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(30), Ok(()));
        assert_eq!(at(59), Err(Duration::from_secs(1)));
        assert_eq!(at(60), Ok(()));
        assert_eq!(at(61), Err(Duration::from_secs(29)));
        assert_eq!(at(90), Ok(()));
    }
}
