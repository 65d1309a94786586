//! Keeping what was sent and what came back.

use std::sync::Arc;

use crate::model::Attempt;
use crate::store::{
    BudgetCorrection, ExchangeId, ExchangeRecord, Facts, ItemRecord, LimitChange, Record, RunId, Settled, StoreError,
    Submit,
};

use super::{Found, Origin, Redactor};

/// Submits attempts to the store, with everything struck that must not be kept.
#[derive(Debug)]
pub struct Recorder<N> {
    submit: Submit<N>,
    redactor: Arc<Redactor>,
}

impl<N> Clone for Recorder<N> {
    fn clone(&self) -> Self {
        Self { submit: self.submit.clone(), redactor: Arc::clone(&self.redactor) }
    }
}

impl<N> Recorder<N> {
    /// A recorder that writes through a submitter.
    #[must_use]
    pub const fn new(submit: Submit<N>, redactor: Arc<Redactor>) -> Self {
        Self { submit, redactor }
    }

    /// What strikes secrets.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Says that the request of an exchange is about to be sent, and what it may cost at worst, in
    /// USD, where that is known: it is in flight until its attempt is kept.
    pub fn sending(&self, exchange: ExchangeId, worst_usd: Option<f64>) {
        self.submit.sending(exchange, worst_usd);
    }

    /// Keeps what is in flight. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn mark(&self) -> Result<(), StoreError> {
        self.submit.mark().await
    }

    /// Has it kept soon what is in flight, where that is not yet.
    pub fn mark_soon(&self) {
        self.submit.mark_soon();
    }

    /// Keeps an attempt that another one will follow. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn attempt(
        &self,
        exchange: &Arc<ExchangeRecord>,
        mut attempt: Attempt,
        mut facts: Facts,
    ) -> Result<(), StoreError> {
        self.redactor.strike_attempt(&mut attempt);
        self.redactor.strike_facts(&mut facts);
        self.submit.commit(Record::Attempt(Arc::clone(exchange), attempt, facts), None).await
    }

    /// Keeps the attempt that settles an exchange, with the item where that is settled too.
    /// Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn settle(
        &self,
        exchange: &Arc<ExchangeRecord>,
        mut attempt: Attempt,
        mut facts: Facts,
        item: Option<(ItemRecord, N)>,
    ) -> Result<(), StoreError> {
        self.redactor.strike_attempt(&mut attempt);
        self.redactor.strike_facts(&mut facts);
        let (item, note) = item.unzip();
        self.submit.commit(Record::Settled(Arc::clone(exchange), Settled::Sent(attempt, facts), item), note).await
    }

    /// Keeps that an exchange rests on the attempt of it that was kept last, with the item where
    /// that is settled too. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn settle_kept(
        &self,
        exchange: &Arc<ExchangeRecord>,
        item: Option<(ItemRecord, N)>,
    ) -> Result<(), StoreError> {
        let (item, note) = item.unzip();
        self.submit.commit(Record::Settled(Arc::clone(exchange), Settled::Kept, item), note).await
    }

    /// Keeps that a recording answered an exchange. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn replay(
        &self,
        exchange: &Arc<ExchangeRecord>,
        found: Found,
        facts: Facts,
        item: Option<(ItemRecord, N)>,
    ) -> Result<(), StoreError> {
        let settled = match found.origin {
            Origin::Own(attempt_id) => Settled::Replayed(attempt_id),
            Origin::Fixture => Settled::Copied(found.attempt, facts),
        };
        let (item, note) = item.unzip();
        self.submit.commit(Record::Settled(Arc::clone(exchange), settled, item), note).await
    }

    /// Keeps that a limit changed. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn limit_change(&self, change: LimitChange) -> Result<(), StoreError> {
        self.submit.commit(Record::LimitChange(change), None).await
    }

    /// Keeps what the budget of a run counts besides. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn budget_correction(&self, run: RunId, correction: BudgetCorrection) -> Result<(), StoreError> {
        self.submit.commit(Record::BudgetCorrection(run, correction), None).await
    }

    /// Keeps an item that ends without another exchange. Returns when it is committed.
    ///
    /// # Errors
    /// Fails if the store cannot be written any more.
    pub async fn item(&self, item: ItemRecord, note: N) -> Result<(), StoreError> {
        self.submit.commit(Record::Item(item), Some(note)).await
    }
}
