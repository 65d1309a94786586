//! The journal: a line for each request, so that another process can count what was asked.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use http::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::answer::Usage;
use super::digest::BodyDigest;
use super::faults::Fault;
use super::ledger::Fate;
use super::limits::Limit;
use super::simulation::Arrival;

/// How many lines wait for the disk before requests do.
const QUEUE: usize = 4096;
/// How many lines are written before they are flushed, at most.
const BATCH: usize = 1024;

/// A line of the journal, as JSON. A request gets its line when what becomes of it is decided,
/// before the latency: one that hangs has a line too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
    /// Microseconds from the start of the simulator to the arrival of the request, by a clock that
    /// never goes back.
    pub monotonic_us: u64,
    /// When the last byte of its reply is due, by the same clock; none where it never comes.
    pub answer_us: Option<u64>,
    /// The HTTP method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// SHA-256 of the body, in lower-case hexadecimal.
    pub body_sha256: String,
    /// Which attempt at this body it is, from 1.
    pub attempt: u32,
    /// The model that it asks for, where that is known.
    pub model: Option<String>,
    /// The status of the reply; none where the connection is reset or left hanging.
    pub status: Option<u16>,
    /// The fault that was injected, if any.
    pub fault: Option<Cow<'static, str>>,
    /// The limit that refused it, if one did.
    pub limit: Option<Cow<'static, str>>,
    /// What becomes of the answer that is paid for, while the client stays: `delivered`, `cut` or
    /// `hung`; none where nothing is paid.
    pub billed: Option<Cow<'static, str>>,
    /// Tokens of the prompt that are paid for.
    pub prompt_tokens: u64,
    /// Tokens of the answer that are paid for.
    pub completion_tokens: u64,
    /// What is paid, in billionths of a USD.
    pub nano_usd: u64,
    /// Requests that were being answered when it came, this one among them.
    pub in_flight: u64,
}

/// What a line is made of.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) arrival: Arrival,
    /// How long after it the reply is due.
    pub(super) delay: Option<Duration>,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) digest: BodyDigest,
    pub(super) attempt: u32,
    pub(super) model: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) fault: Option<Fault>,
    pub(super) limit: Option<Limit>,
    pub(super) billed: Option<(Fate, Usage)>,
}

enum Message {
    Line(SystemTime, Box<Entry>),
    Flush(oneshot::Sender<()>),
}

/// Writes lines on a thread of its own, which ends when the journal is dropped and all is written.
#[derive(Debug)]
pub(super) struct Journal {
    queue: mpsc::Sender<Message>,
    error: Arc<OnceLock<String>>,
}

impl Journal {
    /// Opens a journal to append to.
    ///
    /// # Errors
    /// Fails where the file cannot be opened or no thread started.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let (queue, mut lines) = mpsc::channel(QUEUE);
        let error = Arc::new(OnceLock::new());
        let (name, failure) = (path.display().to_string(), Arc::clone(&error));
        let started = Instant::now();
        thread::Builder::new().name("simulate-journal".to_owned()).spawn(move || {
            if let Err(error) = write_all(file, started, &mut lines) {
                let first = failure.set(format!("cannot write the journal {name}: {error}"));
                first.expect("this thread alone sets it, once");
            }
            // Whoever sees the queue closed finds the reason.
            drop(lines);
        })?;
        Ok(Self { queue, error })
    }

    /// Queues a line, and waits where the disk is behind. Once writing has failed, lines are lost,
    /// and [`Journal::error`] says why.
    pub(super) async fn write(&self, entry: Entry) {
        _ = self.queue.send(Message::Line(SystemTime::now(), Box::new(entry))).await;
    }

    /// Waits until all lines that are queued are in the file, or writing has failed.
    pub(super) async fn flush(&self) {
        let (flushed, is_flushed) = oneshot::channel();
        if self.queue.send(Message::Flush(flushed)).await.is_err() || is_flushed.await.is_err() {
            // Writing has failed; the queue closes when it is known why.
            self.queue.closed().await;
        }
    }

    pub(super) fn error(&self) -> Option<String> {
        self.error.get().cloned()
    }
}

fn write_all(file: File, started: Instant, lines: &mut mpsc::Receiver<Message>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    let mut batch = Vec::with_capacity(BATCH);
    while lines.blocking_recv_many(&mut batch, BATCH) > 0 {
        let mut waiting = Vec::new();
        for message in batch.drain(..) {
            match message {
                Message::Line(unix, entry) => {
                    serde_json::to_writer(&mut file, &line(unix, started, *entry))?;
                    file.write_all(b"\n")?;
                }
                Message::Flush(flushed) => waiting.push(flushed),
            }
        }
        file.flush()?;
        for flushed in waiting {
            // Whoever no longer waits is told in vain.
            _ = flushed.send(());
        }
    }
    Ok(())
}

fn line(unix: SystemTime, started: Instant, entry: Entry) -> JournalLine {
    let unix = unix.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let arrived = entry.arrival.at.saturating_duration_since(started);
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let (fate, usage) = entry.billed.unzip();
    let usage = usage.unwrap_or_default();
    JournalLine {
        unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
        monotonic_us: micros(arrived),
        answer_us: entry.delay.map(|delay| micros(arrived.saturating_add(delay))),
        method: entry.method.to_string(),
        path: entry.path,
        body_sha256: entry.digest.to_string(),
        attempt: entry.attempt,
        model: entry.model,
        status: entry.status,
        fault: entry.fault.map(|fault| fault.as_str().into()),
        limit: entry.limit.map(|limit| limit.as_str().into()),
        billed: fate.map(|fate| fate.as_str().into()),
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        nano_usd: usage.nano_usd(),
        in_flight: entry.arrival.in_flight,
    }
}
