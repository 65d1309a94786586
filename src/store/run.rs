//! Runs: how one begins, ends, and is found again.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use crate::model::Mode;

use super::column::STANDS;
use super::{FIXTURE_JOB, Items, RunId, Store, StoreError, lease};

/// A run that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The job's name.
    pub job: String,
    /// The job file.
    pub job_file: String,
    /// What is asked, as canonical JSON.
    pub job_identity: String,
    /// The whole job without secrets, as JSON.
    pub job_description: String,
    /// The input's name.
    pub input: String,
    /// SHA-256 of the decompressed input.
    pub input_hash: [u8; 32],
    /// The mode's name.
    pub mode: String,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// The run whose settled items it takes over.
    pub continues: Option<RunId>,
    /// Rows of the input.
    pub row_count: u64,
    /// Rows × models × samples.
    pub item_count: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub started_at_ms: i64,
}

impl NewRun {
    /// A run of exchanges that came from elsewhere: no job file and no input stand behind it.
    #[must_use]
    pub fn of_exchanges(job: &str, started_at_ms: i64) -> Self {
        Self {
            job: job.to_owned(),
            job_file: String::new(),
            job_identity: "{}".to_owned(),
            job_description: "{}".to_owned(),
            input: String::new(),
            input_hash: [0; 32],
            mode: Mode::Record.as_str().to_owned(),
            simulated: false,
            continues: None,
            row_count: 0,
            item_count: 0,
            started_at_ms,
        }
    }
}

/// A run of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// What it was begun with.
    pub begun: NewRun,
    /// When it ended; `None` while it goes on, or where it was killed.
    pub ended_at_ms: Option<i64>,
    /// `complete`, or why it stopped.
    pub ended: Option<String>,
    /// The nightreel that began it.
    pub version: String,
}

impl Run {
    /// Whether it is what a fixture was written with: its exchanges are not in the order in which they
    /// were recorded.
    #[must_use]
    pub fn is_of_fixture(&self) -> bool {
        self.begun.job == FIXTURE_JOB && self.begun.job_file.is_empty()
    }

    /// Whether a server recorded it: it has no job's file, and says by its identity what asked.
    #[must_use]
    pub fn is_of_server(&self) -> bool {
        self.begun.job_file.is_empty() && self.begun.job != FIXTURE_JOB && self.begun.job_identity != "{}"
    }
}

const COLUMNS: &str = "id, job, job_file, job_identity, job_description, input, input_hash, mode, simulated, \
                       continues, row_count, item_count, started_at_ms, ended_at_ms, ended, version";

impl Store {
    /// Begins a run.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn begin_run(&self, run: &NewRun) -> Result<RunId, StoreError> {
        let mut connection = self.writing()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let id = insert_run(&transaction, run)?;
        transaction.commit()?;
        Ok(id)
    }

    /// Marks a run as going on again, with the rows and items that it is to have now.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn resume_run(&self, run: RunId, row_count: u64, item_count: u64) -> Result<(), StoreError> {
        let connection = self.writing()?;
        connection.execute(
            "UPDATE run SET ended = NULL, ended_at_ms = NULL, keys_indexed = 0, row_count = ?2, item_count = ?3 \
             WHERE id = ?1",
            (run.0, i64::try_from(row_count).unwrap_or(i64::MAX), i64::try_from(item_count).unwrap_or(i64::MAX)),
        )?;
        Ok(())
    }

    /// Says how the job of a run reads now: what is asked is the same, the rest may have changed.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn describe_run(&self, run: RunId, job_description: &str) -> Result<(), StoreError> {
        let sql = "UPDATE run SET job_description = ?2 WHERE id = ?1";
        self.writing()?.execute(sql, (run.0, job_description))?;
        Ok(())
    }

    /// Ends a run, and makes its exchanges findable by key.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn end_run(&self, run: RunId, ended: &str, ended_at_ms: i64) -> Result<(), StoreError> {
        let mut connection = self.writing()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        end_run(&transaction, run, ended, ended_at_ms)?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets a run that nothing was kept in, as if it had never begun; one that has anything stays.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn forget_empty_run(&self, run: RunId) -> Result<(), StoreError> {
        let ((from, to), (first, end)) = (Items::from(run).ids(), Items::from(run).exchanges());
        let sql = "DELETE FROM run WHERE id = ?1 \
                   AND NOT EXISTS (SELECT 1 FROM item WHERE id >= ?2 AND id < ?3) \
                   AND NOT EXISTS (SELECT 1 FROM exchange WHERE id >= ?4 AND id < ?5)";
        let connection = self.writing()?;
        if connection.execute(sql, (run.0, from, to, first, end))? > 0 {
            connection.execute("DELETE FROM in_flight WHERE run = ?1", [run.0])?;
        }
        Ok(())
    }

    /// Makes the exchanges of every run that was killed findable by key, and says so of the run.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn settle_killed_runs(&self, but: Option<RunId>, now_ms: i64) -> Result<(), StoreError> {
        let mut connection = self.writing()?;
        let open: Vec<(u32, String, bool)> = connection
            .prepare("SELECT id, job, simulated FROM run WHERE keys_indexed = 0 AND id IS NOT ?1")?
            .query_map([but.map(|run| run.0)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (run, job, simulated) in open {
            if lease::is_held(&connection, &lease::name_of(&job, simulated), now_ms)? {
                continue;
            }
            connection.execute("UPDATE run SET ended = 'killed' WHERE id = ?1 AND ended IS NULL", [run])?;
            index_keys(&mut connection, RunId(run))?;
        }
        Ok(())
    }
}

/// Inserts a run, in a transaction of the caller's.
pub(super) fn insert_run(connection: &Connection, run: &NewRun) -> Result<RunId, StoreError> {
    connection.execute(
        "INSERT INTO run (job, job_file, job_identity, job_description, input, input_hash, mode, simulated, continues, \
         row_count, item_count, started_at_ms, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        (
            &run.job,
            &run.job_file,
            &run.job_identity,
            &run.job_description,
            &run.input,
            run.input_hash,
            &run.mode,
            run.simulated,
            run.continues.map(|run| run.0),
            i64::try_from(run.row_count).unwrap_or(i64::MAX),
            i64::try_from(run.item_count).unwrap_or(i64::MAX),
            run.started_at_ms,
            env!("CARGO_PKG_VERSION"),
        ),
    )?;
    RunId::from_rowid(connection.last_insert_rowid()).ok_or(StoreError::TooManyRuns)
}

/// Marks a run as ended, and makes its exchanges findable by key, in a transaction of the caller's.
pub(super) fn end_run(connection: &Connection, run: RunId, ended: &str, ended_at_ms: i64) -> Result<(), StoreError> {
    connection.execute("UPDATE run SET ended = ?2, ended_at_ms = ?3 WHERE id = ?1", (run.0, ended, ended_at_ms))?;
    insert_keys(connection, run)
}

/// Adds a run's keys to the index, in key order: keys are random, and one by one each of them
/// would cost a page of the index.
fn index_keys(connection: &mut Connection, run: RunId) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    insert_keys(&transaction, run)?;
    transaction.commit()?;
    Ok(())
}

fn insert_keys(connection: &Connection, run: RunId) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT OR REPLACE INTO exchange_key (key_prefix, exchange_id, key, attempt_id, occurrence, session, stands) \
         SELECT substr(e.key, 1, 8), e.id, e.key, a.id, e.occurrence, e.session, {STANDS} \
         FROM exchange e JOIN attempt a ON a.id = e.attempt_id WHERE e.id >= ?1 AND e.id < ?2 ORDER BY 1, 2"
    );
    connection.execute(&sql, Items::from(run).exchanges())?;
    connection.execute("UPDATE run SET keys_indexed = 1 WHERE id = ?1", [run.0])?;
    Ok(())
}

/// Reads one run.
pub(super) fn run(connection: &Connection, id: RunId) -> Result<Run, StoreError> {
    connection
        .query_row(&format!("SELECT {COLUMNS} FROM run WHERE id = ?1"), [id.0], read)
        .optional()?
        .ok_or(StoreError::NoRun(id.0))
}

/// Reads all runs, oldest first.
pub(super) fn runs(connection: &Connection) -> Result<Vec<Run>, StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM run ORDER BY id"))?;
    let runs = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(runs)
}

/// Reads the newest run of a job.
pub(super) fn latest(connection: &Connection, job: &str, simulated: bool) -> Result<Option<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM run WHERE job = ?1 AND simulated = ?2 ORDER BY id DESC LIMIT 1");
    Ok(connection.query_row(&sql, (job, simulated), read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    let count = |index| row.get::<_, i64>(index).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Run {
        id: RunId(row.get(0)?),
        begun: NewRun {
            job: row.get(1)?,
            job_file: row.get(2)?,
            job_identity: row.get(3)?,
            job_description: row.get(4)?,
            input: row.get(5)?,
            input_hash: row.get(6)?,
            mode: row.get(7)?,
            simulated: row.get(8)?,
            continues: row.get::<_, Option<u32>>(9)?.map(RunId),
            row_count: count(10)?,
            item_count: count(11)?,
            started_at_ms: row.get(12)?,
        },
        ended_at_ms: row.get(13)?,
        ended: row.get(14)?,
        version: row.get(15)?,
    })
}
