//! Columns that several queries read.

use rusqlite::{Connection, Row};

use crate::model::{Attempt, Class, End, Fault, FaultKind, Key, Outcome, Reply, Timing};

use super::StoreError;
use super::frame::{self, Frame};
use super::pack::Unpacker;

/// What [`attempt`] reads, of a table or a subquery named `a`.
pub(super) const ATTEMPT: &str = "a.number, a.sent_at_ms, a.queued_us, a.first_byte_us, a.total_us, a.class, a.status, \
                       a.ended, a.reply, a.cost_usd, a.assumed_cost_usd";

/// [`Attempt::stands`] of a table or a subquery named `a`.
pub(super) const STANDS: &str = "(a.class NOT IN ('quota_exhausted', 'unauthorized', 'out_of_credit', 'misconfigured', \
                                 'not_connected') AND a.ended <> 'given_up' AND NOT (a.class = 'rejected' AND a.status IS 403))";

pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn key(row: &Row<'_>, column: usize) -> Result<Key, StoreError> {
    Ok(Key::from_bytes(row.get(column)?))
}

pub(super) fn outcome(row: &Row<'_>, column: usize) -> Result<Option<Outcome>, StoreError> {
    let Some(name) = row.get_ref(column)?.as_str_or_null().map_err(|_| StoreError::Damaged("an outcome"))? else {
        return Ok(None);
    };
    Outcome::from_name(name).map(Some).ok_or_else(|| StoreError::Damaged("an unknown outcome"))
}

pub(super) fn class(row: &Row<'_>, column: usize) -> Result<Class, StoreError> {
    let name = row.get_ref(column)?.as_str().map_err(|_| StoreError::Damaged("a class"))?;
    Class::from_name(name).ok_or_else(|| StoreError::Damaged("an unknown class"))
}

/// Reads the columns of [`ATTEMPT`] from `first` on.
pub(super) fn attempt(
    row: &Row<'_>,
    first: usize,
    connection: &Connection,
    unpacker: &mut Unpacker,
) -> Result<Attempt, StoreError> {
    let text = |column: usize| row.get_ref(first + column)?.as_str().map_err(|_| StoreError::Damaged("a text"));
    let unsigned = |column: usize| row.get::<_, i64>(first + column).map(i64::unsigned_abs);
    let packed = row.get_ref(first + 8)?.as_blob().map_err(|_| StoreError::Damaged("a reply"))?;
    let frame = frame::read(unpacker.unpack(connection, packed)?)?;
    let reply = match (frame, row.get::<_, Option<u16>>(first + 6)?) {
        (Frame::Reply(headers, chunks, body), Some(status)) => {
            let end = End::from_name(text(7)?).ok_or_else(|| StoreError::Damaged("an unknown end of a reply"))?;
            Ok(Reply { status, headers, body, chunks, end })
        }
        (Frame::Fault(message), None) => {
            let kind = FaultKind::from_name(text(7)?).ok_or_else(|| StoreError::Damaged("an unknown fault"))?;
            Err(Fault { kind, message })
        }
        _ => return Err(StoreError::Damaged("a reply that is none")),
    };
    Ok(Attempt {
        number: row.get(first)?,
        sent_at_ms: row.get(first + 1)?,
        timing: Timing { queued_us: unsigned(2)?, first_byte_us: unsigned(3)?, total_us: unsigned(4)? },
        reply,
        class: class(row, first + 5)?,
        cost_usd: row.get(first + 9)?,
        assumed_cost_usd: row.get(first + 10)?,
    })
}
