//! What is asked whether a request is recorded.

use bytes::Bytes;

use crate::model::{Attempt, Request};
use crate::store::StoreError;

/// Says what is done about a request, and hands recordings out.
pub trait Playback: Send + Sync {
    /// What is done about a request: the next occurrence of it in a session is handed out.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    fn ask(&self, session: &str, request: &Request) -> Result<Asked, StoreError>;

    /// The occurrence that was to be sent is on record now.
    fn recorded(&self, session: &str, occurrence: u32, request: &Request, attempt: &Attempt);

    /// The occurrence that was to be sent was not: nothing is on record of it, and the next that
    /// asks is handed it out again.
    fn not_sent(&self, session: &str, occurrence: u32, request: &Request);

    /// The models of which something is recorded.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    fn models(&self) -> Result<Vec<String>, StoreError>;
}

/// What is done about a request.
#[derive(Debug, Clone)]
pub enum Asked {
    /// A recording answers it.
    Replay(Box<Attempt>),
    /// It is sent.
    Send {
        /// The how-manieth time it is asked in its session, from 0.
        occurrence: u32,
    },
    /// Nothing answers it.
    Miss(Refused),
}

/// What is said instead of an answer.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The body: JSON in the shape of `OpenAI`'s errors.
    pub body: Bytes,
}
