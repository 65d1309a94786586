//! One job runs once at a time in a store: a lease names who runs it.
//!
//! A holder that was killed must not stop the next run. On the same machine the system says whether
//! the process is still the one that took the lease; from elsewhere (another host, another
//! container) a lease counts as left behind once it has not been renewed for a while.

use std::fmt;
use std::fs;
use std::process;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::{RunId, Store, StoreError};

/// After how long without renewal a lease of another machine counts as left behind.
const LEFT_BEHIND_MS: i64 = 60_000;

/// The right to run a job, until it is released.
#[derive(Debug, Clone)]
pub struct Lease {
    store: Store,
    name: String,
    taken_at_ms: i64,
}

/// Who runs a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Since when: milliseconds since 1970-01-01 UTC.
    pub taken_at_ms: i64,
    /// When it last said that it is there: milliseconds since 1970-01-01 UTC.
    pub renewed_at_ms: i64,
    boot: String,
    process_space: String,
    process_started: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = jiff::Timestamp::from_millisecond(self.taken_at_ms).unwrap_or_default();
        write!(f, "process {} on {}, since {since:.0}", self.pid, self.host)
    }
}

impl Holder {
    /// This process.
    fn current(now_ms: i64) -> Self {
        let pid = process::id();
        Self {
            host: read_line("/proc/sys/kernel/hostname"),
            pid,
            taken_at_ms: now_ms,
            renewed_at_ms: now_ms,
            boot: read_line("/proc/sys/kernel/random/boot_id"),
            process_space: process_space(),
            process_started: process_started(pid),
        }
    }

    /// Whether the holder is a process that this one can see: of the same machine, and not of
    /// another container.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let here = Self::current(0);
        !self.boot.is_empty() && self.boot == here.boot && self.process_space == here.process_space
    }

    /// Whether the holder still runs, as far as this process can tell.
    fn is_alive(&self, current: &Self) -> bool {
        let same_machine = !self.boot.is_empty() && self.boot == current.boot;
        if same_machine && self.process_space == current.process_space {
            return process_started(self.pid) == self.process_started && !self.process_started.is_empty();
        }
        if !same_machine && self.host == current.host && !self.boot.is_empty() && !current.boot.is_empty() {
            // The machine has been started again since.
            return false;
        }
        current.renewed_at_ms - self.renewed_at_ms < LEFT_BEHIND_MS
    }
}

impl Store {
    /// Takes the lease of a job, or of its rehearsal.
    ///
    /// # Errors
    /// Fails with [`StoreError::Held`] if a live process has it.
    pub fn lease(&self, job: &str, simulated: bool, now_ms: i64) -> Result<Lease, StoreError> {
        let name = &name_of(job, simulated);
        let current = Holder::current(now_ms);
        let mut connection = self.writing()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(holder) = holder(&transaction, name)?.filter(|holder| holder.is_alive(&current)) {
            return Err(StoreError::Held { job: job.to_owned(), holder: Box::new(holder) });
        }
        transaction.execute(
            "INSERT OR REPLACE INTO lease (job, host, boot, process_space, pid, process_started, taken_at_ms, \
             renewed_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
            (name, &current.host, &current.boot, &current.process_space, current.pid, &current.process_started, now_ms),
        )?;
        transaction.commit()?;
        Ok(Lease { store: self.clone(), name: name.to_owned(), taken_at_ms: now_ms })
    }
}

impl Lease {
    /// The name that the lease is held under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who holds it: the process, and since when.
    pub(super) fn holder(&self) -> (u32, i64) {
        (process::id(), self.taken_at_ms)
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn release(self) -> Result<(), StoreError> {
        let connection = self.store.writing()?;
        connection.execute("DELETE FROM lease WHERE job = ?1 AND pid = ?2", (&self.name, process::id()))?;
        Ok(())
    }
}

/// The name that a job's lease is held under: a rehearsal does not keep the real run out.
pub(super) fn name_of(job: &str, simulated: bool) -> String {
    if simulated { format!("{job} (simulated)") } else { job.to_owned() }
}

/// Whether a live process holds a lease.
pub(super) fn is_held(connection: &Connection, name: &str, now_ms: i64) -> Result<bool, StoreError> {
    Ok(live_holder(connection, name, now_ms)?.is_some())
}

/// The live process that holds a lease.
pub(super) fn live_holder(connection: &Connection, name: &str, now_ms: i64) -> Result<Option<Holder>, StoreError> {
    let current = Holder::current(now_ms);
    Ok(holder(connection, name)?.filter(|holder| holder.is_alive(&current)))
}

/// The live process that carries out the runs of a run's job. One of another machine counts as live
/// until another one takes its lease.
pub(super) fn live_holder_of_run(connection: &Connection, run: RunId) -> Result<Option<Holder>, StoreError> {
    let sql = "SELECT job, simulated FROM run WHERE id = ?1";
    let name = connection.query_row(sql, [run.0], |row| Ok(name_of(&row.get::<_, String>(0)?, row.get(1)?)));
    name.optional()?.map_or(Ok(None), |name| live_holder(connection, &name, 0))
}

/// Says that the holder is still there.
pub(super) fn renew(connection: &Connection, name: &str, now_ms: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE lease SET renewed_at_ms = ?2 WHERE job = ?1 AND pid = ?3")?.execute((
        name,
        now_ms,
        process::id(),
    ))?;
    Ok(())
}

fn holder(connection: &Connection, name: &str) -> Result<Option<Holder>, StoreError> {
    let sql = "SELECT host, pid, taken_at_ms, renewed_at_ms, boot, process_space, process_started \
               FROM lease WHERE job = ?1";
    let holder = connection.query_row(sql, [name], |row| {
        Ok(Holder {
            host: row.get(0)?,
            pid: row.get(1)?,
            taken_at_ms: row.get(2)?,
            renewed_at_ms: row.get(3)?,
            boot: row.get(4)?,
            process_space: row.get(5)?,
            process_started: row.get(6)?,
        })
    });
    Ok(holder.optional()?)
}

fn read_line(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Where a process number means the same process.
fn process_space() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// When a process started, in ticks since the machine did; empty where there is no such process.
/// A number is given out again, a number with its start is not.
fn process_started(pid: u32) -> String {
    let stat = read_line(&format!("/proc/{pid}/stat"));
    // The name stands in brackets and may hold blanks: fields are counted from behind it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, tail)| tail.split_whitespace().collect()).unwrap_or_default();
    let (state, started) = (fields.first().copied().unwrap_or("X"), fields.get(19).copied().unwrap_or_default());
    // A process that has ended but that nobody has waited for holds nothing any more.
    if matches!(state, "Z" | "X") { String::new() } else { started.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Access;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("nightreel.db"), Access::ReadWrite).unwrap();
        (directory, store)
    }

    fn plant(store: &Store, change: &str) {
        store.writing().unwrap().execute(&format!("UPDATE lease SET {change}"), []).unwrap();
    }

    #[test]
    fn a_job_is_held_until_its_lease_is_released() {
        let (_directory, store) = store();
        let lease = store.lease("nightly", false, 1_000).unwrap();
        let Err(StoreError::Held { holder, .. }) = store.lease("nightly", false, 2_000) else { panic!("it is held") };
        assert_eq!((holder.pid, holder.taken_at_ms, holder.is_here()), (process::id(), 1_000, true));
        store.lease("nightly", true, 2_000).unwrap();
        lease.release().unwrap();
        store.lease("nightly", false, 3_000).unwrap();
    }

    #[test]
    fn the_lease_of_a_process_that_is_gone_is_taken_over() {
        for change in ["process_started = '1'", "pid = 4194305", "boot = 'before'"] {
            let (_directory, store) = store();
            store.lease("nightly", false, 1_000).unwrap();
            plant(&store, change);
            assert!(store.lease("nightly", false, 1_001).is_ok(), "{change}");
        }
    }

    #[test]
    fn the_lease_of_another_machine_holds_while_it_is_renewed() {
        let (_directory, store) = store();
        store.lease("nightly", false, 1_000).unwrap();
        plant(&store, "host = 'elsewhere', boot = 'other'");
        let Err(StoreError::Held { holder, .. }) = store.lease("nightly", false, 60_999) else { panic!("it is held") };
        assert!(!holder.is_here());
        assert!(store.lease("nightly", false, 61_000).is_ok());
    }
}
