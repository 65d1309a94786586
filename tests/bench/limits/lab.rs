//! A simulated gateway and a run against it, each in a process of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::journal::Journal;

const NIGHTREEL: &str = env!("CARGO_BIN_EXE_nightreel");
/// How often a run is looked at.
const EVERY: Duration = Duration::from_millis(50);
/// How long a run may take to send its first request.
const PATIENCE: Duration = Duration::from_mins(2);

/// A directory of one measurement, with its gateway.
pub(crate) struct Lab {
    directory: PathBuf,
    gateway: Child,
    url: String,
}

/// What is asked.
pub(crate) struct Work<'a> {
    pub(crate) models: &'a [&'a str],
    pub(crate) rows: u64,
    /// What stands in the job file beside input and request.
    pub(crate) job: &'a str,
    /// What stands in the command line beside the job.
    pub(crate) flags: &'a [&'a str],
}

impl Lab {
    /// Starts a simulated gateway, in a new directory.
    pub(crate) fn new(directory: PathBuf, gateway_flags: &[&str]) -> Self {
        fs::create_dir_all(&directory).unwrap();
        let mut gateway = Command::new(NIGHTREEL)
            .args(["simulate", "--listen", "127.0.0.1:0", "--journal", "journal.jsonl"])
            .args(gateway_flags)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(directory.join("gateway.log")).unwrap())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { directory, gateway, url: url.trim().to_owned() }
    }

    /// Runs some work until so long after its first request.
    ///
    /// # Errors
    /// Fails where it ends before that.
    pub(crate) fn run_for(&self, work: &Work<'_>, time: Duration) -> Result<(), String> {
        let mut run = self.start(work);
        let deadline = Instant::now() + PATIENCE;
        while self.is_unasked() && run.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                run.kill().unwrap();
                run.wait().unwrap();
                return Err(format!("the run sent nothing for {PATIENCE:?}: {}", self.last_words()));
            }
            std::thread::sleep(EVERY);
        }
        let end = Instant::now() + time + EVERY;
        while Instant::now() < end {
            if let Some(status) = run.try_wait().unwrap() {
                return Err(format!("the run ended early ({status}): {}", self.last_words()));
            }
            std::thread::sleep(EVERY.min(end.saturating_duration_since(Instant::now())));
        }
        // What it has sent until now is all that counts.
        run.kill().unwrap();
        run.wait().unwrap();
        Ok(())
    }

    /// Runs some work to its end, and gives back the exit code.
    ///
    /// # Errors
    /// Fails where a signal ends it.
    pub(crate) fn run(&self, work: &Work<'_>) -> Result<i32, String> {
        let status = self.start(work).wait().unwrap();
        status.code().ok_or_else(|| format!("the run ended with {status}: {}", self.last_words()))
    }

    /// What the gateway has seen, once a run has ended.
    pub(crate) fn seen(&self) -> Journal {
        // The gateway writes within moments what it has answered.
        std::thread::sleep(10 * EVERY);
        Journal::read(&self.journal())
    }

    /// Ends the gateway, and reads what it has seen.
    pub(crate) fn end(mut self) -> Journal {
        self.end_gateway();
        Journal::read(&self.journal())
    }

    fn start(&self, work: &Work<'_>) -> Child {
        let Work { models, rows, job, flags } = work;
        let mut input = File::create(self.directory.join("rows.csv")).unwrap();
        let rows: String = (0..*rows).map(|row| format!("{row}\n")).collect();
        input.write_all(format!("number\n{rows}").as_bytes()).unwrap();
        let job = format!(
            "[input]\npath = \"rows.csv\"\n[request]\nmodels = {models:?}\n\
             prompt = \"Say something about the number {{{{ number }}}}.\"\n{job}\n"
        );
        fs::write(self.directory.join("job.toml"), job).unwrap();
        Command::new(NIGHTREEL)
            .args(["run", "job.toml", "--progress", "none", "--base-url", &self.url])
            .args(*flags)
            .current_dir(&self.directory)
            .env("OPENROUTER_API_KEY", "bench")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(self.directory.join("run.log")).unwrap())
            .spawn()
            .unwrap()
    }

    fn journal(&self) -> PathBuf {
        self.directory.join("journal.jsonl")
    }

    fn is_unasked(&self) -> bool {
        fs::metadata(self.journal()).map_or(0, |metadata| metadata.len()) == 0
    }

    /// What the run has said last.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.directory.join("run.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    fn end_gateway(&mut self) {
        if self.gateway.try_wait().unwrap().is_none() {
            let pid = Pid::from_raw(i32::try_from(self.gateway.id()).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            self.gateway.wait().unwrap();
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end_gateway();
    }
}

/// A directory for everything, which is removed at the end.
pub(crate) fn workplace() -> PathBuf {
    std::env::temp_dir().join(format!("nightreel-limits-{}", std::process::id()))
}

/// Removes it.
pub(crate) fn clear(directory: &Path) {
    fs::remove_dir_all(directory).unwrap();
}
