//! A simulated gateway that listens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::super::alarm::Alarm;
use super::super::journal::Journal;
use super::super::options::{Options, OptionsError};
use super::super::simulation::Simulation;
use super::super::stats::Stats;
use super::service;
use super::wire::{ResetOnDrop, Wire};

/// How long requests may still take when the simulator is stopped.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait where no connection can be accepted (no more file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

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
        let server = Server::new(Arc::clone(&simulation), ending.clone());
        let accepting = tokio::spawn(server.run(listener, stopping.clone()));
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

/// The address that a client on this machine can connect to: an unspecified one stands for all.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The accept loop and all that it has started. Whatever it starts ends with `ending`.
struct Server {
    simulation: Arc<Simulation>,
    connections: TaskTracker,
    ending: CancellationToken,
    http: auto::Builder<Tasks>,
}

impl Server {
    fn new(simulation: Arc<Simulation>, ending: CancellationToken) -> Self {
        let connections = TaskTracker::new();
        let http = auto::Builder::new(Tasks { tracker: connections.clone(), ending: ending.clone() });
        Self { simulation, connections, ending, http }
    }

    async fn run(self, listener: TcpListener, stopping: CancellationToken) {
        let graceful = GracefulShutdown::new();
        while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
            if let Ok((stream, _)) = accepted {
                self.serve(stream, graceful.watcher());
            } else {
                self.simulation.counters.failed_accepts.fetch_add(1, Relaxed);
                sleep(ACCEPT_PAUSE).await;
            }
        }
        drop(listener);
        // Who is not done by then is cut off below.
        _ = timeout(GRACE, graceful.shutdown()).await;
        self.connections.close();
        self.ending.cancel();
        self.connections.wait().await;
    }

    /// Serves one connection on a task of its own.
    fn serve(&self, stream: TcpStream, watcher: Watcher) {
        self.simulation.counters.connections.fetch_add(1, Relaxed);
        if stream.set_nodelay(true).is_err() {
            // The client is gone already.
            return;
        }
        let (simulation, reset) = (Arc::clone(&self.simulation), ResetOnDrop::default());
        let wire = TokioIo::new(Wire::new(stream, reset.clone()));
        let answer = service_fn(move |request| service::answer(Arc::clone(&simulation), reset.clone(), request));
        let connection = watcher.watch(self.http.serve_connection(wire, answer).into_owned());
        let served = self.ending.clone().run_until_cancelled_owned(connection);
        // How a connection ends is the client's matter, or that of a fault which is counted.
        self.connections.spawn(async move { _ = served.await });
    }
}

/// Runs what HTTP/2 does beside its connection, so that it ends with the simulator too.
#[derive(Clone)]
struct Tasks {
    tracker: TaskTracker,
    ending: CancellationToken,
}

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.tracker.spawn(self.ending.clone().run_until_cancelled_owned(task));
    }
}
