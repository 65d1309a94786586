//! A gateway that does what a test says, byte for byte.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::{Destination, Step};

/// What keeps the pieces of a stream apart.
const PAUSE: Duration = Duration::from_millis(15);

const EVENT_STREAM: &str = "content-type: text/event-stream\r\n";

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The request line and the header lines.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// When it was read to its end.
    pub(crate) at: Instant,
    /// How many times this body has come, this time among them.
    pub(crate) times: usize,
}

/// What is done with a request.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// A whole answer: status, more header lines, body.
    Answer(u16, &'static str, String),
    /// The head of an answer that promises a hundred bytes more than the body has, then the end.
    CutShort(String),
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// Nothing, for as long as the gateway lives.
    Silence,
    /// A reset of the connection.
    Reset,
    /// An event stream in pieces, each sent by itself after a short pause, and how it ends.
    Stream(Vec<Vec<u8>>, Ends),
    /// The header lines of an answer in chunks, what it does one after the other, and how it ends.
    Steps(&'static str, Vec<Step>, Ends),
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// As HTTP has it.
    Well,
    /// The connection is closed within it.
    Cut,
    /// Not at all, while the client waits.
    Never,
}

/// A gateway that does what a test says, until it is dropped.
pub(crate) struct FaultyGateway {
    port: u16,
    journal: Arc<Journal>,
    _runtime: Runtime,
}

#[derive(Debug, Default)]
struct Journal {
    received: Mutex<Vec<Received>>,
    hung_up: AtomicUsize,
}

impl Received {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Play {
    /// A good answer with a text.
    pub(crate) fn good(text: &str) -> Self {
        let body = serde_json::json!({
            "id": "gen-1", "object": "chat.completion", "model": "served/model", "provider": "Nobody",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.25},
        });
        Self::Answer(200, "", body.to_string())
    }
}

impl Destination for FaultyGateway {
    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }
}

impl FaultyGateway {
    /// A gateway whose every request is handed to a function that says what to do.
    pub(crate) fn new(script: impl Fn(&Received) -> Play + Send + Sync + 'static) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let journal = Arc::new(Journal::default());
        let (kept, script) = (Arc::clone(&journal), Arc::new(script));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (journal, script) = (Arc::clone(&kept), Arc::clone(&script));
                tokio::spawn(async move { serve(stream, &journal, &*script).await });
            }
        });
        Self { port, journal, _runtime: runtime }
    }

    /// All that it has received, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.journal.received.lock().unwrap().clone()
    }

    /// How many clients have hung up within an answer in steps.
    pub(crate) fn hung_up(&self) -> usize {
        self.journal.hung_up.load(Ordering::SeqCst)
    }
}

impl Journal {
    fn add(&self, head: String, body: Vec<u8>) -> Received {
        let mut received = self.received.lock().unwrap();
        let times = received.iter().filter(|earlier| earlier.body == body).count() + 1;
        let new = Received { head, body, at: Instant::now(), times };
        received.push(new.clone());
        new
    }
}

async fn serve(mut stream: TcpStream, journal: &Journal, script: &(impl Fn(&Received) -> Play + Sync)) {
    let mut unread = Vec::new();
    while let Some((head, body)) = read(&mut stream, &mut unread).await {
        let received = journal.add(head, body);
        let (answer, goes_on) = match script(&received) {
            Play::Answer(status, headers, body) => (answer(status, headers, &body, body.len()), true),
            Play::CutShort(body) => (answer(200, "", &body, body.len() + 100), false),
            Play::Raw(bytes) => (bytes, false),
            Play::Silence => std::future::pending().await,
            Play::Reset => return stream.set_zero_linger().unwrap(),
            Play::Stream(pieces, ends) => {
                let steps = pieces.into_iter().flat_map(|piece| [Step::Rest(PAUSE), Step::Send(piece)]).collect();
                match send(&mut stream, EVENT_STREAM, steps, ends).await {
                    Ok(()) if ends == Ends::Well => continue,
                    _ => return,
                }
            }
            Play::Steps(headers, steps, ends) => match send(&mut stream, headers, steps, ends).await {
                Ok(()) if ends == Ends::Well => continue,
                Ok(()) => return,
                Err(_) => {
                    journal.hung_up.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            },
        };
        if stream.write_all(&answer).await.is_err() || !goes_on {
            return;
        }
    }
}

/// Fails where the client has hung up.
async fn send(stream: &mut TcpStream, headers: &str, steps: Vec<Step>, ends: Ends) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let head = format!("HTTP/1.1 200 OK\r\n{headers}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    for step in steps {
        step.take(stream).await?;
    }
    match ends {
        Ends::Well => stream.write_all(b"0\r\n\r\n").await,
        Ends::Cut => Ok(()),
        Ends::Never => Step::gone(stream).await,
    }
}

fn answer(status: u16, headers: &str, body: &str, length: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\n{headers}");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Reads one request; none where the client has gone.
async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, unread).await?;
    };
    let head = String::from_utf8(unread[..end].to_vec()).unwrap();
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:").map(|length| length.trim().parse::<usize>().unwrap()));
    let whole = end + length.unwrap_or(0);
    while unread.len() < whole {
        more(stream, unread).await?;
    }
    let rest = unread.split_off(whole);
    let body = std::mem::replace(unread, rest).split_off(end);
    Some((head, body))
}

async fn more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(unread).await.ok()?;
    (read > 0).then_some(())
}
