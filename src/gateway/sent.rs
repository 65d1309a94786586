//! Which send of a store this is, and the id that follows from it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Which send of a store this is. No other send of any run is the same, so an id that is made of
/// it need not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When the run began, in milliseconds since 1970-01-01 UTC: it tells the stores apart.
    pub run_started_at_ms: i64,
    /// The run's number in its store.
    pub run: u32,
    /// The item's place in input order, from 0.
    pub position: u32,
    /// The turn of a conversation, from 0.
    pub step: u8,
    /// Which attempt of its exchange it is, from 1.
    pub attempt: u32,
    /// When it was sent, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

impl Sent {
    /// The id by which a gateway's log finds this send: a UUID of version 8.
    ///
    /// It is the beginning of the SHA-256 of the text `nightreel/STARTED/RUN/POSITION/STEP/ATTEMPT/AT`,
    /// numbers in decimal digits, with version and variant written over.
    #[must_use]
    pub fn event_id(&self) -> String {
        let Self { run_started_at_ms, run, position, step, attempt, at_ms } = self;
        let digest = Sha256::digest(format!("nightreel/{run_started_at_ms}/{run}/{position}/{step}/{attempt}/{at_ms}"));
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&digest[..16]);
        uuid[6] = uuid[6] & 0x0f | 0x80;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (index, byte) in uuid.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(text, "{dash}{byte:02x}").expect("writing into a string does not fail");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Sent = Sent {
        run_started_at_ms: 1_795_348_800_000,
        run: 3,
        position: 34,
        step: 0,
        attempt: 1,
        at_ms: 1_795_348_800_123,
    };

    #[test]
    fn an_event_id_is_a_uuid_that_follows_from_the_send_alone() {
        // printf nightreel/1795348800000/3/34/0/1/1795348800123 | sha256sum
        let digest = Sha256::digest("nightreel/1795348800000/3/34/0/1/1795348800123");
        let id = SENT.event_id();
        assert_eq!(id, SENT.event_id());
        assert_eq!(id.len(), 36);
        assert_eq!((&id[8..9], &id[14..15]), ("-", "8"));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        assert!(id.starts_with(&format!("{:02x}{:02x}{:02x}{:02x}-", digest[0], digest[1], digest[2], digest[3])));
    }

    #[test]
    fn every_other_send_has_another_id() {
        let others = [
            Sent { run_started_at_ms: SENT.run_started_at_ms + 1, ..SENT },
            Sent { run: 4, ..SENT },
            Sent { position: 35, ..SENT },
            Sent { step: 1, ..SENT },
            Sent { attempt: 2, ..SENT },
            Sent { at_ms: SENT.at_ms + 1, ..SENT },
            Sent { run: 33, position: 4, ..SENT },
        ];
        let mut ids: Vec<String> = others.iter().chain([&SENT]).map(Sent::event_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), others.len() + 1);
    }
}
