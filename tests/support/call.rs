//! One call of the binary, and what is expected of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{CANARY, Destination, Output, Running};

/// A call of the binary in a clean environment: nothing of the caller's but `PATH`, no input.
#[derive(Debug, Clone)]
#[must_use = "a call does nothing until it is run or started"]
pub(crate) struct Call {
    directory: PathBuf,
    under: Vec<OsString>,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    stdin: Option<PathBuf>,
    status: i32,
    stdout: Option<String>,
    stderr: Option<String>,
    contains: Vec<String>,
}

impl Call {
    pub(super) fn new<A: AsRef<OsStr>>(directory: &Path, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            directory: directory.to_owned(),
            under: Vec::new(),
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
            stdin: None,
            status: 0,
            stdout: None,
            stderr: None,
            contains: Vec::new(),
        }
    }

    /// More arguments.
    pub(crate) fn and<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends to a gateway, with the canary for a key.
    pub(crate) fn to<D: Destination + ?Sized>(self, destination: &D) -> Self {
        self.and(["--base-url", &destination.base_url()]).env("OPENROUTER_API_KEY", CANARY)
    }

    /// Writes results to a file.
    pub(crate) fn output(self, name: &str) -> Self {
        self.and(["--output", name])
    }

    /// Calls it in another directory.
    pub(crate) fn from(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// Reads standard input from a file of the directory.
    pub(crate) fn stdin(mut self, name: &str) -> Self {
        self.stdin = Some(self.directory.join(name));
        self
    }

    /// Runs the binary under another program, such as `strace`.
    pub(crate) fn under<A: AsRef<OsStr>>(mut self, program: impl IntoIterator<Item = A>) -> Self {
        self.under = program.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        self
    }

    /// The exit code that is expected.
    pub(crate) fn status(mut self, status: i32) -> Self {
        self.status = status;
        self
    }

    /// All of standard output that is expected.
    pub(crate) fn stdout(mut self, text: &str) -> Self {
        self.stdout = Some(text.to_owned());
        self
    }

    /// All of standard error that is expected, as [`Output::plain_stderr`] gives it.
    pub(crate) fn stderr(mut self, text: &str) -> Self {
        self.stderr = Some(text.to_owned());
        self
    }

    /// A part of standard error that is expected.
    pub(crate) fn stderr_contains(mut self, text: &str) -> Self {
        self.contains.push(text.to_owned());
        self
    }

    /// Runs the binary to its end and checks what was expected.
    pub(crate) fn run(self) -> Output {
        let output = self.clone().start().wait();
        self.check(&output);
        output
    }

    /// Starts the binary and leaves it running; nothing is checked.
    pub(crate) fn start(self) -> Running {
        let binary = OsString::from(env!("CARGO_BIN_EXE_nightreel"));
        let mut words = self.under.iter().chain([&binary]).chain(&self.args);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(&self.directory).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.directory);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(self.stdin.as_ref().map_or_else(Stdio::null, |path| File::open(path).unwrap().into()));
        Running::start(command, &self.directory)
    }

    fn check(&self, output: &Output) {
        output.assert_clean();
        assert_eq!(output.status, Some(self.status), "the exit code of {:?}\n{}", self.args, output.stderr);
        if let Some(stdout) = &self.stdout {
            assert_eq!(&output.stdout, stdout, "standard output of {:?}", self.args);
        }
        if let Some(stderr) = &self.stderr {
            assert_eq!(&output.plain_stderr(), stderr, "standard error of {:?}", self.args);
        }
        for part in &self.contains {
            assert!(output.stderr.contains(part), "{part:?} is missing in\n{}", output.stderr);
        }
    }
}
