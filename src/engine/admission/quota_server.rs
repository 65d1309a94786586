//! Servers that enforce a quota which they tell nobody of, for tests.

use std::collections::VecDeque;

/// Requests a second that they let through.
pub(super) const RATE: f64 = 10.0;

/// A server that enforces 600 requests a minute and says when to come back.
pub(super) enum Server {
    Sliding(VecDeque<f64>),
    Fixed { window: f64, taken: u32, offset: f64 },
    Bucket { tokens: f64, most: f64, at: f64 },
}

impl Server {
    /// One of each kind.
    pub(super) fn all() -> [(&'static str, Self); 6] {
        [
            ("sliding", Self::Sliding(VecDeque::new())),
            ("fixed", Self::Fixed { window: 0.0, taken: 0, offset: 0.0 }),
            ("fixed, late", Self::Fixed { window: 0.0, taken: 0, offset: 47.0 }),
            ("a bucket of ten", Self::Bucket { tokens: 10.0, most: 10.0, at: 0.0 }),
            ("a bucket of a hundred", Self::Bucket { tokens: 100.0, most: 100.0, at: 0.0 }),
            ("a bucket of a minute", Self::Bucket { tokens: 600.0, most: 600.0, at: 0.0 }),
        ]
    }

    pub(super) fn admit(&mut self, now: f64) -> Result<(), f64> {
        match self {
            Self::Sliding(taken) => {
                while taken.front().is_some_and(|at| now - at >= 60.0) {
                    taken.pop_front();
                }
                if taken.len() >= 600 {
                    return Err((60.0 - (now - taken[0])).ceil().max(1.0));
                }
                taken.push_back(now);
            }
            Self::Fixed { window, taken, offset } => {
                let current = ((now + *offset) / 60.0).floor();
                if current > *window {
                    (*window, *taken) = (current, 0);
                }
                if *taken >= 600 {
                    return Err(((current + 1.0) * 60.0 - *offset - now).ceil().max(1.0));
                }
                *taken += 1;
            }
            Self::Bucket { tokens, most, at } => {
                *tokens = (*tokens + (now - *at) * RATE).min(*most);
                *at = now;
                if *tokens < 1.0 {
                    return Err(((1.0 - *tokens) / RATE).ceil().max(1.0));
                }
                *tokens -= 1.0;
            }
        }
        Ok(())
    }
}
