//! What is still under way when a test is done with its server.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::upstream::{Keys, answer, take};
use super::*;
use crate::model::{Attempt, End};

/// Longer than it takes to end a server that waits for nobody, and shorter than it would wait.
const SOON: Duration = Duration::from_secs(20);

/// A server that takes one request, and answers it when it is told to.
struct Held {
    address: SocketAddr,
    received: Option<oneshot::Receiver<()>>,
    release: mpsc::Sender<()>,
}

impl Held {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (receive, received) = oneshot::channel();
        let (release, released) = mpsc::channel();
        thread::spawn(move || {
            let request = take(listener.accept().unwrap().0, &Keys::default());
            receive.send(()).unwrap();
            // Where nobody releases it, it is never answered.
            if released.recv().is_ok() {
                answer(request, 0);
            }
        });
        Self { address, received: Some(received), release }
    }

    fn environment(&self) -> Environment {
        environment(&[(MODE, "record"), (BASE_URL, &format!("http://{}/v1", self.address))])
    }

    fn received(&mut self) -> oneshot::Receiver<()> {
        self.received.take().unwrap()
    }

    /// Answers as soon as a server has begun to end.
    fn release_at_the_end_of(&self, server: &FixtureServer) {
        let (address, release) = (server.address(), self.release.clone());
        thread::spawn(move || {
            while TcpStream::connect(address).is_ok() {
                thread::yield_now();
            }
            release.send(()).unwrap();
        });
    }
}

async fn ask(base_url: String) -> (u16, String) {
    _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let sent = client.post(format!("{base_url}/chat/completions")).body(chat("why?")).send().await.unwrap();
    (sent.status().as_u16(), sent.text().await.unwrap())
}

/// What is recorded where a fixture holds one exchange.
fn only(path: &Path) -> Attempt {
    let [exchange] = held(path).try_into().unwrap();
    exchange.attempt
}

/// Where a fixture is to be made, and what keeps its directory.
fn place() -> (Places, PathBuf) {
    let places = Places::new();
    let [path, _] = places.both();
    (places, path)
}

/// A server that records what is held up until the test releases it.
fn recording(path: &Path) -> (Held, FixtureServer) {
    let upstream = Held::new();
    let server = Fixture::at(path).session("one").serve_in(&upstream.environment()).unwrap();
    (upstream, server)
}

/// Drops a server when a client has left whose runtime has not been told yet.
async fn give_up(path: PathBuf) {
    let (mut upstream, server) = recording(&path);
    tokio::select! {
        answered = ask(server.base_url()) => panic!("{answered:?}"),
        received = upstream.received() => received.unwrap(),
    }
    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_client_that_gave_up_is_recorded_as_one_in_every_runtime() {
    let places = Places::new();
    let path = |name: &str| places.0.path().join(name);
    current_thread().block_on(give_up(path("one")));
    multi_thread().block_on(give_up(path("many")));
    let in_task = path("task");
    multi_thread().block_on(async { tokio::spawn(give_up(in_task)).await.unwrap() });
    for name in ["one", "many", "task"] {
        assert!(only(&path(name)).is_given_up(), "{name}");
    }
}

#[test]
fn a_thread_that_waits_for_an_answer_gets_it() {
    let (_places, path) = place();
    let (mut upstream, server) = recording(&path);
    let base_url = server.base_url();
    let waiting = thread::spawn(move || current_thread().block_on(ask(base_url)));
    upstream.received().blocking_recv().unwrap();
    upstream.release_at_the_end_of(&server);
    drop(server);
    assert_eq!(waiting.join().unwrap().0, 200);
    assert_eq!(only(&path).reply.unwrap().end, End::Complete);
}

#[tokio::test]
async fn a_task_that_waits_for_an_answer_gets_it_where_the_end_is_awaited() {
    let (_places, path) = place();
    let (mut upstream, server) = recording(&path);
    let waiting = tokio::spawn(ask(server.base_url()));
    upstream.received().await.unwrap();
    upstream.release_at_the_end_of(&server);
    assert_eq!(tokio::spawn(server.finish_async()).await.unwrap().unwrap().live, 1);
    assert_eq!(waiting.await.unwrap().0, 200);
    assert_eq!(only(&path).reply.unwrap().end, End::Complete);
    let gateway = Fixture::at(&path).session("one").gateway_in(&silent()).unwrap();
    assert_eq!(gateway.finish_async().await.unwrap().unused, 1);
}

#[tokio::test]
async fn whoever_stops_awaiting_the_end_drops_the_server() {
    let (_places, path) = place();
    let (mut upstream, server) = recording(&path);
    let waiting = tokio::spawn(ask(server.base_url()));
    upstream.received().await.unwrap();
    tokio::select! {
        biased;
        finished = server.finish_async() => panic!("{finished:?}"),
        () = std::future::ready(()) => {}
    }
    assert!(waiting.await.is_err());
    assert!(only(&path).is_given_up());
}
