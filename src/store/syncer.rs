//! The thread that makes what was committed safe from a power cut.
//!
//! A commit writes to the log without waiting for the disk, which keeps commits short and makes
//! them safe from a killed process. This thread syncs the log behind the writer, many commits at
//! once, and only then passes their notes on.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use tokio::sync::mpsc;

use super::log::log_of;

/// How long notes are gathered before the log is synced.
const GATHER: Duration = Duration::from_millis(10);

/// Opens the log of a store, which is there as long as the writer has it open.
pub(super) fn open_log(store: &Path) -> io::Result<File> {
    File::open(log_of(store))
}

/// Syncs and passes on what comes, until the writer is gone. It sleeps while notes gather, and is
/// not woken by each of them.
pub(super) fn run<N>(log: &File, committed: &Receiver<Vec<N>>, durable: &mpsc::Sender<io::Result<Vec<N>>>) {
    while let Ok(mut notes) = committed.recv() {
        std::thread::sleep(GATHER);
        notes.extend(committed.try_iter().flatten());
        let synced = log.sync_data().map(|()| notes);
        let failed = synced.is_err();
        if durable.blocking_send(synced).is_err() || failed {
            return;
        }
    }
}
