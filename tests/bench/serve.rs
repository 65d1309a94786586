//! What a replay by the server costs, measured in one run on one machine.
//!
//! `cargo bench --bench serve` takes about two minutes and prints a table: CPU a JSON replay beside
//! a bare hyper server that answers a constant, at 100, 10,000 and 100,000 recordings, of a store
//! and of a fixture; streams of 30 pieces a second; how soon the server answers; and its memory.
//! The servers run in processes of their own, whose CPU time the system tells.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot measure says so and ends")]
#![expect(clippy::cast_precision_loss, reason = "figures for people have fewer digits than a double")]

use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use nightreel::model::{Attempt, Chunk, Class, End, Endpoint, Exchange, Header, KeyRules, Reply, Request, Timing};
use nightreel::store::{Access, NewRun, Store, write_fixture};

const NIGHTREEL: &str = env!("CARGO_BIN_EXE_nightreel");
/// How many clients ask at once.
const CLIENTS: usize = 8;
/// How many requests one figure is made of.
const REQUESTS: usize = 40_000;
/// How many pieces a stream has.
const PIECES: usize = 30;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "bare") {
        bare();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let bare = Server::start(&mut Command::new(std::env::current_exe().unwrap()), &["bare"]);
    let bare_us = bare.load(100, json).cpu_us;
    println!("{:<46} {bare_us:>8.1} µs CPU", "bare hyper, a constant");
    for (kind, make) in [("store", store as fn(&Path, usize)), ("fixture", fixture)] {
        for count in [100, 10_000, 100_000] {
            let path = directory.path().join(format!("{kind}-{count}.db"));
            make(&path, count);
            measure(kind, &path, count, bare_us);
        }
    }
    let path = directory.path().join("streams.db");
    write_fixture(&path, (0..100).map(|number| exchange(number, true))).unwrap();
    let loaded = serve(&path).load(100, stream);
    println!(
        "{:<46} {:>8.1} µs CPU, {:>7.0} a second of one core, {:>7.0} a second here",
        format!("a stream of {PIECES} pieces"),
        loaded.cpu_us,
        1e6 / loaded.cpu_us,
        loaded.rate
    );
}

fn measure(kind: &str, path: &Path, count: usize, bare_us: f64) {
    let begun = Instant::now();
    let server = serve(path);
    assert!(server.ask(0, json).contains("answer 0"));
    let ready = begun.elapsed();
    let idle_kib = server.memory_kib();
    // Each recording once before anything is counted, or as many as the figure takes.
    let loaded = server.load(count, json);
    println!(
        "{:<46} {:>8.1} µs CPU, {:.2} × bare, {:>6.0} a second, first answer after {:>4} ms, {:>5.1} MiB then {:.1}",
        format!("{kind} of {count} recordings ({:.1} MiB)", fs::metadata(path).unwrap().len() as f64 / 1_048_576.0),
        loaded.cpu_us,
        loaded.cpu_us / bare_us,
        loaded.rate,
        ready.as_millis(),
        idle_kib as f64 / 1024.0,
        server.memory_kib() as f64 / 1024.0,
    );
}

fn serve(path: &Path) -> Server {
    let path = path.to_str().unwrap();
    let arguments = ["serve", "--store", path, "--mode", "replay", "--policy", "cycle", "--listen", "127.0.0.1:0"];
    Server::start(&mut Command::new(NIGHTREEL), &arguments)
}

/// A server process.
struct Server {
    child: Child,
    address: String,
    _stdout: Box<dyn Read>,
}

/// What requests cost.
struct Loaded {
    cpu_us: f64,
    rate: f64,
}

impl Server {
    fn start(command: &mut Command, arguments: &[&str]) -> Self {
        let command = command.args(arguments).env_remove("CI").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        let address = url.trim().trim_start_matches("http://").split('/').next().unwrap().to_owned();
        Self { child, address, _stdout: Box::new(stdout) }
    }

    /// Asks for some recordings over and over, and says what one answer costs.
    fn load(&self, recordings: usize, request: fn(usize) -> String) -> Loaded {
        let (before, begun) = (self.cpu(), Instant::now());
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let address = &self.address;
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    for index in (client..REQUESTS).step_by(CLIENTS) {
                        // A prime step visits all recordings in an order that no cache foresees.
                        connection.ask(&request(index * 7_919 % recordings));
                    }
                });
            }
        });
        let seconds = begun.elapsed().as_secs_f64();
        let cpu_us = self.cpu().saturating_sub(before).as_secs_f64() * 1e6 / REQUESTS as f64;
        Loaded { cpu_us, rate: REQUESTS as f64 / seconds }
    }

    fn ask(&self, number: usize, request: fn(usize) -> String) -> String {
        Connection::open(&self.address).ask(&request(number))
    }

    /// The CPU time of the process so far, of all its threads: the system counts in hundredths of a second.
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
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

/// A connection that is kept.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::with_capacity(64 * 1024, stream) }
    }

    /// Asks, and gives back the body.
    fn ask(&mut self, request: &str) -> String {
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length, mut status) = (String::new(), None, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if status.is_empty() {
                status.clone_from(&line);
            }
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<usize>().unwrap());
            }
        }
        let body = if let Some(length) = length { self.exactly(length) } else { self.chunked() };
        assert!(status.starts_with("HTTP/1.1 200"), "{status}{body}");
        body
    }

    fn exactly(&mut self, length: usize) -> String {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    fn chunked(&mut self) -> String {
        let mut body = String::new();
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let piece = self.exactly(size + 2);
            if size == 0 {
                return body;
            }
            body.push_str(piece.trim_end_matches("\r\n"));
        }
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
