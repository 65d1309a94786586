//! How long a send may take: the silence and the whole.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Stands for "never": an instant cannot be as far away as a duration can be long.
const FAR: Duration = Duration::from_hours(24 * 365);

/// The two deadlines of one send, counted from [`Deadlines::start`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    idle: Duration,
    total: Duration,
    ends_at: Instant,
}

/// The deadline that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    /// Nothing came for so long.
    Idle(Duration),
    /// The whole took so long.
    Total(Duration),
}

impl Deadlines {
    pub(super) fn start(idle: Duration, total: Duration) -> Self {
        Self { idle, total, ends_at: after(total) }
    }

    /// Waits for the next sign of life, as long as the deadlines allow.
    pub(super) async fn within<F: Future>(&self, sign: F) -> Result<F::Output, Missed> {
        let silent_at = after(self.idle);
        timeout_at(silent_at.min(self.ends_at), sign)
            .await
            .map_err(|_| if self.ends_at <= silent_at { Missed::Total(self.total) } else { Missed::Idle(self.idle) })
    }
}

fn after(duration: Duration) -> Instant {
    Instant::now() + duration.min(FAR)
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle(idle) => write!(f, "nothing came for {idle:?} (the idle time-out)"),
            Self::Total(total) => write!(f, "it took longer than {total:?} (the total time-out)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_deadline_that_comes_first_is_the_one_that_is_named() {
        let never = std::future::pending::<()>;
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(9));
        assert_eq!(Deadlines::start(short, long).within(never()).await, Err(Missed::Idle(short)));
        assert_eq!(Deadlines::start(long, short).within(never()).await, Err(Missed::Total(short)));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_anew_after_every_sign_and_the_whole_does_not() {
        let (idle, total) = (Duration::from_secs(2), Duration::from_secs(5));
        let deadlines = Deadlines::start(idle, total);
        for _ in 0..3 {
            let sign = tokio::time::sleep(Duration::from_millis(1500));
            assert_eq!(deadlines.within(sign).await, Ok(()));
        }
        let sign = tokio::time::sleep(Duration::from_millis(1500));
        assert_eq!(deadlines.within(sign).await, Err(Missed::Total(total)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_may_be_endless() {
        let deadlines = Deadlines::start(Duration::MAX, Duration::MAX);
        assert_eq!(deadlines.within(tokio::time::sleep(Duration::from_hours(1))).await, Ok(()));
    }
}
