//! How often an item is tried, and how long one send may take.

use std::time::Duration;

use super::setting::Section;
use super::{JobError, duration};

/// How often an item is tried: `[retry]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Sends of one item at most, the first one counted.
    pub attempts: u32,
}

/// How long one send may take: `[timeouts]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To make a connection.
    pub connect: Duration,
    /// Without a byte from the server.
    pub idle: Duration,
    /// From the send to the last byte.
    pub total: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 6 }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let (connect, idle) = (Duration::from_secs(10), Duration::from_mins(2));
        Self { connect, idle, total: Duration::from_mins(10) }
    }
}

impl Retry {
    pub(super) fn read(root: &mut Section) -> Result<Self, JobError> {
        let mut section = root.subsection("retry", &["attempts"])?;
        let attempts = section.read("attempts", |setting| setting.whole(1..=1_000))?;
        Ok(attempts.map_or_else(Self::default, |attempts| Self { attempts }))
    }
}

impl Timeouts {
    pub(super) fn read(root: &mut Section) -> Result<Self, JobError> {
        let mut section = root.subsection("timeouts", &["connect", "idle", "total"])?;
        let default = Self::default();
        Ok(Self {
            connect: section.read("connect", duration::read)?.unwrap_or(default.connect),
            idle: section.read("idle", duration::read)?.unwrap_or(default.idle),
            total: section.read("total", duration::read)?.unwrap_or(default.total),
        })
    }
}
