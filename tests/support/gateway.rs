//! The simulated gateway of the library, on a port of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use nightreel::simulate::{JournalLine, Options, Simulator, Stats};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::{Destination, until};

/// A simulated gateway that runs beside the test until it is dropped.
pub(crate) struct Gateway {
    // Dropped before the runtime that it runs on.
    simulator: Simulator,
    journal: TempDir,
    _runtime: Runtime,
}

impl Destination for Gateway {
    fn base_url(&self) -> String {
        self.simulator.base_url()
    }
}

impl Gateway {
    /// One that answers at once and well.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// One with options; it always keeps a journal.
    pub(crate) fn with(options: Options) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let journal = tempfile::tempdir().unwrap();
        let options = Options { journal: Some(journal.path().join("journal")), ..options };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let simulator = runtime.block_on(Simulator::start(options, listen)).unwrap();
        Self { simulator, journal, _runtime: runtime }
    }

    /// What it has seen and done.
    pub(crate) fn stats(&self) -> Stats {
        self.simulator.stats()
    }

    /// How many requests it has received.
    pub(crate) fn requests(&self) -> u64 {
        self.stats().requests
    }

    /// Every request that it has received, in order, once none of them is in work any more.
    pub(crate) fn journal(&self) -> Vec<JournalLine> {
        until("the requests in work", || self.stats().in_flight == 0);
        let mut lines = Vec::new();
        until("the journal's last line", || {
            let text = fs::read_to_string(self.journal.path().join("journal")).unwrap();
            lines = text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
            lines.len() as u64 == self.requests()
        });
        lines
    }
}
