//! When something is due that is said again and again.

use std::time::Duration;

/// Up to this age of a run, a log gets a line every ten seconds; then every minute.
const FREQUENT_UNTIL: Duration = Duration::from_mins(10);

/// Says when the next line is due.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    next: Duration,
    period: fn(Duration) -> Duration,
}

impl Schedule {
    /// For a log: first after a while, then every ten seconds, and every minute once it is old.
    pub(super) const fn log(first: Duration) -> Self {
        Self { next: first, period }
    }

    /// Every second.
    pub(super) const fn seconds() -> Self {
        Self { next: Duration::from_secs(1), period: |_| Duration::from_secs(1) }
    }

    /// Whether something is due after so long; then the next comes a period later. What was missed
    /// is not made up for.
    pub(super) fn due(&mut self, elapsed: Duration) -> bool {
        if elapsed < self.next {
            return false;
        }
        let period = (self.period)(elapsed);
        self.next += period;
        if self.next <= elapsed {
            self.next = elapsed + period;
        }
        true
    }
}

/// How far two lines of a log are apart at an age.
pub(super) fn period(elapsed: Duration) -> Duration {
    Duration::from_secs(if elapsed < FREQUENT_UNTIL { 10 } else { 60 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_at(mut schedule: Schedule, until_ms: u64) -> Vec<u64> {
        let times = (0..=until_ms).step_by(100);
        times.filter(|at| schedule.due(Duration::from_millis(*at))).collect()
    }

    #[test]
    fn a_log_gets_fewer_lines_as_the_run_grows_old() {
        let first = Duration::from_secs(1);
        assert_eq!(due_at(Schedule::log(first), 999), [0; 0], "a short run says nothing");
        assert_eq!(due_at(Schedule::log(first), 31_000), [1_000, 11_000, 21_000, 31_000]);
        let long = due_at(Schedule::log(first), 800_000);
        assert_eq!(long[59..], [591_000, 601_000, 661_000, 721_000, 781_000]);
    }

    #[test]
    fn seconds_come_every_second() {
        assert_eq!(due_at(Schedule::seconds(), 3_050), [1_000, 2_000, 3_000]);
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let mut schedule = Schedule::log(Duration::from_secs(1));
        assert!(schedule.due(Duration::from_mins(5)));
        assert!(!schedule.due(Duration::from_secs(309)));
        assert!(schedule.due(Duration::from_secs(310)));
    }
}
