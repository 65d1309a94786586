//! A call of the binary that has not ended yet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Output, until};

/// A call of the binary that has not ended yet; it is killed where it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    directory: PathBuf,
    output: TempDir,
}

impl Running {
    /// Starts a command. Its output goes to files: it never waits for a reader.
    pub(super) fn start(mut command: Command, directory: &Path) -> Self {
        let output = tempfile::tempdir().unwrap();
        command.stdout(File::create(output.path().join("stdout")).unwrap());
        command.stderr(File::create(output.path().join("stderr")).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, directory: directory.to_owned(), output }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// What it has written on standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.read("stdout")
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.output.path().join(name)).unwrap()).unwrap()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Returns when a condition holds while it runs.
    ///
    /// # Panics
    /// Panics where it ends before that.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        until(what, || {
            let holds = holds(self);
            assert!(holds || !self.has_ended(), "the call ended before {what}:\n{}", self.stderr());
            holds
        });
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Output {
        self.child.kill().unwrap();
        self.collect()
    }

    /// Waits until it ends.
    pub(crate) fn wait(mut self) -> Output {
        until("the end of the call", || self.has_ended());
        self.collect()
    }

    fn collect(&mut self) -> Output {
        let status = self.child.wait().unwrap();
        Output::new(status, self.read("stdout"), self.read("stderr"), self.directory.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
