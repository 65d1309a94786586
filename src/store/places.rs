//! Where the recordings of a request lie, for those who hand them out.

use std::collections::HashMap;
use std::iter::Sum;
use std::num::NonZeroI64;
use std::ops::Add;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::model::{Attempt, Endpoint, Key, Mode};

use super::column::{ATTEMPT, attempt};
use super::recording::ALL_KEYS;
use super::{ExchangeId, KeyIndex, Reader, RunId, StoreError, run};

/// Where a recording lies, and what there is to know of it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The session that it was recorded in, where there was one.
    pub session: Option<Arc<str>>,
    /// The how-manieth time its key was asked in its session or run, from 0.
    pub occurrence: u32,
    /// The row id of the attempt that settled it.
    pub attempt_id: i64,
    /// Whether that [stands](Attempt::stands).
    pub stands: bool,
    /// Whether the simulated gateway answered.
    pub simulated: bool,
    /// Whether its run recorded everything anew, whatever older runs had.
    pub anew: bool,
}

/// A request that was recorded, without what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRequest {
    /// Where its recording lies.
    pub place: Place,
    /// The key that it was recorded under.
    pub key: Key,
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// The model that was asked.
    pub model: Arc<str>,
    /// When what settled it was sent: milliseconds since 1970-01-01 UTC.
    pub sent_at_ms: i64,
    /// The body, as it is kept.
    pub body: Bytes,
}

/// How many recordings a store holds, by who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordingCounts {
    /// Those that are no simulation.
    pub real: RecordingCount,
    /// Those that the simulated gateway answered.
    pub simulated: RecordingCount,
}

/// How many recordings there are, and of how many runs: of a request that several of them recorded not
/// all may be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordingCount {
    /// The recordings.
    pub recordings: u64,
    /// The runs that have any of them.
    pub runs: u64,
}

impl RecordingCounts {
    /// All of them.
    #[must_use]
    pub fn total(self) -> RecordingCount {
        self.real + self.simulated
    }
}

impl Add for RecordingCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { recordings: self.recordings + other.recordings, runs: self.runs + other.runs }
    }
}

impl Sum for RecordingCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// What many places have in common, each read once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    runs: HashMap<RunId, RunKind>,
    names: HashMap<i64, Arc<str>>,
}

/// What a run's recordings are.
#[derive(Debug, Clone, Copy)]
struct RunKind {
    simulated: bool,
    anew: bool,
}

/// A place as the index of keys has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceEntry {
    pub(super) exchange: ExchangeId,
    attempt_id: i64,
    /// The row of the session's name, which is never the row 0.
    session: Option<NonZeroI64>,
    occurrence: u32,
    stands: bool,
}

/// What [`PlaceEntry::read`] reads, of a key's entry `k`.
pub(super) const PLACE: &str = "k.exchange_id, k.session, k.occurrence, k.attempt_id, k.stands";

/// The places of a key, by its prefix and itself.
static PLACES: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {PLACE} FROM exchange_key k WHERE k.key_prefix = ?1 AND k.key = ?2"));

/// The same, with the keys of runs that never ended.
static ALL_PLACES: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {PLACE} FROM {ALL_KEYS} k WHERE k.key_prefix = ?1 AND k.key = ?2"));

static ATTEMPT_BY_ID: LazyLock<String> = LazyLock::new(|| format!("SELECT {ATTEMPT} FROM attempt a WHERE a.id = ?1"));

impl Reader {
    /// Where the recordings of a key lie, oldest first.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn places(&mut self, key: &Key) -> Result<Vec<Place>, StoreError> {
        let sql = if self.has_late_keys()? { &ALL_PLACES } else { &PLACES };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((key.prefix(), key.as_bytes()))?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            places.push(self.shared.place(&self.connection, PlaceEntry::read(row)?)?);
        }
        // One key has few recordings; the index gives them by exchange already, but for late ones.
        places.sort_by_key(|place| place.exchange);
        Ok(places)
    }

    /// The same, out of an index of the state of the store that this reader sees.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn places_in(&mut self, index: &KeyIndex, key: &Key) -> Result<Vec<Place>, StoreError> {
        index.of(*key).map(|entry| self.shared.place(&self.connection, *entry)).collect()
    }

    /// An attempt, by its row id.
    ///
    /// # Errors
    /// Fails if the store cannot be read, or has no such attempt.
    pub fn attempt(&mut self, attempt_id: i64) -> Result<Attempt, StoreError> {
        let mut statement = self.connection.prepare_cached(&ATTEMPT_BY_ID)?;
        let mut rows = statement.query([attempt_id])?;
        match rows.next()? {
            Some(row) => attempt(row, 0, &self.connection, &mut self.unpacker),
            None => Err(StoreError::Damaged("a key without the attempt that answers it")),
        }
    }

    /// The row id of the attempt that settled an exchange.
    ///
    /// # Errors
    /// Fails if the store cannot be read, or has no such exchange.
    pub fn settling_attempt(&self, exchange: ExchangeId) -> Result<i64, StoreError> {
        let sql = "SELECT attempt_id FROM exchange WHERE id = ?1 AND attempt_id IS NOT NULL";
        let found = self.connection.prepare_cached(sql)?.query_row([exchange.rowid()], |row| row.get(0)).optional()?;
        found.ok_or(StoreError::Damaged("an exchange without the attempt that settled it"))
    }

    /// The models that recordings were asked of, by name.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn models(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT text FROM name WHERE id IN (SELECT DISTINCT model FROM item) AND text <> '' ORDER BY text";
        let mut statement = self.connection.prepare_cached(sql)?;
        let models = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(models)
    }

    /// How many settled exchanges all runs have.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn count_recordings(&self) -> Result<RecordingCounts, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT simulated, (SELECT count(*) FROM exchange e WHERE e.id >= (run.id << 40) \
             AND e.id < ((run.id + 1) << 40) AND e.attempt_id IS NOT NULL) FROM run",
        )?;
        let mut rows = statement.query([])?;
        let mut counts = RecordingCounts::default();
        while let Some(row) = rows.next()? {
            let of_family = if row.get(0)? { &mut counts.simulated } else { &mut counts.real };
            let recordings = row.get::<_, i64>(1)?.unsigned_abs();
            *of_family = *of_family + RecordingCount { recordings, runs: u64::from(recordings > 0) };
        }
        Ok(counts)
    }
}

impl PlaceEntry {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            exchange: ExchangeId::from_rowid(row.get(0)?),
            attempt_id: row.get(3)?,
            session: row.get::<_, Option<i64>>(1)?.and_then(NonZeroI64::new),
            occurrence: row.get(2)?,
            stands: row.get(4)?,
        })
    }
}

impl Shared {
    pub(super) fn place(&mut self, connection: &Connection, entry: PlaceEntry) -> Result<Place, StoreError> {
        let PlaceEntry { exchange, session, occurrence, attempt_id, stands } = entry;
        let RunKind { simulated, anew } = self.run(connection, exchange.item().run())?;
        let session = session.map(|id| self.name(connection, id.get())).transpose()?;
        Ok(Place { exchange, session, occurrence, attempt_id, stands, simulated, anew })
    }

    fn run(&mut self, connection: &Connection, id: RunId) -> Result<RunKind, StoreError> {
        if let Some(kind) = self.runs.get(&id) {
            return Ok(*kind);
        }
        let run = run::run(connection, id)?;
        let kind = RunKind { simulated: run.begun.simulated, anew: run.begun.mode == Mode::Record.as_str() };
        self.runs.insert(id, kind);
        Ok(kind)
    }

    /// A text that many rows share, by its row.
    pub(super) fn name(&mut self, connection: &Connection, id: i64) -> Result<Arc<str>, StoreError> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
        let sql = "SELECT text FROM name WHERE id = ?1";
        let name: Arc<str> = connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
        self.names.insert(id, Arc::clone(&name));
        Ok(name)
    }
}
