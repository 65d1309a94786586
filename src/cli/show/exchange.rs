//! An exchange of an item: the request with every attempt.

use bytes::Bytes;
use nightreel::model::Endpoint;
use nightreel::store::{AttemptView, ExchangeState};

use super::command::Only;

/// The request of one step, with every attempt.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The turn of the conversation, from 0.
    pub(super) step: u8,
    /// Its key and occurrence, and whether it is settled.
    pub(super) state: ExchangeState,
    /// Where it went; known where its item is settled.
    pub(super) endpoint: Option<Endpoint>,
    /// The raw body of the request.
    pub(super) request: Bytes,
    /// Every attempt, in the order they were recorded.
    pub(super) attempts: Vec<AttemptView>,
}

impl Exchange {
    /// The attempts that are to be shown, each with its place in the list, from 1.
    pub(super) fn shown(&self, only: Only) -> impl Iterator<Item = (u32, &AttemptView)> {
        let numbered = (1_u32..).zip(&self.attempts);
        numbered.filter(move |(number, _)| only.attempt.is_none_or(|wanted| wanted == *number))
    }
}

/// The exchanges that are to be shown.
pub(super) fn shown(exchanges: &[Exchange], only: Only) -> impl Iterator<Item = &Exchange> {
    exchanges.iter().filter(move |exchange| only.step.is_none_or(|step| step == exchange.step))
}
