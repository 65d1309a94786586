//! What the server sends to: each request is a test's to answer, byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::client::PATIENCE;

/// A server whose requests are a test's to answer.
pub(super) struct Upstream {
    listener: TcpListener,
}

/// A request that came.
pub(super) struct Received {
    /// The head, lines in lower case as they came.
    pub(super) head: String,
    pub(super) body: String,
    stream: TcpStream,
}

impl Upstream {
    pub(super) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next request, on a connection of its own.
    pub(super) async fn receive(&self) -> Received {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("a request is sent").unwrap();
        stream.set_nodelay(true).unwrap();
        Received::read(stream).await
    }
}

impl Received {
    async fn read(mut stream: TcpStream) -> Self {
        let mut read = Vec::new();
        loop {
            assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the request comes to its end");
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Self { head: head.to_owned(), body: body.to_owned(), stream };
            }
        }
    }

    /// The value of a header of the request.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes the head of a stream.
    pub(super) async fn begin_stream(&mut self) {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    }

    pub(super) async fn chunk(&mut self, piece: &str) {
        self.write(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
    }

    /// Ends a stream.
    pub(super) async fn end_stream(mut self) {
        self.write("0\r\n\r\n").await;
        // The connection is kept until the other side closes it, so that nothing of it is lost.
        self.closed().await;
    }

    /// Answers with a body in one piece, and closes the connection.
    pub(super) async fn answer(mut self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let length = body.as_ref().len();
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.write([head.as_bytes(), body.as_ref()].concat()).await;
    }

    /// Waits until the server has closed the connection.
    pub(super) async fn closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ended = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("the connection is closed");
    }
}
