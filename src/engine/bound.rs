//! What bounds the speed of a run.

/// What holds a run back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// A quota of the job.
    Quota,
    /// The number of requests in flight.
    InFlight,
    /// The gateway asked for a pause, or attempts wait for their next try.
    Gateway,
    /// Rows come no faster.
    Input,
    /// The store takes no more.
    Disk,
    /// The budget: what is in flight may cost all that is left.
    Budget,
    /// The user has paused the run.
    Pause,
}

impl Bound {
    const ALL: [Self; 7] =
        [Self::Quota, Self::InFlight, Self::Gateway, Self::Input, Self::Disk, Self::Budget, Self::Pause];

    /// What a summary says of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::InFlight => "in-flight limit",
            Self::Gateway => "gateway",
            Self::Input => "input",
            Self::Disk => "disk",
            Self::Budget => "budget",
            Self::Pause => "pause",
        }
    }
}

/// How often each bound was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds([u64; Bound::ALL.len()]);

impl Bounds {
    pub(super) const fn add(&mut self, bound: Bound) {
        self.0[bound as usize] += 1;
    }

    /// The one that was seen most, with its share of the time in percent.
    pub(super) fn most(&self) -> Option<(Bound, u64)> {
        let sum: u64 = self.0.iter().sum();
        let most = Bound::ALL.into_iter().max_by_key(|bound| self.0[*bound as usize])?;
        (sum > 0).then(|| (most, self.0[most as usize] * 100 / sum))
    }
}
