//! What a replay by the server costs, measured in one run on one machine.
//!
//! `cargo bench --bench serve` takes about two minutes and prints a table: CPU a JSON replay beside a
//! bare hyper server that answers a constant, at 100, 10,000 and 100,000 recordings, of a store and
//! of a fixture; streams of 30 pieces a second; how soon the server answers; and its memory.
//!
//! The servers run in processes of their own, whose CPU time the system tells. They are asked in
//! turns, a short while each, so that whatever else the machine does is shared among them, and the
//! figures are medians over the turns. The clients never sleep: to wake one that does costs a server
//! some microseconds, more on a virtual machine, and says nothing about it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot measure says so and ends")]
#![expect(clippy::cast_precision_loss, reason = "figures for people have fewer digits than a double")]

use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use nightreel::model::{Attempt, Chunk, Class, End, Endpoint, Exchange, Header, KeyRules, Reply, Request, Timing};
use nightreel::store::{Access, NewRun, Store, write_fixture};

const NIGHTREEL: &str = env!("CARGO_BIN_EXE_nightreel");
/// How many connections ask at once.
const CLIENTS: usize = 8;
/// How many turns each server gets, and how many requests in each.
const TURNS: usize = 40;
const REQUESTS: usize = 2_000;
/// How many pieces a stream has.
const PIECES: usize = 30;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "bare") {
        bare();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "bare hyper, a constant".to_owned();
    let mut servers =
        vec![Server::start(&mut Command::new(std::env::current_exe().unwrap()), &["bare"], name, 100, json)];
    for (kind, make) in [("store", store as fn(&Path, usize)), ("fixture", fixture)] {
        for count in [100, 10_000, 100_000] {
            let path = directory.path().join(format!("{kind}-{count}.db"));
            make(&path, count);
            let mib = fs::metadata(&path).unwrap().len() as f64 / 1_048_576.0;
            servers.push(serve(&path, format!("{kind} of {count} recordings ({mib:.1} MiB)"), count, json));
        }
    }
    let path = directory.path().join("streams.db");
    write_fixture(&path, (0..100).map(|number| exchange(number, true))).unwrap();
    servers.push(serve(&path, format!("streams of {PIECES} pieces"), 100, stream));
    for turn in 0..TURNS {
        let count = servers.len();
        (0..count).for_each(|place| servers[(place + turn) % count].take_turn());
    }
    let smallest = |kind: &str| servers.iter().find(|server| server.name.starts_with(kind)).unwrap_or(&servers[0]);
    for server in &servers {
        server.print(&servers[0], smallest(server.name.split(' ').next().unwrap_or_default()));
    }
}

fn serve(path: &Path, name: String, recordings: usize, request: fn(usize) -> String) -> Server {
    let path = path.to_str().unwrap();
    let arguments = ["serve", "--store", path, "--mode", "replay", "--policy", "cycle", "--listen", "127.0.0.1:0"];
    Server::start(&mut Command::new(NIGHTREEL), &arguments, name, recordings, request)
}

/// A server process, and what its requests have cost.
struct Server {
    child: Child,
    address: String,
    _stdout: Box<dyn Read>,
    name: String,
    recordings: usize,
    request: fn(usize) -> String,
    first_answer_ms: u128,
    idle_kib: u64,
    asked: usize,
    /// CPU a request in each turn, in microseconds.
    costs_us: Vec<f64>,
}

impl Server {
    fn start(
        command: &mut Command,
        arguments: &[&str],
        name: String,
        recordings: usize,
        request: fn(usize) -> String,
    ) -> Self {
        let begun = Instant::now();
        let command = command.args(arguments).env_remove("CI").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        let address = url.trim().trim_start_matches("http://").split('/').next().unwrap().to_owned();
        let mut connection = Connection::open(&address);
        connection.send(&request(0));
        while connection.reply().is_none() {}
        let first_answer_ms = begun.elapsed().as_millis();
        let mut server = Self {
            child,
            address,
            _stdout: Box::new(stdout),
            name,
            recordings,
            request,
            first_answer_ms,
            idle_kib: 0,
            asked: 1,
            costs_us: Vec::new(),
        };
        server.idle_kib = server.memory_kib();
        server
    }

    /// Asks for some recordings, each for the first time as long as there are any.
    fn take_turn(&mut self) {
        let mut connections: Vec<_> = (0..CLIENTS).map(|_| Connection::open(&self.address)).collect();
        let before_us = self.cpu_us();
        let (mut sent, mut received) = (0, 0);
        while received < REQUESTS {
            for connection in &mut connections {
                if connection.is_waiting {
                    let Some(reply) = connection.reply() else { continue };
                    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
                    received += 1;
                }
                if sent < REQUESTS {
                    // A prime step visits all recordings in an order that no cache foresees.
                    connection.send(&(self.request)(self.asked * 7_919 % self.recordings));
                    self.asked += 1;
                    sent += 1;
                }
            }
        }
        self.costs_us.push((self.cpu_us() - before_us) / REQUESTS as f64);
    }

    /// Prints what was measured, beside a bare server and the server of its kind with the fewest recordings:
    /// turn by turn, since the machine is faster in some than in others.
    fn print(&self, bare: &Self, smallest: &Self) {
        let cost_us = median(self.costs_us.iter().copied());
        let beside = |other: &Self| median(self.costs_us.iter().zip(&other.costs_us).map(|(own, other)| own / other));
        let (of_bare, of_smallest) = (beside(bare), beside(smallest));
        println!(
            "{:<46} {cost_us:>6.1} µs CPU, {of_bare:.2} × bare, {of_smallest:.2} × the fewest, {:>6.0} a second of one core, first answer after {:>3} \
             ms, {:>5.1} MiB then {:.1}",
            self.name,
            1e6 / cost_us,
            self.first_answer_ms,
            self.idle_kib as f64 / 1024.0,
            self.memory_kib() as f64 / 1024.0,
        );
    }

    /// The CPU time that the process's threads have taken so far.
    fn cpu_us(&self) -> f64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let nanoseconds = threads.map(|thread| of(thread.unwrap()).split(' ').next().unwrap().parse().unwrap_or(0_u64));
        nanoseconds.sum::<u64>() as f64 / 1e3
    }

    fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A connection that is kept, and looked at without waiting.
struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    is_waiting: bool,
}

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, received: Vec::new(), is_waiting: false }
    }

    fn send(&mut self, request: &str) {
        self.stream.write_all(request.as_bytes()).unwrap();
        self.is_waiting = true;
    }

    /// The reply, once all of it is there.
    fn reply(&mut self) -> Option<String> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the server hung up"),
            Ok(length) => self.received.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("{error}"),
        }
        let text = str::from_utf8(&self.received).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let lengths = head.lines().filter_map(|line| line.split_once(':'));
        let length = lengths.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let is_whole = match length {
            Some((_, length)) => body.len() == length.trim().parse::<usize>().unwrap(),
            None => body.ends_with("\r\n0\r\n\r\n"),
        };
        if !is_whole {
            return None;
        }
        let reply = text.to_owned();
        self.received.clear();
        self.is_waiting = false;
        Some(reply)
    }
}

fn body(number: usize, stream: bool) -> String {
    format!(
        "{{\"model\":\"bench/model\",\"messages\":[{{\"role\":\"system\",\"content\":\"Answer in one sentence.\"}},\
         {{\"role\":\"user\",\"content\":\"What is the sum of {number} and 17, and why does it matter to the harbour \
         master?\"}}],\"temperature\":0,\"max_tokens\":64,\"stream\":{stream}}}"
    )
}

fn post(body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         authorization: Bearer replay\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn json(number: usize) -> String {
    post(&body(number, false))
}

fn stream(number: usize) -> String {
    post(&body(number, true))
}

fn answer(number: usize) -> String {
    format!(
        "{{\"id\":\"gen-1780944464-{number}\",\"object\":\"chat.completion\",\"created\":1780944464,\"model\":\
         \"bench/model\",\"provider\":\"Bench\",\"choices\":[{{\"index\":0,\"finish_reason\":\"stop\",\"message\":\
         {{\"role\":\"assistant\",\"content\":\"This is answer {number}: the harbour master counts what comes in by \
         night.\"}}}}],\"usage\":{{\"prompt_tokens\":40,\"completion_tokens\":20,\"total_tokens\":60,\"cost\":0.0001,\
         \"prompt_tokens_details\":{{\"cached_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}}}"
    )
}

fn events(number: usize) -> Vec<String> {
    let event = |piece| {
        format!(
            "data: {{\"id\":\"gen-{number}\",\"object\":\"chat.completion.chunk\",\"created\":1780944361,\"model\":\
             \"bench/model\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"word {piece} \"}},\
             \"finish_reason\":null}}]}}\n\n"
        )
    };
    (1..PIECES).map(event).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn exchange(number: usize, streams: bool) -> Exchange {
    let body = Bytes::from(body(number, streams));
    let request = Request::new(Endpoint::ChatCompletions, "bench/model".into(), body, &KeyRules::default()).unwrap();
    let pieces = if streams { events(number) } else { Vec::new() };
    let offsets = (1_u64..).map(|piece| piece * 20_000);
    let chunks =
        pieces.iter().zip(offsets).map(|(piece, offset_us)| Chunk { offset_us, length: piece.len() }).collect();
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
    let kind = if streams { "text/event-stream" } else { "application/json" };
    let reply = Reply {
        status: 200,
        headers: vec![header("content-type", kind), header("x-generation-id", &format!("gen-{number}"))],
        body: if streams { pieces.concat() } else { answer(number) }.into(),
        chunks,
        end: End::Complete,
    };
    let attempt = Attempt {
        number: 1,
        sent_at_ms: 1_780_944_464_000,
        timing: Timing { queued_us: 0, first_byte_us: 20_000, total_us: 700_000 },
        reply: Ok(reply),
        class: Class::Answered,
        cost_usd: Some(0.0001),
        assumed_cost_usd: None,
    };
    Exchange { request, session: None, occurrence: 0, attempt }
}

fn fixture(path: &Path, count: usize) {
    write_fixture(path, (0..count).map(|number| exchange(number, false))).unwrap();
}

fn store(path: &Path, count: usize) {
    let run = NewRun::of_exchanges("bench", 1);
    let store = Store::open(path, Access::ReadWrite).unwrap();
    store.keep_exchanges(&run, (0..count).map(|number| exchange(number, false))).unwrap();
    store.fold().unwrap();
}

/// Answers every request with a constant until it is killed.
fn bare() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer: Arc<Bytes> = Arc::new(answer(0).into());
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let answer = Arc::clone(&answer);
            let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let answer = Arc::clone(&answer);
                async move {
                    use http_body_util::BodyExt as _;
                    let _asked = request.into_body().collect().await;
                    let body = http_body_util::Full::new(answer.as_ref().clone());
                    let response = hyper::Response::builder().header("content-type", "application/json").body(body);
                    Ok::<_, Infallible>(response.expect("the header is valid"))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}
