//! Fixtures as tests use them: recorded against a server, and replayed without one.

mod advice;
mod gateway;
mod outliving;
mod recording;
mod replay;
mod turns;
mod under_way;
mod upstream;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use upstream::Upstream;

use super::environment::{BASE_URL, Environment, MODE};
use super::worker::Worker;
use super::*;
use crate::fixture::{Contents, import_text};
use crate::model::Exchange;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment::new(move |name| variables.get(name).cloned())
}

/// The environment of a test that nobody told anything.
fn silent() -> Environment {
    environment(&[])
}

fn chat(prompt: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": prompt}]}).to_string()
}

/// Posts a chat to a server; gives the status and the body.
fn post(server: &FixtureServer, body: String) -> (u16, String) {
    post_to(server, "chat/completions", body)
}

/// Posts a body to a path of a server; gives the status and the body.
fn post_to(server: &FixtureServer, path: &str, body: String) -> (u16, String) {
    let url = format!("{}/{path}", server.base_url());
    let worker = Worker::start().unwrap();
    worker.run(async move {
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let response = client.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

/// An environment that says to record where nobody listens.
fn unreachable(mode: &str) -> Environment {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    environment(&[(MODE, mode), (BASE_URL, &format!("http://{closed}/v1"))])
}

/// A directory with a place for a fixture of each form.
struct Places(TempDir);

impl Places {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn both(&self) -> [PathBuf; 2] {
        [self.0.path().join("new/fixture.db"), self.0.path().join("new/fixture")]
    }
}

/// What a fixture of either form holds.
fn held(path: &Path) -> Vec<Exchange> {
    if path.is_dir() {
        import_text(path).unwrap().into_iter().map(|(_, exchange)| exchange).collect()
    } else {
        Contents::read(path).unwrap()
    }
}

/// The session and the prompt of each exchange that a fixture holds, sorted.
fn asked(path: &Path) -> Vec<(String, String)> {
    let mut asked: Vec<_> = held(path)
        .into_iter()
        .map(|exchange| {
            let body: serde_json::Value = serde_json::from_slice(&exchange.request.body).unwrap();
            let prompt = body["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
            (exchange.session.as_deref().unwrap_or_default().to_owned(), prompt)
        })
        .collect();
    asked.sort();
    asked
}

/// Every file of a fixture with its bytes.
fn bytes(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if path.is_file() {
        return BTreeMap::from([(path.to_owned(), std::fs::read(path).unwrap())]);
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|entry| bytes(&entry)).collect()
}

/// The message of a panic.
fn panic_of(work: impl FnOnce()) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
    let text = caught.downcast_ref::<String>().cloned();
    text.or_else(|| caught.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
}
