//! Writing exchanges that came from elsewhere, as a run of their own.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;

use crate::model::Exchange;

use super::inserter::Inserter;
use super::run::{end_run, insert_run};
use super::{ExchangeRecord, Facts, ItemRecord, NewRun, Record, RowRecord, RunId, Settled, Store, StoreError};

impl Store {
    /// Adds a run of exchanges, all of them or none: each is an item of its own, in their order.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn keep_exchanges(
        &self,
        run: &NewRun,
        exchanges: impl IntoIterator<Item = Exchange>,
    ) -> Result<RunId, StoreError> {
        let mut inserter = Inserter::learning(self.writing()?, &run.job)?;
        inserter.begin()?;
        let written = write_run(&mut inserter, run, exchanges);
        inserter.end(written)
    }
}

/// Writes a run that is complete, in a transaction of the caller's.
pub(super) fn write_run(
    inserter: &mut Inserter,
    run: &NewRun,
    exchanges: impl IntoIterator<Item = Exchange>,
) -> Result<RunId, StoreError> {
    let id = insert_run(inserter.connection(), run)?;
    let (mut count, mut ended_at_ms) = (0_u32, run.started_at_ms);
    for exchange in exchanges {
        ended_at_ms = ended_at_ms.max(exchange.attempt.sent_at_ms);
        write_exchange(inserter, id, count, exchange)?;
        count = count.checked_add(1).ok_or(StoreError::TooManyRuns)?;
    }
    finish(inserter.connection(), id, count, ended_at_ms)?;
    Ok(id)
}

fn write_exchange(inserter: &mut Inserter, run: RunId, position: u32, exchange: Exchange) -> Result<(), StoreError> {
    let (outcome, answer) = (exchange.outcome(), exchange.answer());
    let Exchange { request, session, occurrence, attempt } = exchange;
    let settled_at_ms = attempt.sent_at_ms;
    let number = position + 1;
    let row = RowRecord { number, id: number.to_string(), line: number.into(), fields: Bytes::from_static(b"{}") };
    let item = ItemRecord {
        id: run.item(position),
        row: Arc::new(row),
        model: request.model,
        sample: 0,
        outcome,
        error: attempt.reply.as_ref().err().map(|fault| fault.message.clone()),
    };
    let record = ExchangeRecord {
        id: item.id.exchange(0),
        key: request.key,
        occurrence,
        session,
        endpoint: request.endpoint,
        request: request.body,
    };
    let settled = Settled::Sent(attempt, Facts::of(answer.as_ref()));
    inserter.insert(&Record::Settled(Arc::new(record), settled, Some(item)), settled_at_ms)
}

fn finish(connection: &Connection, run: RunId, count: u32, ended_at_ms: i64) -> Result<(), StoreError> {
    connection.execute("UPDATE run SET row_count = ?2, item_count = ?2 WHERE id = ?1", (run.0, count))?;
    end_run(connection, run, "complete", ended_at_ms)
}
