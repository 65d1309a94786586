//! Reading a store: what was recorded, in input order or by key.

use std::ops::Range;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::model::{Attempt, Class, End, Endpoint, Fault, FaultKind, Key, Outcome, Reply, Timing};

use super::frame::{self, Frame};
use super::pack::Unpacker;
use super::run::{self, Run};
use super::{ExchangeId, Holder, ItemId, Items, RunId, StoreError, lease};

/// Reads a store through a connection of its own.
pub struct Reader {
    pub(super) connection: Connection,
    unpacker: Unpacker,
    late_keys: bool,
}

/// Which recordings may stand in for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// A run whose recordings come first, whatever came of them.
    pub preferred: Option<RunId>,
    /// Whether other runs count at all.
    pub others: bool,
    /// Whether the other runs must be simulated, or must not be; `None` admits both.
    pub simulated: Option<bool>,
    /// Whether the other runs only lend answers, not failures.
    pub answers_only: bool,
}

/// An exchange that was recorded, with what settled it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Which exchange it is.
    pub exchange: ExchangeId,
    /// The row id of the attempt that settled it.
    pub attempt_id: i64,
    /// The hash of its canonical request.
    pub key: Key,
    /// The how-manieth time the key was asked in its run, from 0.
    pub occurrence: u32,
    /// What settled it.
    pub attempt: Attempt,
}

/// How far an item of a run has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The item.
    pub item: ItemId,
    /// What came of it; `None` while it is not settled.
    pub outcome: Option<Outcome>,
    /// Its exchanges by step.
    pub exchanges: Vec<ExchangeState>,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeState {
    /// The hash of its canonical request.
    pub key: Key,
    /// The how-manieth time the key was asked in its run, from 0.
    pub occurrence: u32,
    /// Whether an attempt has settled it.
    pub settled: bool,
    /// How many attempts it has had that count.
    pub attempts: u32,
}

/// A settled item with all that was recorded of it.
#[derive(Debug, Clone)]
pub struct ItemView {
    /// The item.
    pub item: ItemId,
    /// Its row's number, from 1.
    pub row_number: u32,
    /// Its row's id.
    pub row_id: String,
    /// Its row's fields, as a JSON object.
    pub fields: Bytes,
    /// The model that was asked.
    pub model: String,
    /// Which sample it is, from 0.
    pub sample: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// What settled each of its exchanges.
    pub steps: Vec<StepView>,
}

/// A settled exchange of an item.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Where it went.
    pub endpoint: Endpoint,
    /// The hash of its canonical request.
    pub key: Key,
    /// What settled it.
    pub attempt: Attempt,
}

/// One attempt of an item.
#[derive(Debug, Clone)]
pub struct AttemptView {
    /// The exchange it was sent for.
    pub exchange: ExchangeId,
    /// Whether its exchange rests on it.
    pub settling: bool,
    /// What was sent and what came of it.
    pub attempt: Attempt,
}

const ATTEMPT: &str = "a.number, a.sent_at_ms, a.queued_us, a.first_byte_us, a.total_us, a.class, a.status, \
                       a.ended, a.reply";

impl Reader {
    pub(super) fn new(connection: Connection) -> Result<Self, StoreError> {
        Ok(Self { connection, unpacker: Unpacker::new()?, late_keys: false })
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>, StoreError> {
        run::runs(&self.connection)
    }

    /// One run.
    ///
    /// # Errors
    /// Fails with [`StoreError::NoRun`] if there is none of that id.
    pub fn run(&self, id: RunId) -> Result<Run, StoreError> {
        run::run(&self.connection, id)
    }

    /// The newest run of a job.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn latest_run(&self, job: &str, simulated: bool) -> Result<Option<Run>, StoreError> {
        run::latest(&self.connection, job, simulated)
    }

    /// Who runs a job now, or rehearses it; `None` where no live process does.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn holder(&self, job: &str, simulated: bool, now_ms: i64) -> Result<Option<Holder>, StoreError> {
        lease::live_holder(&self.connection, &lease::name_of(job, simulated), now_ms)
    }

    /// How far the items of a run have come, in input order, from a position on: those that have an
    /// exchange. An empty list means that there are no more.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn progress(&self, run: RunId, from: u32, limit: usize) -> Result<Vec<Progress>, StoreError> {
        // No item has more than 256 exchanges: a limit above that always gets a whole one.
        let limit = limit.max(512);
        let rows_wanted = sql_limit(limit);
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, e.key, e.occurrence, e.attempt_id IS NOT NULL, i.outcome, \
             (SELECT count(*) FROM attempt a WHERE a.settling = 0 AND a.exchange_id = e.id \
              AND a.class NOT IN ('refused_stream', 'not_connected')) + (e.attempt_id IS NOT NULL) \
             FROM exchange e LEFT JOIN item i ON i.id = e.id >> 8 \
             WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3",
        )?;
        let (_, to) = Items::from(run).exchanges();
        let mut rows = statement.query((run.item(from).exchange(0).rowid(), to, rows_wanted))?;
        let (mut items, mut count) = (Vec::<Progress>::new(), 0);
        while let Some(row) = rows.next()? {
            count += 1;
            let item = ExchangeId::from_rowid(row.get(0)?).item();
            let state = ExchangeState {
                key: key(row, 1)?,
                occurrence: row.get(2)?,
                settled: row.get(3)?,
                attempts: row.get(5)?,
            };
            match items.last_mut().filter(|last| last.item == item) {
                Some(last) => last.exchanges.push(state),
                None => items.push(Progress { item, outcome: outcome(row, 4)?, exchanges: vec![state] }),
            }
        }
        if count == limit {
            // The last item may have more exchanges than were read.
            items.pop();
        }
        Ok(items)
    }

    /// The settled exchanges of a run's items at some positions, in input order.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn recorded(&mut self, run: RunId, positions: Range<u32>) -> Result<Vec<Recorded>, StoreError> {
        let from = run.item(positions.start).exchange(0).rowid();
        let to = run.item(positions.end).exchange(0).rowid();
        let sql = format!(
            "SELECT e.id, e.attempt_id, e.key, e.occurrence, {ATTEMPT} \
             FROM exchange e JOIN attempt a ON a.id = e.attempt_id WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((from, to))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(recorded(row, &self.connection, &mut self.unpacker)?);
        }
        Ok(found)
    }

    /// The recording of a request by key and occurrence: of the preferred run where that has one,
    /// whatever came of it; else the newest that the scope admits.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn find(&mut self, key: &Key, occurrence: u32, scope: Scope) -> Result<Option<Recorded>, StoreError> {
        let keys = if self.late_keys {
            "(SELECT * FROM exchange_key WHERE key_prefix = ?1 \
              UNION SELECT * FROM temp.late_key WHERE key_prefix = ?1)"
        } else {
            "exchange_key"
        };
        let sql = format!(
            "SELECT e.id, e.attempt_id, e.key, e.occurrence, {ATTEMPT} \
             FROM {keys} k JOIN exchange e ON e.id = k.exchange_id JOIN attempt a ON a.id = e.attempt_id \
             JOIN run r ON r.id = e.id >> 40 \
             WHERE k.key_prefix = ?1 AND e.key = ?2 AND e.occurrence = ?3 \
             AND (r.id IS ?4 OR ?7 AND (?5 IS NULL OR r.simulated = ?5) AND (NOT ?6 OR a.class = 'answered')) \
             ORDER BY r.id IS ?4 DESC, e.id DESC LIMIT 1"
        );
        let preferred = scope.preferred.map(|run| run.0);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((
            key.prefix(),
            key.as_bytes(),
            occurrence,
            preferred,
            scope.simulated,
            scope.answers_only,
            scope.others,
        ))?;
        match rows.next()? {
            Some(row) => recorded(row, &self.connection, &mut self.unpacker).map(Some),
            None => Ok(None),
        }
    }

    /// Whether any run of the store can be searched by key.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn has_keys(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM exchange_key)";
        Ok(self.late_keys || self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Makes the runs that never ended findable by key for this reader, which may not write.
    ///
    /// # Errors
    /// Fails if the store cannot be read, or there is no room for temporary files.
    pub fn index_late_keys(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS late_key (key_prefix BLOB, exchange_id INTEGER, \
             PRIMARY KEY (key_prefix, exchange_id)) WITHOUT ROWID; \
             INSERT OR IGNORE INTO temp.late_key \
             SELECT substr(e.key, 1, 8), e.id FROM run r JOIN exchange e ON e.id >= r.id << 40 AND e.id < (r.id + 1) << 40 \
             WHERE r.keys_indexed = 0 ORDER BY 1, 2",
        )?;
        self.late_keys = true;
        Ok(())
    }

    /// The raw body of an exchange's request.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn request(&mut self, exchange: ExchangeId) -> Result<Option<Bytes>, StoreError> {
        let packed: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT request FROM exchange WHERE id = ?1")?
            .query_row([exchange.rowid()], |row| row.get(0))
            .optional()?;
        packed.map(|packed| Ok(self.unpacker.unpack(&self.connection, &packed)?.into())).transpose()
    }

    /// The newest exchanges of a model that real runs sent and that were answered, each with the
    /// tokens that its reply counted in the prompt.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn answered_prompts(&self, model: &str, limit: usize) -> Result<Vec<(ExchangeId, u64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, a.prompt_tokens FROM run r \
             CROSS JOIN item i ON i.id >= r.id << 32 AND i.id < (r.id + 1) << 32 \
             CROSS JOIN exchange e ON e.id >= i.id << 8 AND e.id < (i.id + 1) << 8 \
             CROSS JOIN attempt a ON a.id = e.attempt_id AND a.exchange_id = e.id \
             WHERE r.simulated = 0 AND +i.model = (SELECT id FROM name WHERE text = ?1) AND a.class = 'answered' \
             AND a.prompt_tokens > 0 ORDER BY r.id DESC, i.id DESC, e.id DESC LIMIT ?2",
        )?;
        let prompts = statement.query_map((model, sql_limit(limit)), |row| {
            Ok((ExchangeId::from_rowid(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(prompts.collect::<Result<_, _>>()?)
    }

    /// The settled items of a run whose row has an id, in input order.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn items_of_row(&self, run: RunId, row_id: &str) -> Result<Vec<ItemId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.id FROM input_row w JOIN item i ON i.id >= ?1 AND i.id < ?2 \
             AND i.row_number = (w.id & 0xffffffff) WHERE w.id >= ?1 AND w.id < ?2 AND w.row_id = ?3 ORDER BY i.id",
        )?;
        let (from, to) = Items::from(run).ids();
        let ids = statement
            .query_map((from, to, row_id), |row| Ok(ItemId::from_rowid(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// Some settled items of a run in input order, from a position on. An empty list means that
    /// there are no more.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn items(&mut self, of: impl Into<Items>, from: u32, limit: usize) -> Result<Vec<ItemView>, StoreError> {
        let mut items = self.bare_items(of.into(), from, limit)?;
        let (Some(first), Some(last)) = (items.first(), items.last()) else { return Ok(items) };
        let range = (first.item.exchange(0).rowid(), last.item.exchange(u8::MAX).rowid());
        let sql = format!(
            "SELECT e.id, n.text, e.key, {ATTEMPT} FROM exchange e JOIN attempt a ON a.id = e.attempt_id \
             JOIN name n ON n.id = e.endpoint WHERE e.id >= ?1 AND e.id <= ?2 ORDER BY e.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(range)?;
        let mut index = 0;
        while let Some(row) = rows.next()? {
            let item = ExchangeId::from_rowid(row.get(0)?).item();
            while items.get(index).is_some_and(|candidate| candidate.item < item) {
                index += 1;
            }
            let Some(owner) = items.get_mut(index).filter(|candidate| candidate.item == item) else { continue };
            let endpoint: String = row.get(1)?;
            let endpoint = endpoint.parse().map_err(|_| StoreError::Damaged("an unknown endpoint"))?;
            let attempt = attempt(row, 3, &self.connection, &mut self.unpacker)?;
            owner.steps.push(StepView { endpoint, key: key(row, 2)?, attempt });
        }
        Ok(items)
    }

    fn bare_items(&mut self, of: Items, from: u32, limit: usize) -> Result<Vec<ItemView>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.id, i.row_number, w.row_id, w.fields, n.text, i.sample, i.outcome, i.error \
             FROM item i JOIN name n ON n.id = i.model \
             JOIN input_row w ON w.id = (i.id >> 32 << 32 | i.row_number) \
             WHERE i.id >= ?1 AND i.id < ?2 ORDER BY i.id LIMIT ?3",
        )?;
        let (_, to) = of.ids();
        let mut rows = statement.query((of.run.item(from).rowid(), to, sql_limit(limit)))?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            let fields = row.get_ref(3)?.as_blob().map_err(|_| StoreError::Damaged("a row without fields"))?;
            items.push(ItemView {
                item: ItemId::from_rowid(row.get(0)?),
                row_number: row.get(1)?,
                row_id: row.get(2)?,
                fields: self.unpacker.unpack(&self.connection, fields)?.into(),
                model: row.get(4)?,
                sample: row.get(5)?,
                outcome: outcome(row, 6)?.ok_or(StoreError::Damaged("an item without an outcome"))?,
                error: row.get(7)?,
                steps: Vec::new(),
            });
        }
        Ok(items)
    }

    /// Every attempt that was made for an item in its run, in the order they were recorded, and the
    /// one of an earlier run that it rests on.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn attempts(&mut self, item: ItemId) -> Result<Vec<AttemptView>, StoreError> {
        let sql = format!(
            "SELECT e.id, a.id IS e.attempt_id, {ATTEMPT} FROM exchange e \
             JOIN attempt a ON a.id = e.attempt_id OR (a.settling = 0 AND a.exchange_id = e.id) \
             WHERE e.id >= ?1 AND e.id <= ?2 ORDER BY e.id, a.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((item.exchange(0).rowid(), item.exchange(u8::MAX).rowid()))?;
        let mut attempts = Vec::new();
        while let Some(row) = rows.next()? {
            attempts.push(AttemptView {
                exchange: ExchangeId::from_rowid(row.get(0)?),
                settling: row.get(1)?,
                attempt: attempt(row, 2, &self.connection, &mut self.unpacker)?,
            });
        }
        Ok(attempts)
    }
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn recorded(row: &Row<'_>, connection: &Connection, unpacker: &mut Unpacker) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        exchange: ExchangeId::from_rowid(row.get(0)?),
        attempt_id: row.get(1)?,
        key: key(row, 2)?,
        occurrence: row.get(3)?,
        attempt: attempt(row, 4, connection, unpacker)?,
    })
}

fn key(row: &Row<'_>, column: usize) -> Result<Key, StoreError> {
    Ok(Key::from_bytes(row.get(column)?))
}

fn outcome(row: &Row<'_>, column: usize) -> Result<Option<Outcome>, StoreError> {
    let Some(name) = row.get_ref(column)?.as_str_or_null().map_err(|_| StoreError::Damaged("an outcome"))? else {
        return Ok(None);
    };
    Outcome::from_name(name).map(Some).ok_or(StoreError::Damaged("an unknown outcome"))
}

/// Reads the columns of [`ATTEMPT`] from `first` on.
fn attempt(
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
            let end = End::from_name(text(7)?).ok_or(StoreError::Damaged("an unknown end of a reply"))?;
            Ok(Reply { status, headers, body, chunks, end })
        }
        (Frame::Fault(message), None) => {
            let kind = FaultKind::from_name(text(7)?).ok_or(StoreError::Damaged("an unknown fault"))?;
            Err(Fault { kind, message })
        }
        _ => return Err(StoreError::Damaged("a reply that is none")),
    };
    Ok(Attempt {
        number: row.get(first)?,
        sent_at_ms: row.get(first + 1)?,
        timing: Timing { queued_us: unsigned(2)?, first_byte_us: unsigned(3)?, total_us: unsigned(4)? },
        reply,
        class: Class::from_name(text(5)?).ok_or(StoreError::Damaged("an unknown class"))?,
    })
}
