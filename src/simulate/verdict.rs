//! What becomes of a request.

use std::time::Duration;

use super::answer::Usage;
use super::faults::Fault;
use super::ledger::Fate;
use super::limits::Limit;
use super::reply::{Ending, Reply};

/// What becomes of a request.
pub(super) struct Verdict {
    pub(super) delivery: Delivery,
    /// The model that it asks for, where that is known.
    pub(super) model: Option<String>,
    pub(super) fault: Option<Fault>,
    /// The limit that refuses it.
    pub(super) limit: Option<Limit>,
    /// How long it takes.
    pub(super) delay: Duration,
    /// What is paid for it, where anything is, and what becomes of the answer while the client
    /// stays.
    pub(super) billed: Option<(Fate, Usage)>,
}

/// How a request is answered.
pub(super) enum Delivery {
    /// With a reply.
    Reply(Reply),
    /// With a reset of the connection.
    Reset,
    /// Never.
    Hang,
}

impl Verdict {
    /// A reply that comes at once and costs nothing.
    pub(super) fn at_once(reply: Reply) -> Self {
        let delivery = Delivery::Reply(reply);
        Self { delivery, model: None, fault: None, limit: None, delay: Duration::ZERO, billed: None }
    }

    /// Whether the last byte of a reply is ever sent.
    pub(super) fn comes_to_its_end(&self) -> bool {
        matches!(&self.delivery, Delivery::Reply(reply) if reply.ending == Ending::Complete)
    }

    /// The status of the reply, if there is one.
    pub(super) fn status(&self) -> Option<u16> {
        if let Delivery::Reply(reply) = &self.delivery { Some(reply.status) } else { None }
    }
}
