//! A server of recordings that runs beside a test.

use std::net::TcpStream;

use rustix::process::Signal;

use super::{Ask, Call, Destination, Output, Running, Test};

/// `nightreel serve`, once it listens.
#[derive(Debug)]
pub(crate) struct Served {
    running: Running,
    base_url: String,
}

impl Served {
    /// Starts a call of `serve`.
    pub(crate) fn start(call: Call) -> Self {
        let mut running = call.start();
        running.until("the line with the base URL", |running| running.stdout().ends_with('\n'));
        let base_url = running.stdout().trim_end().to_owned();
        Self { running, base_url }
    }

    /// Records into `served.db`, whatever was recorded before.
    pub(crate) fn record<D: Destination + ?Sized>(test: &Test, gateway: &D) -> Self {
        Self::start(test.serve("record").to(gateway))
    }

    /// Replays from `served.db`: no gateway, no key.
    pub(crate) fn replay(test: &Test) -> Self {
        Self::start(test.serve("replay"))
    }

    /// What it gives as its base URL.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        let path = self.base_url["http://".len()..].find('/').map(|at| "http://".len() + at);
        &self.base_url[..path.unwrap_or(self.base_url.len())]
    }

    /// The base URL of a session.
    pub(crate) fn session_url(&self, name: &str) -> String {
        format!("{}/session/{name}/v1", self.origin())
    }

    /// A chat request in the unnamed session.
    pub(crate) fn chat(&self, body: impl Into<Vec<u8>>) -> Ask {
        Ask::post(format!("{}/chat/completions", self.base_url), body)
    }

    /// Whether it takes connections.
    pub(crate) fn listens(&self) -> bool {
        TcpStream::connect(self.origin().strip_prefix("http://").unwrap()).is_ok()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Waits until it ends.
    pub(crate) fn wait(self) -> Output {
        self.running.wait()
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn stop(self) -> Output {
        self.signal(Signal::INT);
        self.wait()
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(self) -> Output {
        self.running.kill()
    }
}
