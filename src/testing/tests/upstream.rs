//! A server that requests are sent to, to be recorded.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::environment::{BASE_URL, MODE};
use super::{Environment, environment};

/// A server that answers each request with an answer of its own, as long as the process lives.
pub(super) struct Upstream {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    keys: Keys,
}

/// What each request has shown who asks by.
pub(super) type Keys = Arc<Mutex<Vec<String>>>;

impl Upstream {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream =
            Self { address: listener.local_addr().unwrap(), requests: Arc::default(), keys: Keys::default() };
        let (requests, keys) = (Arc::clone(&upstream.requests), Arc::clone(&upstream.keys));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (requests, keys) = (Arc::clone(&requests), Arc::clone(&keys));
                let number = move || requests.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || answer(take(stream.unwrap(), &keys), number()));
            }
        });
        upstream
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// An environment that says to record there.
    pub(super) fn environment(&self, mode: &str) -> Environment {
        environment(&[(MODE, mode), (BASE_URL, &self.base_url())])
    }

    /// What the requests have shown who asks by.
    pub(super) fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap().clone()
    }

    /// How many requests it has had.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads one request.
pub(super) fn take(stream: TcpStream, keys: &Keys) -> TcpStream {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some((_, key)) = line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            keys.lock().unwrap().push(key.trim_end().to_owned());
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.into_inner()
}

/// Answers it.
pub(super) fn answer(mut stream: TcpStream, number: usize) {
    let text = format!(r#"{{"choices":[{{"message":{{"content":"answer {number}"}},"finish_reason":"stop"}}]}}"#);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{text}", text.len()).unwrap();
}
