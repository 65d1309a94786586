//! What is written: a row, an exchange, an attempt, an item.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Answer, Attempt, Endpoint, Key, Outcome};

use super::{BudgetCorrection, ExchangeId, ItemId, LimitChange, RunId};

/// One thing to write.
#[derive(Debug, Clone)]
pub enum Record {
    /// An attempt that settled nothing: its exchange waits for another one.
    Attempt(Arc<ExchangeRecord>, Attempt, Facts),
    /// An exchange that is settled, with its item where this was the last step.
    Settled(Arc<ExchangeRecord>, Settled, Option<ItemRecord>),
    /// An item that is settled by what was recorded before.
    Item(ItemRecord),
    /// A limit that changed.
    LimitChange(LimitChange),
    /// What the budget of a run counts besides.
    BudgetCorrection(RunId, BudgetCorrection),
}

impl Record {
    /// The exchange of which it keeps what came of a request that this run has sent.
    pub(super) fn sent(&self) -> Option<ExchangeId> {
        match self {
            Self::Attempt(exchange, ..) | Self::Settled(exchange, Settled::Sent(..), _) => Some(exchange.id),
            Self::Settled(..) | Self::Item(_) | Self::LimitChange(_) | Self::BudgetCorrection(..) => None,
        }
    }
}

/// A request of a run, with its place in it.
#[derive(Debug, Clone)]
pub struct ExchangeRecord {
    /// Which one it is.
    pub id: ExchangeId,
    /// The hash of the canonical request.
    pub key: Key,
    /// The how-manieth time the key is asked in the run, from 0.
    pub occurrence: u32,
    /// The session that it is asked in, where there are any.
    pub session: Option<Arc<str>>,
    /// Where it goes.
    pub endpoint: Endpoint,
    /// The raw body.
    pub request: Bytes,
}

/// What settled an exchange.
#[derive(Debug, Clone)]
pub enum Settled {
    /// An attempt of this run.
    Sent(Attempt, Facts),
    /// The attempt of this exchange that was written last, as one that another was to follow.
    Kept,
    /// An attempt that the same store holds already: its row id.
    Replayed(i64),
    /// An attempt that another store holds: it is copied.
    Copied(Attempt, Facts),
}

/// What people want to see of a reply without reading it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<u64>,
    /// The model that answered.
    pub served_model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// How the answer ended, as the body says it.
    pub finish_reason: Option<String>,
    /// Whether the answer says what it cost.
    pub tells_cost: bool,
}

impl Facts {
    /// Those of an answer; none where there is none.
    #[must_use]
    pub fn of(answer: Option<&Answer>) -> Self {
        let Some(answer) = answer else { return Self::default() };
        Self {
            prompt_tokens: answer.usage.prompt_tokens,
            completion_tokens: answer.usage.completion_tokens,
            served_model: answer.model.clone(),
            provider: answer.provider.clone(),
            finish_reason: answer.finish_reason.clone(),
            tells_cost: answer.usage.cost_usd.is_some(),
        }
    }
}

/// An item that is settled.
#[derive(Debug, Clone)]
pub struct ItemRecord {
    /// Which one it is.
    pub id: ItemId,
    /// Its row.
    pub row: Arc<RowRecord>,
    /// The model that was asked.
    pub model: Arc<str>,
    /// Which sample of its row and model it is, from 0.
    pub sample: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What went wrong, for people.
    pub error: Option<String>,
}

/// A row of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRecord {
    /// Its number among the rows, from 1.
    pub number: u32,
    /// Its id.
    pub id: String,
    /// The line it starts on, from 1.
    pub line: u64,
    /// Its fields, as a JSON object.
    pub fields: Bytes,
}
