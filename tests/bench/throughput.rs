//! What nightreel costs beside a bare loop, measured in one run on one machine.
//!
//! `cargo bench --bench throughput` takes a few minutes and prints a table: CPU a row of a run
//! against a bare reqwest loop, the share of the ideal rate at a fixed latency, rows a second of a
//! replay, the memory of a long run beside a short one, and the size of a store beside what is in
//! it. The simulated gateway runs in a process of its own, so that its work is not counted.
//!
//! `cargo bench --bench throughput -- --quick` takes a tenth of the rows.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot measure says so and ends")]
#![expect(clippy::cast_precision_loss, reason = "figures for people have fewer digits than a double")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nightreel::simulate::{Latency, Options, Simulator};
use nix::sys::resource::{UsageWho, getrusage};

const NIGHTREEL: &str = env!("CARGO_BIN_EXE_nightreel");
const IN_FLIGHT: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["gateway", latency_ms] => gateway(latency_ms.parse().unwrap()),
        ["loop", url, rows] => bare_loop(url, rows.parse().unwrap()),
        rest => measure(if rest.contains(&"--quick") { 10 } else { 1 }),
    }
}

/// Serves the simulated gateway until standard input closes.
fn gateway(latency_ms: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let latency = if latency_ms == 0 { Latency::default() } else { format!("{latency_ms}ms").parse().unwrap() };
    let options = Options { latency, ..Options::default() };
    let simulator = runtime.block_on(Simulator::start(options, ([127, 0, 0, 1], 0).into())).unwrap();
    println!("{}", simulator.base_url());
    std::io::stdout().flush().unwrap();
    let waiting = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    runtime.block_on(async move {
        while !waiting.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

/// What a run is measured against: the same bodies through reqwest, nothing kept.
fn bare_loop(url: &str, rows: usize) {
    let _second_time = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let url = format!("{url}/chat/completions");
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..IN_FLIGHT {
            let (client, url) = (client.clone(), url.clone());
            tasks.spawn(async move {
                for row in (lane..rows).step_by(IN_FLIGHT) {
                    let body = body(row);
                    let request = client.post(&url).header("content-type", "application/json").body(body);
                    let reply = request.send().await.unwrap().bytes().await.unwrap();
                    assert!(!reply.is_empty());
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
}

fn question(row: usize) -> String {
    format!("What is the sum of {row} and {}, and why does it matter to the harbour master?", row * 7 % 1000)
}

fn body(row: usize) -> String {
    format!(
        "{{\"model\":\"bench/model\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}],\"max_tokens\":64}}",
        question(row)
    )
}

/// A process that is measured when it ends.
struct Measured {
    wall: Duration,
    cpu: Duration,
    peak_kib: u64,
}

fn run(command: &mut Command) -> Measured {
    let cpu = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let (user, system) = (usage.user_time(), usage.system_time());
        let micros = |time: nix::sys::time::TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs();
        Duration::from_micros(micros(user) + micros(system))
    };
    let (before, begun) = (cpu(), Instant::now());
    let mut child = command.spawn().unwrap();
    let peak_kib = watch_memory(&mut child);
    assert!(child.wait().unwrap().success(), "{command:?}");
    Measured { wall: begun.elapsed(), cpu: cpu().saturating_sub(before), peak_kib }
}

/// The peak memory of a child: the system keeps it, and it is read until the child has ended.
fn watch_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let peak = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok());
        peak_kib = peak.unwrap_or(0).max(peak_kib);
        std::thread::sleep(Duration::from_millis(20));
    }
    peak_kib
}

struct Gateway {
    child: Child,
    url: String,
}

impl Gateway {
    fn start(latency_ms: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["gateway", &latency_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}

struct Bench {
    directory: PathBuf,
}

impl Bench {
    fn job(&self, name: &str, rows: usize) -> PathBuf {
        let mut csv = File::create(self.directory.join(format!("{name}.csv"))).unwrap();
        writeln!(csv, "id,question").unwrap();
        (0..rows).for_each(|row| writeln!(csv, "{row},\"{}\"", question(row)).unwrap());
        let job = self.directory.join(format!("{name}.toml"));
        let text = format!(
            "[input]\npath = \"{name}.csv\"\nid = \"id\"\n[request]\nmodels = [\"bench/model\"]\n\
             prompt = \"{{{{ question }}}}\"\nparams = {{ max_tokens = 64 }}\n[limits]\nin_flight = {IN_FLIGHT}\n"
        );
        fs::write(&job, text).unwrap();
        job
    }

    fn nightreel(&self, arguments: &[&str], job: &Path) -> Measured {
        let store = self.directory.join(format!("{}.db", job.file_stem().unwrap().to_string_lossy()));
        run(Command::new(NIGHTREEL)
            .args(arguments)
            .arg(job)
            .arg("--store")
            .arg(store)
            .args(["--quiet", "--progress", "none"])
            .env("OPENROUTER_API_KEY", "bench"))
    }
}

fn measure(divisor: usize) {
    let directory = std::env::temp_dir().join(format!("nightreel-bench-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let bench = Bench { directory: directory.clone() };
    cpu_a_row(&bench, 50_000 / divisor);
    replay(&bench, 100_000 / divisor);
    share_of_ideal(&bench, 10_000 / divisor);
    memory(&bench, 1_000_000 / divisor);
    fs::remove_dir_all(directory).unwrap();
}

fn per_row(cpu: Duration, rows: usize) -> f64 {
    cpu.as_secs_f64() * 1e6 / rows as f64
}

fn cpu_a_row(bench: &Bench, rows: usize) {
    let gateway = Gateway::start(0);
    let job = bench.job("cpu", rows);
    let bare = run(Command::new(std::env::current_exe().unwrap()).args(["loop", &gateway.url, &rows.to_string()]));
    let ours = bench.nightreel(&["run", "--base-url", &gateway.url], &job);
    let (bare_us, ours_us) = (per_row(bare.cpu, rows), per_row(ours.cpu, rows));
    println!(
        "CPU a row, {rows} rows at 0 ms: bare loop {bare_us:.1} us, run {ours_us:.1} us: {:.2} x",
        ours_us / bare_us
    );
    println!("  wall: bare loop {:.2} s, run {:.2} s", bare.wall.as_secs_f64(), ours.wall.as_secs_f64());
}

fn replay(bench: &Bench, rows: usize) {
    let gateway = Gateway::start(0);
    let job = bench.job("replay", rows);
    let recorded = bench.nightreel(&["run", "--base-url", &gateway.url], &job);
    drop(gateway);
    let raw = raw_bytes(rows);
    let store = fs::metadata(bench.directory.join("replay.db")).unwrap().len();
    println!(
        "store of {rows} rows: {:.2} x its raw requests and replies ({store} of {raw} bytes)",
        store as f64 / raw as f64
    );
    let output = bench.directory.join("replay.jsonl");
    let ours = bench.nightreel(&["replay", "--output", output.to_str().unwrap()], &job);
    let rate = rows as f64 / ours.wall.as_secs_f64();
    println!("replay of {rows} rows to a file: {rate:.0} rows/s, {:.1} us CPU a row", per_row(ours.cpu, rows));
    println!("  recording them took {:.2} s", recorded.wall.as_secs_f64());
}

/// What the requests and replies of some rows add up to, from a sample of them.
fn raw_bytes(rows: usize) -> u64 {
    let gateway = Gateway::start(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sample = rows.min(1_000);
    let bytes = runtime.block_on(async {
        let _second_time = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut bytes = 0;
        for row in 0..sample {
            let request = client.post(format!("{}/chat/completions", gateway.url)).body(body(row));
            bytes += body(row).len() + request.send().await.unwrap().bytes().await.unwrap().len();
        }
        bytes
    });
    (bytes * rows / sample) as u64
}

fn share_of_ideal(bench: &Bench, rows: usize) {
    let gateway = Gateway::start(50);
    let job = bench.job("latency", rows);
    let ours = bench.nightreel(&["run", "--base-url", &gateway.url], &job);
    let ideal = rows as f64 / (IN_FLIGHT as f64 / 0.05);
    let share = ideal / ours.wall.as_secs_f64() * 100.0;
    println!(
        "{rows} rows at 50 ms, {IN_FLIGHT} in flight: {:.2} s, {share:.1} % of the ideal rate",
        ours.wall.as_secs_f64()
    );
}

fn memory(bench: &Bench, rows: usize) {
    let gateway = Gateway::start(0);
    let few = bench.nightreel(&["run", "--base-url", &gateway.url], &bench.job("few", 10_000));
    let many = bench.nightreel(&["run", "--base-url", &gateway.url], &bench.job("many", rows));
    let (few_mb, many_mb) = (few.peak_kib as f64 / 1024.0, many.peak_kib as f64 / 1024.0);
    println!("peak memory: {few_mb:.1} MiB for 10000 rows, {many_mb:.1} MiB for {rows}: {:.2} x", many_mb / few_mb);
    println!("  {rows} rows took {:.1} s", many.wall.as_secs_f64());
}
