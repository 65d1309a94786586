//! The accept loop and all that it starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::wire::Wire;
use super::{Answering, Link};

/// How long to wait where no connection can be accepted (no more file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How long a request may still take to come, once a listener is stopping.
pub const LATE: Duration = Duration::from_secs(1);

/// How a listener ends.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Cancelled where it is to accept nothing more, and to let requests in flight come to an end.
    pub stopping: CancellationToken,
    /// How long they may take for it.
    pub grace: Duration,
    /// Cancelled where everything is to end at once: `stopping` is a child of it.
    pub ending: CancellationToken,
}

/// Accepts connections and serves them, until it is told to end and all it has started has ended.
/// Connections that outlast their grace are cut.
pub async fn run<A: Answering>(listener: TcpListener, answering: Arc<A>, ends: Ends) {
    Server::new(answering, ends).run(listener).await;
}

/// The address that a client on this machine can connect to: an unspecified one stands for all.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Ends {
    /// Ends where a connection is to be cut: with everything, or where it has brought no request by the
    /// time that there must be one.
    async fn cut(self, link: Link) {
        self.stopping.cancelled().await;
        if timeout(LATE, self.ending.cancelled()).await.is_err() && link.was_asked() {
            self.ending.cancelled().await;
        }
    }
}

/// The accept loop and all that it has started. Whatever it starts ends with `ending`.
struct Server<A> {
    answering: Arc<A>,
    connections: TaskTracker,
    ends: Ends,
    http: auto::Builder<Tasks>,
}

impl<A: Answering> Server<A> {
    fn new(answering: Arc<A>, ends: Ends) -> Self {
        let connections = TaskTracker::new();
        let mut http = auto::Builder::new(Tasks { tracker: connections.clone(), ending: ends.ending.clone() });
        http.http1().auto_date_header(A::TELLS_DATE).half_close(answering.answers_half_closed());
        http.http2().auto_date_header(A::TELLS_DATE);
        Self { answering, connections, ends, http }
    }

    async fn run(self, listener: TcpListener) {
        let graceful = GracefulShutdown::new();
        while let Some(accepted) = self.ends.stopping.run_until_cancelled(listener.accept()).await {
            if let Ok((stream, _)) = accepted {
                self.serve(stream, graceful.watcher());
            } else {
                self.answering.not_accepted();
                sleep(ACCEPT_PAUSE).await;
            }
        }
        drop(listener);
        let drained = self.ends.ending.run_until_cancelled(timeout(self.ends.grace, graceful.shutdown())).await;
        // Who is not done by now is cut off below. Connections that were cut have ended as well.
        if matches!(drained, Some(Ok(()))) && !self.ends.ending.is_cancelled() {
            self.answering.drained();
        }
        self.connections.close();
        self.ends.ending.cancel();
        self.connections.wait().await;
    }

    /// Serves one connection on a task of its own.
    fn serve(&self, stream: TcpStream, watcher: Watcher) {
        self.answering.accepted();
        if stream.set_nodelay(true).is_err() {
            // The client is gone already.
            return;
        }
        let (answering, link) = (Arc::clone(&self.answering), Link::default());
        let wire = TokioIo::new(Wire::new(stream, link.clone()));
        let cut = self.ends.clone().cut(link.clone());
        let answer = service_fn(move |request| {
            link.asked();
            Arc::clone(&answering).answer(request, link.clone())
        });
        let connection = watcher.watch(self.http.serve_connection(wire, answer).into_owned());
        // How a connection ends is the client's matter, or that of whoever cuts it.
        self.connections.spawn(async move {
            tokio::select! {
                biased;
                () = cut => {}
                _ = connection => {}
            }
        });
    }
}

/// Runs what HTTP/2 does beside its connection, so that it ends with the listener too.
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
