//! Numbers that look random and are the same every time.

use super::digest::BodyDigest;

/// What a draw is for; two purposes never share their numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// What the answer says: the same for every attempt.
    Answer,
    /// The ids in the answer's body: the same for every attempt.
    Generation,
    /// The fault and the latency of this attempt.
    Attempt(u32),
    /// The ids in this attempt's headers.
    Headers(u32),
}

/// A stream of numbers that derives from a seed, a body and a purpose (`SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64, digest: &BodyDigest, purpose: Purpose) -> Self {
        let salt = match purpose {
            Purpose::Answer => 0,
            Purpose::Generation => 1 << 32,
            Purpose::Attempt(attempt) => 2 << 32 | u64::from(attempt),
            Purpose::Headers(attempt) => 3 << 32 | u64::from(attempt),
        };
        Self(mix(mix(seed) ^ digest.word()) ^ mix(!salt))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.word()) / (f64::from(u32::MAX) + 1.0)
    }

    /// A number from 0 up to, not including, `bound`; zero for a bound of zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of a 128-bit number fits in 64 bits")
    }

    /// One of a list, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let bound = u64::try_from(list.len()).expect("a length fits in 64 bits");
        let index = usize::try_from(self.below(bound)).expect("below a length that is a usize");
        list[index]
    }

    fn word(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).expect("32 bits are left")
    }
}

const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_body_and_purpose_give_the_same_numbers() {
        let digest = BodyDigest::of(b"{}");
        let draw = |seed, purpose| Draw::new(seed, &digest, purpose).next();
        assert_eq!(draw(1, Purpose::Answer), draw(1, Purpose::Answer));
        assert_ne!(draw(1, Purpose::Answer), draw(2, Purpose::Answer));
        assert_ne!(draw(1, Purpose::Answer), draw(1, Purpose::Attempt(1)));
        assert_ne!(draw(1, Purpose::Attempt(1)), draw(1, Purpose::Attempt(2)));
        assert_ne!(draw(1, Purpose::Attempt(1)), draw(1, Purpose::Headers(1)));
    }

    #[test]
    fn units_fill_the_range_evenly() {
        let mean = (0..10_000u32)
            .map(|number| Draw::new(7, &BodyDigest::of(&number.to_le_bytes()), Purpose::Attempt(1)).unit())
            .sum::<f64>()
            / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
