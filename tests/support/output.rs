//! What a call of the binary came to.

use std::path::PathBuf;
use std::process::ExitStatus;

use std::os::unix::process::ExitStatusExt as _;

use regex::Regex;

use super::CANARY;

/// What a call of the binary came to.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; none where a signal ended it.
    pub(crate) status: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    directory: PathBuf,
}

impl Output {
    pub(super) fn new(status: ExitStatus, stdout: String, stderr: String, directory: PathBuf) -> Self {
        Self { status: status.code(), signal: status.signal(), stdout, stderr, directory }
    }

    /// Standard error with everything that differs from call to call told by name: the directory,
    /// ports, times, processes, hosts.
    pub(crate) fn plain_stderr(&self) -> String {
        let mut text = self.stderr.replace(&self.directory.display().to_string(), "[DIR]");
        for (pattern, with) in [
            (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
            (r"\b(in|after) \d+\.\d s\b", "$1 [TIME]"),
            (r"process \d+ on \S+, since \S+", "process [PID] on [HOST], since [TIME]"),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
        }
        text
    }

    /// Nothing panicked, and no key is shown.
    pub(super) fn assert_clean(&self) {
        for text in [&self.stdout, &self.stderr] {
            assert!(!text.contains("panicked"), "{text}");
            assert!(!text.contains(CANARY), "the key is shown:\n{text}");
        }
    }
}
