//! A server that listens.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::service::Service;
use super::{Exposure, KeepError, Options};
use crate::listener::{self, Ends, reachable};
use crate::model::Mode;

/// A record/replay server that listens. Dropping it ends its connections at once; what was on its
/// way to the store gets there as long as the runtime lives. [`Server::stop`] waits for all of it.
pub struct Server {
    address: SocketAddr,
    service: Arc<Service>,
    stopping: CancellationToken,
    serving: JoinHandle<Result<(), KeepError>>,
    /// Cancelled where no connection is to be left.
    ended: CancellationToken,
    ending: DropGuard,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It would answer other machines, which nobody asked for.
    #[error("{0} can be reached from other machines, which could read all that is recorded")]
    Exposed(IpAddr),
    /// It would send for other machines, which nobody asked for.
    #[error("{0} can be reached from other machines, which could spend with the credentials of this one")]
    SendsExposed(IpAddr),
    /// There is nothing to send with.
    #[error("a server of mode {mode} sends what is not recorded, and there is nothing to send with", mode = .0.as_str())]
    NothingToSendWith(Mode),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Server {
    /// Listens on an address and answers on the current tokio runtime, which needs its time and its
    /// I/O driver. Port 0 takes a free one.
    ///
    /// # Errors
    /// Fails where the address is not one that the options allow or is taken, and where a server
    /// that sends could not.
    pub async fn start(options: Options, listen: SocketAddr) -> Result<Self, StartError> {
        check(&options, listen.ip())?;
        let cannot_listen = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let ending = CancellationToken::new();
        let stopping = ending.child_token();
        let ends = Ends { stopping: stopping.clone(), grace: options.grace, ending: ending.clone() };
        let service = Arc::new(Service::new(options, address.ip(), &ends));
        let serving = tokio::spawn(serve(Arc::clone(&service), listener, ends));
        Ok(Self { address, service, stopping, serving, ended: ending.clone(), ending: ending.drop_guard() })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL to give to a client, with the version behind.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", reachable(self.address))
    }

    /// How many requests were sent whose replies are still under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.service.sending.as_ref().map_or(0, |sending| sending.errands.len())
    }

    /// Begins to stop: accepts nothing more, and returns when the requests in flight have come to their
    /// end, or their grace has. Whoever stops waiting changes nothing of that.
    pub async fn drain(&self) {
        self.stopping.cancel();
        self.ended.cancelled().await;
    }

    /// Stops: accepts nothing more, gives requests in flight their grace, cuts what is left, and
    /// brings what was recorded to the disk.
    ///
    /// # Errors
    /// Fails where something could not be kept.
    pub async fn stop(self) -> Result<(), KeepError> {
        self.stop_unless(pending()).await
    }

    /// Stops as [`Server::stop`] does. Where `hurry` ends first, requests in flight have no grace any
    /// more.
    ///
    /// # Errors
    /// Fails where something could not be kept.
    pub async fn stop_unless(mut self, hurry: impl Future<Output = ()>) -> Result<(), KeepError> {
        self.stopping.cancel();
        let ended = tokio::select! {
            biased;
            ended = &mut self.serving => ended,
            () = hurry => {
                self.ending.disarm().cancel();
                self.serving.await
            }
        };
        match ended {
            Ok(served) => served,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => Err(KeepError::Ended),
        }
    }
}

/// Answers what comes to a listener until `shutdown` ends, then stops as [`Server::stop`] does.
/// Dropped before, it ends all connections at once.
///
/// # Errors
/// Fails where the options do not allow the listener's address, and where something could not be
/// kept.
pub async fn run(
    options: Options,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<Result<(), KeepError>, StartError> {
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let address = listener.local_addr().map_err(|source| StartError::Listen { address: unspecified, source })?;
    check(&options, address.ip())?;
    let ending = CancellationToken::new();
    let _guard = ending.clone().drop_guard();
    let stopping = ending.child_token();
    let ends = Ends { stopping: stopping.clone(), grace: options.grace, ending: ending.clone() };
    let mut serving = std::pin::pin!(serve(Arc::new(Service::new(options, address.ip(), &ends)), listener, ends));
    tokio::select! {
        served = &mut serving => return Ok(served),
        () = shutdown => stopping.cancel(),
    }
    Ok(serving.await)
}

fn check(options: &Options, address: IpAddr) -> Result<(), StartError> {
    let mode = options.playback.options().mode;
    let sends = mode != Mode::Replay;
    if sends && options.upstream.is_none() {
        return Err(StartError::NothingToSendWith(mode));
    }
    match options.exposure {
        _ if address.to_canonical().is_loopback() => Ok(()),
        Exposure::Loopback => Err(StartError::Exposed(address)),
        Exposure::Replays if sends => Err(StartError::SendsExposed(address)),
        Exposure::Replays | Exposure::Everything => Ok(()),
    }
}

async fn serve(service: Arc<Service>, listener: TcpListener, ends: Ends) -> Result<(), KeepError> {
    listener::run(listener, Arc::clone(&service), ends).await;
    let Some(sending) = &service.sending else { return Ok(()) };
    // No connection is left, so every request that is out knows that its client has gone.
    sending.errands.close();
    sending.errands.wait().await;
    sending.recording.finish().await
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
