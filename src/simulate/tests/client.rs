//! A client that shows every byte and every way in which a connection can end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::{Options, Simulator};

/// A simulator on a free port of the loopback interface.
pub(super) async fn start(options: Options) -> Simulator {
    Simulator::start(options, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// Waits until a condition holds, but not for ever.
pub(super) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap();
}

/// A chat request for a prompt.
pub(super) fn chat(prompt: &str) -> String {
    format!(r#"{{"model":"openai/gpt-5-mini","messages":[{{"role":"user","content":"{prompt}"}}]}}"#)
}

/// The same, asking for a stream.
pub(super) fn streamed_chat(prompt: &str) -> String {
    chat(prompt).replacen('{', r#"{"stream":true,"#, 1)
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    /// How the body ended, where it did not end as it should.
    pub(super) end: Result<(), io::ErrorKind>,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The data of a stream's events, without the last one, and whether that one is `[DONE]`.
    pub(super) fn events(&self) -> (Vec<Value>, bool) {
        let text = self.text();
        let mut data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let is_done = data.pop_if(|last| *last == "[DONE]").is_some();
        (data.into_iter().map(|data| serde_json::from_str(data).unwrap()).collect(), is_done)
    }
}

/// A connection that is kept open.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), received: Vec::new() }
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        request.extend(["\r\n", body]);
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Sends the head of a request whose body never follows.
    pub(super) async fn send_head(&mut self, method: &str, path: &str, length: usize) {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// Fails where the connection ends before the reply's headers have come.
    pub(super) async fn receive(&mut self) -> io::Result<Answered> {
        let head_end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.read_more().await?;
        };
        let head: Vec<u8> = self.received.drain(..head_end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let (mut body, mut end) = (Vec::new(), Ok(()));
        if let Some(length) = headers.get("content-length") {
            let length: usize = length.parse().unwrap();
            end = self.fill(length).await;
            body.extend(self.received.drain(..length.min(self.received.len())));
        } else {
            loop {
                match self.chunk().await {
                    Ok(chunk) if chunk.is_empty() => break,
                    Ok(chunk) => body.extend(chunk),
                    Err(kind) => {
                        end = Err(kind);
                        break;
                    }
                }
            }
        }
        Ok(Answered { status, headers, body, end })
    }

    async fn chunk(&mut self) -> Result<Vec<u8>, io::ErrorKind> {
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

    async fn fill(&mut self, length: usize) -> Result<(), io::ErrorKind> {
        while self.received.len() < length {
            self.read_more().await.map_err(|error| error.kind())?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Sends a request on a connection of its own.
///
/// # Errors
/// Fails where the connection ends before the reply's headers have come.
pub(super) async fn try_ask(
    simulator: &Simulator,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answered> {
    let mut connection = Connection::open(simulator.address()).await;
    let method = if body.is_empty() { "GET" } else { "POST" };
    connection.send(method, path, headers, body).await;
    connection.receive().await
}

/// Sends a request without headers of its own that gets a reply.
pub(super) async fn ask(simulator: &Simulator, path: &str, body: &str) -> Answered {
    try_ask(simulator, path, &[], body).await.unwrap()
}

/// Sends a chat request the way the gateway is addressed.
pub(super) async fn ask_chat(simulator: &Simulator, body: &str) -> Answered {
    let base = simulator.base_url();
    let (_, path) = base.split_once("/v1/").unwrap();
    ask(simulator, &format!("/v1/{path}/v1/chat/completions"), body).await
}
