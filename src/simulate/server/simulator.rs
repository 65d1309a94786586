//! A simulated gateway that listens.

use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::alarm::Alarm;
use super::super::journal::Journal;
use super::super::options::{Options, OptionsError};
use super::super::simulation::Simulation;
use super::super::stats::Stats;
use crate::listener::{Ends, reachable, run};

/// How long requests may still take when the simulator is stopped.
const GRACE: Duration = Duration::from_millis(500);

/// A simulated gateway that listens. Dropping it ends its connections at once.
pub struct Simulator {
    address: SocketAddr,
    simulation: Arc<Simulation>,
    stopping: CancellationToken,
    accepting: JoinHandle<()>,
    _ending: DropGuard,
}

/// Why a simulated gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// An option makes no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error("cannot open the journal {path}: {source}", path = path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Simulator {
    /// Listens on an address and answers on the current tokio runtime, which needs its time and its
    /// I/O driver. Port 0 takes a free one.
    ///
    /// # Errors
    /// Fails where an option makes no sense, the journal cannot be opened or the address is taken.
    pub async fn start(options: Options, listen: SocketAddr) -> Result<Self, SimulateError> {
        options.check()?;
        let cannot_listen = |source| SimulateError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let open = |path: &PathBuf| {
            Journal::open(path).map_err(|source| SimulateError::Journal { path: path.clone(), source })
        };
        let journal = options.journal.as_ref().map(open).transpose()?;
        let alarm = Alarm::start().map_err(cannot_listen)?;
        let simulation = Arc::new(Simulation::new(options, journal, alarm));
        let ending = CancellationToken::new();
        let stopping = ending.child_token();
        let ends = Ends { stopping: stopping.clone(), grace: GRACE, ending: ending.clone() };
        let accepting = tokio::spawn(run(listener, Arc::clone(&simulation), ends));
        Ok(Self { address, simulation, stopping, accepting, _ending: ending.drop_guard() })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL to give to a client: with account, gateway and provider, without `/v1` behind.
    #[must_use]
    pub fn base_url(&self) -> String {
        let gateway_id = self.simulation.options.gateway_id.as_deref().unwrap_or("simulated");
        format!("http://{}/v1/simulated/{gateway_id}/openrouter", reachable(self.address))
    }

    /// What it has seen and done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.simulation.stats()
    }

    /// Stops: accepts nothing more, gives the requests in flight half a second, ends all
    /// connections and writes the journal to its end. Gives back what it has seen and done.
    pub async fn stop(self) -> Stats {
        self.stopping.cancel();
        if let Err(error) = self.accepting.await
            && error.is_panic()
        {
            resume_unwind(error.into_panic());
        }
        if let Some(journal) = &self.simulation.journal {
            journal.flush().await;
        }
        self.simulation.stats()
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("address", &self.address).finish_non_exhaustive()
    }
}
