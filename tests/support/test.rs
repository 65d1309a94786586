//! A directory of its own for one test, and calls of the binary in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Call, Store};

/// The key that calls send with. It must never be seen anywhere.
pub(crate) const CANARY: &str = "sk-or-v1-canary-5d1f7c2e9b";

/// A directory with files in it that the binary is called in.
#[derive(Debug)]
pub(crate) struct Test {
    directory: TempDir,
}

impl Test {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::Builder::new().prefix("nightreel-it-").tempdir().unwrap() }
    }

    /// Writes `job.toml`.
    pub(crate) fn job(self, text: &str) -> Self {
        self.file("job.toml", text)
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A call of the binary: its status must be 0 unless the call says otherwise.
    pub(crate) fn args<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Call {
        Call::new(self.directory(), args)
    }

    /// `run job.toml`.
    pub(crate) fn run_job(&self) -> Call {
        self.args(["run", "job.toml", "--progress", "none"])
    }

    /// `replay job.toml`.
    pub(crate) fn replay_job(&self) -> Call {
        self.args(["replay", "job.toml", "--progress", "none"])
    }

    /// `serve` in a mode, on `served.db` and a free port.
    pub(crate) fn serve(&self, mode: &str) -> Call {
        self.args(["serve", "--store", "served.db", "--listen", "127.0.0.1:0", "--mode", mode])
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The text of a file.
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// The lines of a file of JSON.
    pub(crate) fn json_lines(&self, name: &str) -> Vec<serde_json::Value> {
        self.text(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The default store.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path("nightreel.db"))
    }
}
