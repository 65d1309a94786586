//! A client that shows every byte, every piece, and every way in which a connection can end.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes, so that a test which hangs fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The head of a reply.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Name and value of each line, in order.
    pub(super) lines: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) head: Head,
    /// The chunks of the body, or all of it; each with the time when it had come.
    pub(super) pieces: Vec<(Vec<u8>, Instant)>,
    /// How the body ended, where it did not end as it should.
    pub(super) end: Result<(), io::ErrorKind>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Answered {
    pub(super) fn status(&self) -> u16 {
        self.head.status
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub(super) fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(piece, _)| piece.iter().copied()).collect()
    }

    pub(super) fn pieces(&self) -> Vec<String> {
        self.pieces.iter().map(|(piece, _)| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The message of an error in `OpenAI`'s shape.
    pub(super) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// A connection that is kept open.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), received: Vec::new() }
    }

    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes a last request, and closes the half of the connection that is written to.
    pub(super) async fn write_last(&mut self, bytes: impl AsRef<[u8]>) {
        self.write(bytes).await;
        self.stream.shutdown().await.unwrap();
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        self.write(request(method, path, headers, body)).await;
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// Fails where the connection ends before the reply's head has come.
    pub(super) async fn receive(&mut self) -> io::Result<Answered> {
        let head = self.head().await?;
        Ok(self.rest(head).await)
    }

    /// Reads a reply's head.
    ///
    /// # Errors
    /// Fails where the connection ends before.
    pub(super) async fn head(&mut self) -> io::Result<Head> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.read_more().await?;
        };
        let head: Vec<u8> = self.received.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let lines = lines.filter_map(|line| line.split_once(": "));
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Head { status, lines })
    }

    /// Reads a body to its end.
    pub(super) async fn rest(&mut self, head: Head) -> Answered {
        let (mut pieces, mut end) = (Vec::new(), Ok(()));
        if let Some(length) = head.header("content-length") {
            let length: usize = length.parse().unwrap();
            end = self.fill(length).await;
            let body: Vec<u8> = self.received.drain(..length.min(self.received.len())).collect();
            pieces.push((body, Instant::now()));
        } else if head.header("transfer-encoding").is_some() {
            loop {
                match self.chunk().await {
                    Ok(chunk) if chunk.is_empty() => break,
                    Ok(chunk) => pieces.push((chunk, Instant::now())),
                    Err(kind) => {
                        end = Err(kind);
                        break;
                    }
                }
            }
        }
        Answered { head, pieces, end }
    }

    /// Reads one chunk of a body.
    pub(super) async fn chunk(&mut self) -> Result<Vec<u8>, io::ErrorKind> {
        let line_end = loop {
            if let Some(end) = self.received.windows(2).position(|window| window == b"\r\n") {
                break end;
            }
            self.read_more().await.map_err(|error| error.kind())?;
        };
        let length = usize::from_str_radix(std::str::from_utf8(&self.received[..line_end]).unwrap(), 16).unwrap();
        self.fill(line_end + 2 + length + 2).await?;
        let chunk: Vec<u8> = self.received.drain(..line_end + 2 + length + 2).collect();
        Ok(chunk[line_end + 2..chunk.len() - 2].to_vec())
    }

    /// Reads until the connection ends, and says how it did where that was no end in order.
    pub(super) async fn until_the_end(&mut self) -> (Vec<u8>, Option<io::ErrorKind>) {
        let end = loop {
            if let Err(error) = self.read_more().await {
                break Some(error.kind()).filter(|kind| *kind != io::ErrorKind::UnexpectedEof);
            }
        };
        (std::mem::take(&mut self.received), end)
    }

    /// Reads until so many bytes have come that nothing has taken.
    pub(super) async fn fill(&mut self, length: usize) -> Result<(), io::ErrorKind> {
        while self.received.len() < length {
            self.read_more().await.map_err(|error| error.kind())?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await.expect("the server says something")? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The bytes of a request.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    if !body.is_empty() {
        lines.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let host = if headers.iter().any(|(name, _)| *name == "host") { "" } else { "host: localhost\r\n" };
    format!("{method} {path} HTTP/1.1\r\n{host}{lines}\r\n{body}")
}

/// Sends a request on a connection of its own that gets a reply.
pub(super) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<String>,
) -> Answered {
    let mut connection = Connection::open(address).await;
    connection.send(method, path, headers, &body.into()).await;
    connection.receive().await.unwrap()
}

/// Posts a chat request for a prompt on a connection of its own that gets a reply.
pub(super) async fn chat(address: SocketAddr, prompt: &str) -> Answered {
    ask(address, "POST", "/v1/chat/completions", &[], body(prompt)).await
}

/// The body of a chat request.
pub(super) fn body(prompt: &str) -> String {
    format!(r#"{{"model":"test/model","messages":[{{"role":"user","content":"{prompt}"}}]}}"#)
}

/// Waits until a condition holds, but not for ever.
pub(super) async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("the condition comes to hold");
}
