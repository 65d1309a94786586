//! Counting what a server saw, by time.

/// Something of a weight that a server saw at a time: microseconds since its first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) at_us: u64,
    pub(crate) weight: u64,
}

/// Microseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000;
/// Microseconds in a minute.
pub(crate) const MINUTE: u64 = 60 * SECOND;

/// The most that any minute which begins at `from_us` or later holds. A minute is half open: what
/// comes 60 seconds after its first moment is in the next one.
pub(crate) fn most_in_a_minute(moments: &[Moment], from_us: u64) -> u64 {
    let mut sorted: Vec<_> = moments.iter().filter(|moment| moment.at_us >= from_us).collect();
    sorted.sort();
    let (mut most, mut sum, mut first) = (0, 0, 0);
    // The fullest minute can be moved until it ends with one of the moments.
    for moment in &sorted {
        sum += moment.weight;
        while moment.at_us - sorted[first].at_us >= MINUTE {
            sum -= sorted[first].weight;
            first += 1;
        }
        most = most.max(sum);
    }
    most
}

/// What came from one time until, not including, another.
pub(crate) fn sum(moments: &[Moment], (from_us, to_us): (u64, u64)) -> u64 {
    let within = moments.iter().filter(|moment| (from_us..to_us).contains(&moment.at_us));
    within.map(|moment| moment.weight).sum()
}

/// What came in each of the steps of which a span consists; the last one is whole.
pub(crate) fn steps(moments: &[Moment], (from_us, to_us): (u64, u64), step_us: u64) -> Vec<u64> {
    let count = (to_us - from_us) / step_us;
    (0..count).map(|step| sum(moments, (from_us + step * step_us, from_us + (step + 1) * step_us))).collect()
}
