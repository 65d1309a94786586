//! Servers on the loopback interface: real ones that speak HTTP, and ones that play bytes.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(super) const ANSWER: &str =
    r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}"#;

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    Http1,
    Http1Tls,
    /// HTTP/2 over TLS, with so many streams at once allowed on a connection.
    Http2Tls(u32),
    /// HTTP/2 over TLS, on connections that retire in order after so many requests.
    Http2Retiring(usize),
}

/// A server that stops when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    /// How many requests came, with the whole of their bodies.
    pub(super) requests: Arc<AtomicUsize>,
    /// The certificate, as a file.
    pub(super) certificate: NamedTempFile,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers every request after a while.
    pub(super) async fn answering(speaks: Speaks, after: Duration) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let serve = move |stream: Stream| serve(stream, speaks, after, Arc::clone(&counted));
        let mut server =
            Self::of(speaks != Speaks::Http1, matches!(speaks, Speaks::Http2Tls(_) | Speaks::Http2Retiring(_)), serve)
                .await;
        server.requests = requests;
        server
    }

    /// Gives every plain connection to a function.
    pub(super) async fn playing<F, P>(play: P) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        P: Fn(TcpStream) -> F + Send + Sync + 'static,
    {
        Self::of(false, false, move |stream| match stream {
            Stream::Plain(stream) => play(stream),
            Stream::Tls(_) => unreachable!("this server speaks no TLS"),
        })
        .await
    }

    /// Gives every connection to a function after a TLS handshake that settled on HTTP/2.
    pub(super) async fn playing_http2<F, P>(play: P) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        P: Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
    {
        Self::of(true, true, move |stream| match stream {
            Stream::Tls(stream) => play(*stream),
            Stream::Plain(_) => unreachable!("this server speaks TLS alone"),
        })
        .await
    }

    async fn of<F, P>(tls: bool, http2: bool, play: P) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        P: Fn(Stream) -> F + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (acceptor, certificate) = identity(http2);
        let (counted, play) = (Arc::clone(&connections), Arc::new(play));
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, play) = (acceptor.clone(), Arc::clone(&play));
                running.spawn(async move {
                    stream.set_nodelay(true).unwrap();
                    if !tls {
                        return play(Stream::Plain(stream)).await;
                    }
                    // A client that does not trust the certificate ends the handshake.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        play(Stream::Tls(Box::new(stream))).await;
                    }
                });
            }
        });
        Self { address, connections, requests: Arc::default(), certificate, task }
    }

    pub(super) fn http(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(super) fn https(&self) -> String {
        format!("https://localhost:{}/v1", self.address.port())
    }
}

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

async fn serve(stream: Stream, speaks: Speaks, after: Duration, requests: Arc<AtomicUsize>) {
    match stream {
        Stream::Plain(stream) => serve_on(stream, speaks, after, requests).await,
        Stream::Tls(stream) => {
            let rest = duplicate(stream.get_ref().0);
            serve_on(*stream, speaks, after, requests).await;
            drain(rest).await;
        }
    }
}

/// The same connection once more, which stays open until both of them are dropped.
fn duplicate(stream: &TcpStream) -> TcpStream {
    let descriptor = stream.as_fd().try_clone_to_owned().unwrap();
    TcpStream::from_std(descriptor.into()).unwrap()
}

/// Ends a connection as servers do that lose nothing: what a client still sends is read until it has
/// ended too. Closed with that unread it would be reset, and the client lose what was said last.
async fn drain(mut stream: TcpStream) {
    _ = stream.shutdown().await;
    _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

async fn serve_on<S>(stream: S, speaks: Speaks, after: Duration, requests: Arc<AtomicUsize>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let retires = Arc::new(Notify::new());
    let (mine, retire) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&retires));
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let (requests, mine, retire) = (Arc::clone(&requests), Arc::clone(&mine), Arc::clone(&retire));
        async move {
            if matches!(speaks, Speaks::Http2Retiring(after) if mine.fetch_add(1, Ordering::SeqCst) + 1 == after) {
                retire.notify_one();
            }
            if request.into_body().collect().await.is_ok() {
                requests.fetch_add(1, Ordering::SeqCst);
            }
            tokio::time::sleep(after).await;
            Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
        }
    });
    let stream = TokioIo::new(stream);
    // How a connection ends is the client's matter here.
    let _ = match speaks {
        Speaks::Http1 | Speaks::Http1Tls => {
            hyper::server::conn::http1::Builder::new().serve_connection(stream, answer).await
        }
        Speaks::Http2Tls(streams) => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(streams)
                .serve_connection(stream, answer)
                .await
        }
        Speaks::Http2Retiring(_) => {
            let mut connection =
                pin!(hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, answer));
            tokio::select! {
                () = retires.notified() => connection.as_mut().graceful_shutdown(),
                ended = &mut connection => return drop(ended),
            }
            connection.await
        }
    };
}

fn identity(http2: bool) -> (TlsAcceptor, NamedTempFile) {
    let identity = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(identity.cert.pem().as_bytes()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(identity.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    (TlsAcceptor::from(Arc::new(config)), file)
}

/// Reads one HTTP/1.1 request, head and body, as it is on the wire.
pub(super) async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap();
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read);
        let body = text.split_once("\r\n\r\n").map(|(head, body)| (content_length(head), body.len()));
        if length == 0 || body.is_some_and(|(expected, length)| length >= expected) {
            return text.into_owned();
        }
    }
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.parse().unwrap())
}

/// Reads a request and writes bytes for an answer.
pub(super) async fn answer_with(mut stream: TcpStream, answer: impl AsRef<[u8]>) -> TcpStream {
    read_request(&mut stream).await;
    stream.write_all(answer.as_ref()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}
