//! What becomes of a request.

use std::time::Duration;

use super::answer::Usage;
use super::faults::Fault;
use super::reply::Reply;

/// What becomes of a request.
pub(super) struct Verdict {
    pub(super) delivery: Delivery,
    pub(super) fault: Option<Fault>,
    /// How long it takes.
    pub(super) delay: Duration,
    /// What is paid for it, where anything is.
    pub(super) billed: Option<Usage>,
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
        Self { delivery: Delivery::Reply(reply), fault: None, delay: Duration::ZERO, billed: None }
    }

    /// The status of the reply, if there is one.
    pub(super) fn status(&self) -> Option<u16> {
        if let Delivery::Reply(reply) = &self.delivery { Some(reply.status) } else { None }
    }
}
