//! The hash of a request's body, from which everything about its answer derives.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BodyDigest([u8; 32]);

impl BodyDigest {
    pub(super) fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// The first eight bytes as a number.
    pub(super) fn word(&self) -> u64 {
        u64::from_be_bytes(*self.0.first_chunk().expect("32 bytes have a first 8"))
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
