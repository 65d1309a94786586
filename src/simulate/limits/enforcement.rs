//! How a quota a minute is enforced.

use std::num::NonZeroU32;
use std::str::FromStr;

/// How a quota a minute is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcement {
    /// So many in any 60 seconds.
    #[default]
    Sliding,
    /// So many in each minute, the first of which begins with the first request.
    Fixed,
    /// A bucket that fills evenly and holds a burst.
    Bucket {
        /// What a full bucket holds; a tenth of the quota where none is named.
        burst: Option<NonZeroU32>,
    },
}

/// A text that names no way to enforce a quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no way to enforce a quota; write sliding, fixed, bucket, or bucket=N with a burst of N")]
pub struct EnforcementError(String);

impl Enforcement {
    /// What a full bucket holds at a quota; at least one.
    pub(super) fn burst(burst: Option<NonZeroU32>, per_minute: u32) -> u32 {
        burst.map_or(per_minute / 10, NonZeroU32::get).max(1)
    }
}

impl FromStr for Enforcement {
    type Err = EnforcementError;

    /// Takes `sliding`, `fixed`, `bucket` and `bucket=100`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || EnforcementError(text.to_owned());
        match text.split_once('=') {
            None if text == "sliding" => Ok(Self::Sliding),
            None if text == "fixed" => Ok(Self::Fixed),
            None if text == "bucket" => Ok(Self::Bucket { burst: None }),
            Some(("bucket", burst)) => Ok(Self::Bucket { burst: Some(burst.parse().map_err(|_| unknown())?) }),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_name_and_a_bucket_its_burst() {
        assert_eq!("sliding".parse(), Ok(Enforcement::Sliding));
        assert_eq!("fixed".parse(), Ok(Enforcement::Fixed));
        assert_eq!("bucket".parse(), Ok(Enforcement::Bucket { burst: None }));
        assert_eq!("bucket=7".parse(), Ok(Enforcement::Bucket { burst: NonZeroU32::new(7) }));
        for text in ["", "Sliding", "bucket=", "bucket=0", "bucket=x", "fixed=3"] {
            assert_eq!(text.parse::<Enforcement>(), Err(EnforcementError(text.to_owned())));
        }
    }

    #[test]
    fn a_bucket_holds_a_tenth_of_its_quota_and_never_nothing() {
        assert_eq!([600, 15, 3].map(|quota| Enforcement::burst(None, quota)), [60, 1, 1]);
        assert_eq!(Enforcement::burst(NonZeroU32::new(5), 600), 5);
    }
}
