//! The ids of a reply, in its body and in its headers.

use std::io::Write as _;

use bytes::Bytes;

use super::digest::BodyDigest;
use super::draw::{Draw, Purpose};

/// The earliest time an answer says that it was created at: 2026-01-01 UTC.
const EPOCH: u64 = 1_767_225_600;
/// How many seconds after it the latest one is.
const SPAN: u64 = 10_000_000;

/// The length of `gen-`, ten digits, a dash and twenty hexadecimal digits.
const GENERATION: usize = 35;
/// The length of a UUID.
const LOG: usize = 36;

/// The ids of one reply. Those of the body are the same for every attempt.
#[derive(Debug)]
pub(super) struct Identity {
    /// When the answer says that it was created: seconds since 1970-01-01 UTC.
    pub(super) created: u64,
    /// The generation's, the log's and the ray's id, one behind the other.
    ids: Bytes,
}

impl Identity {
    pub(super) fn new(seed: u64, digest: &BodyDigest, attempt: u32) -> Self {
        let mut body = Draw::new(seed, digest, Purpose::Generation);
        let mut headers = Draw::new(seed, digest, Purpose::Headers(attempt));
        let created = EPOCH + body.below(SPAN);
        let mut ids = Vec::with_capacity(GENERATION + LOG + 20);
        write!(ids, "gen-{created}-{:016x}{:04x}", body.next(), body.next() & 0xffff).expect("a Vec takes all");
        write_uuid(&mut ids, headers.next(), headers.next());
        write!(ids, "{:016x}-SIM", headers.next()).expect("a Vec takes all");
        Self { created, ids: ids.into() }
    }

    /// The generation's id, `gen-…`.
    pub(super) fn generation(&self) -> &str {
        std::str::from_utf8(&self.ids[..GENERATION]).expect("ids are ASCII")
    }

    /// The generation's id without `gen-`, to be put behind another prefix.
    pub(super) fn suffix(&self) -> &str {
        &self.generation()["gen-".len()..]
    }

    pub(super) fn generation_bytes(&self) -> Bytes {
        self.ids.slice(..GENERATION)
    }

    /// The gateway's log id, in the form of a version 7 UUID.
    pub(super) fn log_bytes(&self) -> Bytes {
        self.ids.slice(GENERATION..GENERATION + LOG)
    }

    /// The edge's ray id.
    pub(super) fn ray_bytes(&self) -> Bytes {
        self.ids.slice(GENERATION + LOG..)
    }
}

fn write_uuid(out: &mut Vec<u8>, high: u64, low: u64) {
    let (time, version) = (high >> 16, high & 0xfff);
    let (variant, node) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    write!(out, "{:08x}-{:04x}-7{version:03x}-{variant:04x}-{node:012x}", time >> 16, time & 0xffff)
        .expect("a Vec takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_shapes_and_lengths() {
        for number in 0..200u32 {
            let identity = Identity::new(9, &BodyDigest::of(&number.to_le_bytes()), number);
            assert!(identity.generation().starts_with(&format!("gen-{}-", identity.created)));
            let log = String::from_utf8(identity.log_bytes().to_vec()).unwrap();
            let lengths: Vec<_> = log.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{log}");
            assert!(log.split('-').nth(2).unwrap().starts_with('7'), "{log}");
            assert_eq!(identity.ray_bytes().len(), 20);
        }
    }

    #[test]
    fn a_retry_changes_the_ids_of_the_headers_alone() {
        let digest = BodyDigest::of(b"{}");
        let (first, second) = (Identity::new(1, &digest, 1), Identity::new(1, &digest, 2));
        assert_eq!(first.generation(), second.generation());
        assert_ne!(first.log_bytes(), second.log_bytes());
    }
}
