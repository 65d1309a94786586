//! A mount namespace: file systems that are small or read-only, for a test alone.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A mount namespace that lives until it is dropped.
pub(crate) struct Namespace {
    holder: Child,
    as_root: bool,
}

impl Namespace {
    /// A namespace in which a script of mounts has been run. None where the system permits no
    /// namespaces: then the test says that it could not be made.
    pub(crate) fn new(script: &str) -> Option<Self> {
        let as_root = rustix::process::geteuid().is_root();
        let flags: &[&str] = if as_root { &["-m"] } else { &["-U", "-r", "-m"] };
        let script = format!("set -e\n{script}\necho mounted\nread -r _end");
        let holder = Command::new("unshare")
            .args(flags)
            .args(["sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut holder = holder.expect("unshare is missing: install the package util-linux");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() == "mounted" {
            return Some(Self { holder, as_root });
        }
        holder.wait().unwrap();
        super::not_tested("this system permits no mount namespaces");
        None
    }

    /// The program that other programs run under to be inside, in a directory.
    pub(crate) fn inside(&self, directory: &Path) -> Vec<OsString> {
        let user: &[&str] = if self.as_root { &[] } else { &["-U", "--preserve-credentials"] };
        let target = format!("--target={}", self.holder.id());
        // The directory is looked up inside, where something else may be mounted on it.
        let shell = ["sh", "-c", "cd \"$0\" && exec \"$@\""];
        let words = ["nsenter", &target, "-m"];
        let words = words.iter().chain(user).chain(&shell).map(OsString::from);
        words.chain([directory.as_os_str().to_owned()]).collect()
    }

    /// Runs a shell script inside.
    pub(crate) fn sh(&self, directory: &Path, script: &str) {
        let words = self.inside(directory);
        let status = Command::new(&words[0]).args(&words[1..]).args(["sh", "-ec", script]).status().unwrap();
        assert!(status.success(), "{script}: {status}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The script reads this line, or the end of its input, and ends.
        let _gone = self.holder.stdin.take().map(|mut stdin| stdin.write_all(b"end\n"));
        let _reaped = self.holder.wait();
    }
}
